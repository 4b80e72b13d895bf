#!/usr/bin/env python3
"""Three plain WebSocket servers on one port, which know nothing of Martlet: martlet-loadtest drives them by an adapter.

    loadtest/foreign/server.py 9001

/echo        sends every message back to who sent it
/room/NAME   sends every message to everybody in the room, its sender included
/chat        JSON: {"join": ROOM} is answered by {"event": "joined"}; {"say": TEXT, "id": N} is answered by
             {"event": "accepted", "id": N}, and the others in the room get {"event": "said", "data": {"text": TEXT}}

--lose N     does not deliver every Nth message of each sender in rooms to their first member
"""
import argparse
import asyncio
import collections
import json
import signal

import websockets

rooms = collections.defaultdict(list)


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def room(socket, name, lose):
    members = rooms[name]
    members.append(socket)
    count = 0
    try:
        async for message in socket:
            count += 1
            lost = lose and count % lose == 0
            websockets.broadcast(members[1:] if lost else members, message)
    finally:
        members.remove(socket)


async def chat(socket):
    members = None
    try:
        async for text in socket:
            message = json.loads(text)
            if "join" in message:
                members = rooms["chat " + message["join"]]
                members.append(socket)
                await socket.send(json.dumps({"event": "joined"}))
            elif "say" in message and members is not None:
                said = json.dumps({"event": "said", "data": {"text": message["say"]}})
                websockets.broadcast([member for member in members if member is not socket], said)
                await socket.send(json.dumps({"event": "accepted", "id": message["id"]}))
    finally:
        if members is not None:
            members.remove(socket)


async def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int, help="on 127.0.0.1; 0: any, which is printed")
    parser.add_argument("--lose", type=int, default=0, metavar="N")
    options = parser.parse_args()

    async def serve(socket):
        # Since version 13 of the library the path belongs to the request.
        path = socket.request.path if hasattr(socket, "request") else socket.path
        parts = path.split("?")[0].strip("/").split("/")
        if parts == ["echo"]:
            await echo(socket)
        elif parts[0] == "room" and len(parts) == 2:
            await room(socket, parts[1], options.lose)
        elif parts == ["chat"]:
            await chat(socket)

    stop = asyncio.get_running_loop().create_future()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(
            number, lambda: stop.done() or stop.set_result(None))
    async with websockets.serve(serve, "127.0.0.1", options.port) as server:
        print(f"listening on {server.sockets[0].getsockname()[1]}", flush=True)
        await stop


asyncio.run(main())
