"""A real HTTP server with the bounds, spoken to over bare connections."""

import asyncio
import logging
from collections.abc import AsyncIterator
from socket import SO_SNDBUF, SOL_SOCKET
from typing import ClassVar

import pytest
from coursehub.hub.bounds import rules, server
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from tests.unit.hub.bounds.connection import Connection, chunks

MIB = 2**20
POST = b"POST / HTTP/1.1\r\nHost: hub\r\n"


class Echo(RequestHandler):
    """Says how much came; `slow` waits until it is let go, and `large` is an answer that fits no buffer."""

    go = asyncio.Event()
    begun: ClassVar[asyncio.Queue[None]] = asyncio.Queue()

    async def get(self) -> None:
        """Nothing, or much of it."""
        for _ in range(int(self.get_query_argument("large", "0"))):
            self.write(b"x" * 2**16)
            await self.flush()

    async def post(self) -> None:
        """The length of the body and the number of its fields."""
        if self.get_query_argument("slow", None):
            self.begun.put_nowait(None)
            await self.go.wait()
        self.finish(f"{len(self.request.body)} {len(self.request.body_arguments)}")


class Server:
    """The bounded server and those who talk to it."""

    def __init__(self, port: int, made: HTTPServer) -> None:
        self._port = port
        self._made = made
        self._connections: list[Connection] = []

    async def connect(self) -> Connection:
        """A new connection."""
        self._connections.append(Connection(*await asyncio.open_connection("127.0.0.1", self._port)))
        return self._connections[-1]

    async def ask(self, *pieces: bytes) -> tuple[int, str]:
        """What a request of these pieces is answered, on a connection of its own."""
        connection = await self.connect()
        await connection.send(*pieces)
        return await connection.answer()

    def streams(self) -> list[IOStream]:
        """The server's ends of the connections."""
        return [connection.stream for connection in self._made._connections]

    def close(self) -> None:
        """Nobody talks any more."""
        for connection in self._connections:
            connection.close()


