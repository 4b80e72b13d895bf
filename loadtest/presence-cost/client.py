"""A WebSocket client for many connections in one process, which keeps what it receives of presence."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import struct
import time
import urllib.parse

from cluster import SECRET


def token(user):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    claims = {"sub": user, "name": f"Name of {user}", "exp": int(time.time()) + 3600}
    signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    return (signed + b"." + part(hmac.digest(SECRET.encode(), signed, hashlib.sha256))).decode()


class Client(asyncio.Protocol):
    """A connection of `user` to a group. `on_frame` gets it and each text frame; `established` and `closed` are futures
    of the first frame and of the end."""

    def __init__(self, user, group, on_frame=None):
        loop = asyncio.get_running_loop()
        self.user, self.group, self.on_frame = user, group, on_frame
        self.established, self.closed = loop.create_future(), loop.create_future()
        self.buffer = bytearray()
        self.is_upgraded = False
        self.transport = None

    @classmethod
    async def connect(cls, port, user, group, on_frame=None):
        client = cls(user, group, on_frame)
        await asyncio.get_running_loop().create_connection(lambda: client, "127.0.0.1", port)
        await client.established
        return client

    def close(self):
        self.transport.write(b"\x88\x82\0\0\0\0\x03\xe8")  # 1000
        self.transport.close()

    def connection_made(self, transport):
        self.transport = transport
        query = urllib.parse.urlencode({"token": token(self.user)})
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write((
            f"GET /g/{self.group}?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nUser-Agent: {'x' * 80}\r\n\r\n").encode())

    def connection_lost(self, error):
        if not self.established.done():
            self.established.set_exception(ConnectionError(f"{self.user} was not let in"))
        self.closed.set_result(None)

    def data_received(self, data):
        self.buffer += data
        if not self.is_upgraded:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self.buffer.startswith(b"HTTP/1.1 101 "):
                return self.transport.close()
            del self.buffer[:end + 4]
            self.is_upgraded = True
        self.take_frames()

    def take_frames(self):
        at = 0
        while len(self.buffer) >= at + 2:
            length, head = self.buffer[at + 1], 2
            if length >= 126:
                head = 4 if length == 126 else 10
                if len(self.buffer) < at + head:
                    break
                length = struct.unpack_from(">H" if head == 4 else ">Q", self.buffer, at + 2)[0]
            if len(self.buffer) < at + head + length:
                break
            opcode = self.buffer[at] & 15
            body = bytes(self.buffer[at + head:at + head + length])
            at += head + length
            if opcode == 1:
                self.received(body)
            elif opcode == 9:
                self.transport.write(b"\x8a\x80\0\0\0\0")
            elif opcode == 8:
                self.transport.close()
        del self.buffer[:at]

    def received(self, body):
        if not self.established.done():
            self.established.set_result(body)
        elif self.on_frame is not None:
            self.on_frame(self, body)
