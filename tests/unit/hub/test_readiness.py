"""A server that starts may already be whatever its person made of it: asking it harms no hub."""

import asyncio
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import pytest
from coursehub.hub.readiness import NotReady, Readiness

READY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

Answer = Callable[[socket.socket], object]


@contextmanager
def listening(answer: Answer) -> Iterator[str]:
    """The address of a server that answers each request as it likes."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection, suppress(ConnectionError):
                    connection.recv(2**16)
                    answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        host, port = server.getsockname()
        try:
            yield f"http://{host}:{port}/user/clara/"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def answering(text: bytes) -> Answer:
    return lambda connection: connection.sendall(text)


async def wait(address: str, most: float = 60.0) -> None:
    now = asyncio.get_running_loop().time()
    await Readiness().wait(SimpleNamespace(address=address, pod={}, start_timeout=most, began=now), lambda: None)


async def test_a_server_is_ready_when_it_answers() -> None:
    with listening(answering(READY)) as address:
        await wait(address)


async def test_no_redirect_of_a_server_is_followed() -> None:
    asked: list[bool] = []

    def another(connection: socket.socket) -> None:
        asked.append(True)
        connection.sendall(READY)

    with listening(another) as elsewhere:
        text = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n"
        with listening(answering(text.encode())) as address:
            await wait(address)
    assert not asked


async def test_an_answer_without_end_is_not_read() -> None:
    sent = 0

    def endless(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in itertools.repeat(b"10000\r\n" + bytes(2**16) + b"\r\n"):
            connection.sendall(piece)
            sent += len(piece)

    with listening(endless) as address:
        await wait(address)
    # What fits into the two sockets.
    assert sent < 2**25


@pytest.mark.parametrize("piece", [b"HTTP/1.1 102 Processing\r\n\r\n", b"X-More: and more\r\n"], ids=["102", "header"])
async def test_whoever_answers_without_coming_to_an_answer_is_not_ready_and_holds_up_nobody(piece: bytes) -> None:
    """The hub's loop goes on meanwhile, as it does when the start's time is over."""

    def endless(connection: socket.socket) -> None:
        if piece.startswith(b"X"):
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(piece * 1000)

    with listening(endless) as address:
        # Many times what it takes.
        async with asyncio.timeout(30):
            with pytest.raises(NotReady):
                await wait(address, most=4.0)