@pytest.fixture
async def bounded(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    """A server as JupyterHub makes its own, with short times and little room."""
    monkeypatch.setattr(rules, "ARRIVE", 0.5)
    monkeypatch.setattr(rules, "ASK", 1.0)
    monkeypatch.setattr(rules, "CONNECTIONS", 8)
    monkeypatch.setattr(rules, "BODIES", 2 * MIB)
    before = HTTPServer._save_configuration()
    server.bound()
    Echo.go, Echo.begun = asyncio.Event(), asyncio.Queue()
    made = HTTPServer(Application([("/", Echo)]), xheaders=True)
    HTTPServer._restore_configuration(before)
    socket, port = bind_unused_port()
    made.add_socket(socket)
    server_side = Server(port, made)
    yield server_side
    Echo.go.set()
    server_side.close()
    made.stop()
    await made.close_all_connections()


def sized(size: int, kind: str = "application/json") -> bytes:
    """The head of a POST with a body of so many bytes."""
    return POST + f"Content-Type: {kind}\r\nContent-Length: {size}\r\n\r\n".encode()


async def test_what_keeps_to_the_bounds_arrives_whole(bounded: Server) -> None:
    assert await bounded.ask(sized(MIB), b"x" * MIB) == (200, f"{MIB} 0")
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    assert await bounded.ask(chunked, *chunks(MIB, 2**16)) == (200, f"{MIB} 0")
    form = b"a=1&b=2"
    assert await bounded.ask(sized(len(form), "application/x-www-form-urlencoded"), form) == (200, "7 2")


@pytest.mark.parametrize("size", [MIB + 1, 3 * MIB], ids=["a byte", "some"])
async def test_w10_who_sends_too_much_reads_why_and_may_ask_again(bounded: Server, size: int) -> None:
    connection = await bounded.connect()
    await connection.send(sized(size), b"x" * size)
    assert await connection.answer() == (413, "The body is too large: at most 1024 KiB.")
    await connection.send(sized(1), b"x")
    assert await connection.answer() == (200, "1 0"), "what was refused was not read to its end"


async def test_w10_who_sends_far_too_much_reads_why_and_is_cut_off(bounded: Server) -> None:
    connection = await bounded.connect()
    await connection.send(sized(60 * MIB))
    assert await connection.answer() == (413, "The body is too large: at most 1024 KiB.")
    await connection.send(*[b"x" * 2**16] * 960)
    await connection.ends()


async def test_w10_who_waits_for_leave_to_send_is_not_given_it(bounded: Server) -> None:
    connection = await bounded.connect()
    await connection.send(sized(2 * MIB).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
    assert await connection.answer() == (413, "The body is too large: at most 1024 KiB.")


async def test_w10_a_body_without_end_is_refused_where_it_is_too_large(bounded: Server) -> None:
    head = POST + b"Content-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert await bounded.ask(head, *chunks(2**17, 2**12)[:-1]) == (413, "The form is too large: at most 64 KiB.")


async def test_w10_a_body_in_the_smallest_pieces_arrives_whole(bounded: Server) -> None:
    tiny = b"".join(chunks(512, 1))
    assert await bounded.ask(POST + b"Transfer-Encoding: chunked\r\n\r\n", tiny) == (200, "512 0")


@pytest.mark.parametrize(
    ("body", "kind", "extra", "status"),
    [
        pytest.param(b"&" * 1000, "application/x-www-form-urlencoded", b"", 400, id="fields"),
        pytest.param(
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 101 + b"--x--\r\n",
            "multipart/form-data; boundary=x",
            b"",
            400,
            id="parts",
        ),
        pytest.param(
            b"\x1f\x8b" * 9, "application/x-www-form-urlencoded", b"Content-Encoding: gzip\r\n", 400, id="gzip"
        ),
        pytest.param(b"\x1f\x8b" * 9, "application/json", b"Content-Encoding: gzip\r\n", 200, id="gzip as it is"),
    ],
)
async def test_w10_a_form_that_is_more_than_it_seems(
    bounded: Server, body: bytes, kind: str, extra: bytes, status: int
) -> None:
    head = sized(len(body), kind).replace(b"\r\n\r\n", b"\r\n" + extra + b"\r\n")
    assert (await bounded.ask(head, body))[0] == status


@pytest.mark.parametrize(
    ("head", "status"),
    [
        pytest.param(b"GET /?%b HTTP/1.1\r\nHost: hub\r\n\r\n" % (b"x" * 17000), 414, id="address"),
        pytest.param(b"HEAD /?%b HTTP/1.1\r\nHost: hub\r\n\r\n" % (b"x" * 17000), 414, id="address of HEAD"),
        pytest.param(b"GET /?%b HTTP/1.1\r\nHost: hub\r\n\r\n" % (b"&" * 200), 400, id="arguments"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: hub\r\n%b\r\n" % (b"X: y\r\n" * 200), 431, id="headers"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: hub\r\nX: %b\r\n\r\n" % (b"x" * 40000), 0, id="one header"),
        pytest.param(b"BREW / HTTP/1.1\r\nHost: hub\r\n\r\n", 501, id="method"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: hub\r\nContent-Length: x\r\n\r\n", 400, id="length"),
    ],
)
async def test_w10_heads_are_refused_and_the_next_one_is_heard(bounded: Server, head: bytes, status: int) -> None:
    connection = await bounded.connect()
    await connection.send(head)
    if head.startswith(b"HEAD"):
        await connection.send(b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n")
    assert (await connection.answer())[0] == status
    assert (await bounded.ask(b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n"))[0] == 200


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(b"", id="idle"),
        pytest.param(b"GET / HTTP/1.1\r\n", id="slow head"),
        pytest.param(sized(100) + b"x", id="slow body"),
        pytest.param(sized(2 * MIB) + b"x", id="slow body that was refused"),
    ],
)
async def test_w10_whoever_does_not_go_on_is_cut_off(bounded: Server, begun: bytes) -> None:
    connection = await bounded.connect()
    await connection.send(begun)
    await connection.ends()


async def test_w10_of_too_many_connections_the_longest_idle_go(bounded: Server) -> None:
    first = await bounded.connect()
    idle = [await bounded.connect() for _ in range(6)]
    await first.send(sized(1), b"x")
    assert await first.answer() == (200, "1 0"), "who has just asked something is not the longest idle"
    for _ in range(2):
        assert (await bounded.ask(sized(1), b"x")) == (200, "1 0")
    await idle[0].ends()
    await first.send(sized(1), b"x")
    assert await first.answer() == (200, "1 0")


async def test_w10_of_too_many_bodies_the_longest_on_their_way_go(
    bounded: Server, caplog: pytest.LogCaptureFixture
) -> None:
    slow = [await bounded.connect() for _ in range(3)]
    for connection in slow:
        await connection.send(sized(MIB), b"x" * (MIB - 100_000))
    assert await slow[0].answer() == (503, rules.BUSY.sentence)
    assert (await bounded.ask(sized(1), b"x")) == (200, "1 0"), "the rest of the room is for everybody else"
    await slow[2].send(b"x" * 100_000)
    assert await slow[2].answer() == (200, f"{MIB} 0")


async def test_w10_bodies_that_are_worked_on_count_and_are_let_finish(bounded: Server) -> None:
    working = [await bounded.connect() for _ in range(2)]
    for connection in working:
        await connection.send(sized(MIB).replace(b"POST /", b"POST /?slow=1"), b"x" * MIB)
    for _ in working:
        await Echo.begun.get()
    assert await bounded.ask(sized(1000), b"x" * 1000) == (503, rules.BUSY.sentence)
    Echo.go.set()
    for connection in working:
        assert await connection.answer() == (200, f"{MIB} 0")
    assert await bounded.ask(sized(1000), b"x" * 1000) == (200, "1000 0")


async def test_w10_who_does_not_read_the_answer_holds_no_room_for_bodies(bounded: Server) -> None:
    asked = b"GET /?large=200 HTTP/1.1\r\nHost: hub\r\n"
    for framing in (b"Content-Length: %d\r\n\r\n" % MIB, b"Transfer-Encoding: chunked\r\n\r\n"):
        for _ in range(2):
            connection = await bounded.connect()
            whole = [b"x" * MIB] if b"Length" in framing else chunks(MIB, 2**16)
            await connection.send(asked + framing, *whole)
            assert await connection.answer() == (413, "GET takes no body.")
    assert await bounded.ask(sized(1000), b"x" * 1000) == (200, "1000 0")


async def test_w10_an_answer_that_nobody_reads_takes_little_of_the_kernels_memory(bounded: Server) -> None:
    connection = await bounded.connect()
    await connection.send(b"GET /?large=200 HTTP/1.1\r\nHost: hub\r\n\r\n")
    await asyncio.wait_for(connection._reader.readexactly(1), 10)
    # The kernel counts what it keeps beside, too, and says twice as much.
    assert [each.socket.getsockopt(SOL_SOCKET, SO_SNDBUF) for each in bounded.streams()] == [2 * rules.SEND]


async def test_w10_a_refusal_is_one_short_line_in_the_log(bounded: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    head = b"POST /%b?secret=1 HTTP/1.1\r\nX-Forwarded-For: %b, 192.0.2.7\r\nContent-Length: 2000000\r\n\r\n"
    assert (await bounded.ask(head % (b"y" * 9000, b"z" * 9000)))[0] == 413
    (line,) = [record.getMessage() for record in caplog.records]
    assert len(line) < 400
    assert line.startswith("refused: 413 'POST' '/yyy")
    assert "'192.0.2.7': The body is too large" in line
    assert "secret" not in line
