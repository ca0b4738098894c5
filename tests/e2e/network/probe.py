"""A program that says which of many ways are open from the network that it runs in:

python -m tests.e2e.network.probe '{"seconds": 20, "open": [["TCP", "198.51.100.1", 443]], "closed": []}'

Each is tried until it is as it has to be. What has to be closed comes after what has to be open, since a network that
is not there yet looks closed.
"""

import asyncio
import json
import socket
import sys
from collections.abc import Sequence

from .way import QUESTION, Way, is_answer

# Seconds for one try.
TRY = 2.0


async def is_open(way: Way) -> bool:
    """Whether it takes a connection, or answers a name server's question."""
    try:
        async with asyncio.timeout(TRY):
            if way.protocol == "UDP":
                return is_answer(await ask(way))
            _, writer = await asyncio.open_connection(way.address, way.port)
    except OSError:
        return False
    writer.close()
    return True


async def ask(way: Way) -> bytes:
    """What comes back of a question for a name."""
    loop = asyncio.get_running_loop()
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect((way.address, way.port))
        await loop.sock_sendall(client, QUESTION)
        return await loop.sock_recv(client, 512)


async def settle(way: Way, wanted: bool, end: float) -> bool:
    """Whether it is open, as soon as that is as wanted, or else at the end."""
    while True:
        found = await is_open(way)
        if found == wanted or asyncio.get_running_loop().time() >= end:
            return found
        await asyncio.sleep(0.2)


async def run(seconds: float, wanted_open: Sequence[Way], wanted_closed: Sequence[Way]) -> list[Way]:
    """Those that are open."""
    found: list[Way] = []
    for ways, wanted in ((wanted_open, True), (wanted_closed, False)):
        end = asyncio.get_running_loop().time() + seconds
        states = await asyncio.gather(*(settle(way, wanted, end) for way in ways))
        found += [way for way, state in zip(ways, states, strict=True) if state]
    return found


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    wanted = ([Way(*each) for each in given[key]] for key in ("open", "closed"))
    print(json.dumps(asyncio.run(run(given["seconds"], *wanted))))
