"""python -m tests.bench.strangers PORT LOAD: what somebody who never logs in can do to a hub, with bounded force."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress

from .measure import many

MIB = 2**20
HOLD = many(8.0, smoke=0.5)
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"


async def _send(port: int, head: str, *pieces: bytes, hold: float = 0.0) -> None:
    """Asks exactly this, as far as the hub lets it, and stays for `hold` seconds; then reads the answer."""
    with suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode())
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if hold:
            await asyncio.sleep(hold)
        else:
            await reader.read(1000)
        writer.close()


def _post(size: int, more: str = "") -> str:
    return f"POST /hub/login HTTP/1.1\r\nHost: hub\r\n{FORM}{more}Content-Length: {size}\r\n\r\n"


async def _large(port: int, count: int) -> None:
    piece, size = b"x" * 2**16, 60 * MIB
    await asyncio.gather(*[_send(port, _post(size), *[piece] * (size // len(piece))) for _ in range(count)])


async def _each(count: int, second: int, ask: Callable[[], Coroutine[None, None, None]]) -> None:
    """Asks so often in all, and in a second."""

    async def later(number: int) -> None:
        await asyncio.sleep(number / second)
        await ask()

    await asyncio.gather(*[later(number) for number in range(many(count, smoke=20))])


async def _slow(port: int, count: int, size: int) -> None:
    await _each(count, 200, lambda: _send(port, _post(size), b"x" * (size - 1), hold=HOLD))


async def _idle(port: int) -> None:
    await _each(3000, 500, lambda: _send(port, "GET /hub/login HTTP/1.1\r\n", hold=HOLD))


async def _heads(port: int) -> None:
    """Heads as large as the proxy lets through, whose bodies never come."""
    names = "".join(f"X{n}: \r\n" for n in range(1200))
    query = "&".join(f"a{n}" for n in range(800))
    head = _post(1, names).replace("/hub/login", f"/hub/login?{query}")
    await _each(300, 20, lambda: _send(port, head, hold=HOLD))


async def _pieces(port: int) -> None:
    head = _post(0).replace("Content-Length: 0", "Transfer-Encoding: chunked")
    pieces = [b"2\r\nxx\r\n" * 1000] * many(40, smoke=4)
    await asyncio.gather(*[_send(port, head, *pieces, hold=HOLD) for _ in range(many(20, smoke=2))])


LOADS: dict[str, Callable[[int], Coroutine[None, None, None]]] = {
    "one login of 60 MiB": lambda port: _large(port, 1),
    "three of them at once": lambda port: _large(port, 3),
    "300 logins of 1 MiB that stop short, 200 a second": lambda port: _slow(port, 300, MIB),
    "1,000 logins of 60 KB that stop short, 200 a second": lambda port: _slow(port, 1000, 60_000),
    "3,000 connections that ask nothing, 500 a second": _idle,
    "300 heads of 16 KB, 20 a second, and no body": _heads,
    "20 logins of 80 KB in pieces of 2 bytes": _pieces,
}


if __name__ == "__main__":
    asyncio.run(LOADS[sys.argv[2]](int(sys.argv[1])))
