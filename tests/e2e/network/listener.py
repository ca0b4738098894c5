"""A program that takes connections and answers name servers' questions, until its input ends:

python -m tests.e2e.network.listener '[["TCP", "198.51.100.1", 443], ["UDP", "198.51.100.53", 53]]'
"""

import asyncio
import json
import sys

from .way import Way, answer


class NameServer(asyncio.DatagramProtocol):
    """Has an address for every name."""

    transport: asyncio.DatagramTransport

    # asyncio's own is no DatagramTransport for isinstance before Python 3.13.
    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(answer(data), addr)


async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Who has a connection has seen enough."""
    writer.close()


async def listen(ways: list[Way]) -> None:
    """On all of them, said by a line."""
    loop = asyncio.get_running_loop()
    kept: list[object] = []
    for way in ways:
        if way.protocol == "TCP":
            kept.append(await asyncio.start_server(take, way.address, way.port))
        else:
            kept.append(await loop.create_datagram_endpoint(NameServer, local_addr=(way.address, way.port)))
    print("listening", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(listen([Way(*each) for each in json.loads(sys.argv[1])]))
