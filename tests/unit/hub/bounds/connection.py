"""A connection to a server, byte by byte."""

import asyncio
from contextlib import suppress


class Connection:
    """A connection to the server, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, *pieces: bytes) -> None:
        """All of it, as far as it is taken."""
        with suppress(ConnectionError):
            for piece in pieces:
                self._writer.write(piece)
                await self._writer.drain()

    async def answer(self) -> tuple[int, str]:
        """The status and the body of the next answer; 0 where the connection ended instead."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 10)).decode()
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            body = await self._reader.readexactly(int(fields.get("Content-Length", 0)))
            return int(head.split()[1]), body.decode().strip()
        return 0, ""

    async def ends(self) -> None:
        """All that the other side said is read, and it closes; TimeoutError where it does not."""
        with suppress(ConnectionError):
            await asyncio.wait_for(self._reader.read(), 10)

    def close(self) -> None:
        """Ends it."""
        self._writer.close()


def chunks(size: int, each: int) -> list[bytes]:
    """A chunked body of so many bytes, in chunks of `each`."""
    return [b"%x\r\n%b\r\n" % (each, b"x" * each)] * (size // each) + [b"0\r\n\r\n"]
