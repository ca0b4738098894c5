"""Tornado's HTTP server with the rules: JupyterHub makes one without any bound but 100 MiB of memory a request.

`HTTPServer.configure` is Tornado's own way to say which class and which defaults a program uses that makes its server
elsewhere. A handler would come too late: its request's body is in memory and taken apart by then.
"""

import asyncio
import socket
import sys
from collections.abc import Awaitable
from http.client import responses
from typing import Any, cast

from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine
from tornado.iostream import IOStream
from tornado.log import gen_log

from . import rules
from .rules import Refusal

# So many bytes are read on and thrown away: whoever is still sending is reset by a connection that closes on them, and
# never reads why.
_READ_ON = 64 * rules.BODY


class BoundedServer(HTTPServer):
    """At most so many connections and so many bytes of bodies; of those that still send, who began first goes first."""

    def initialize(self, *given: Any, **named: Any) -> None:
        """See HTTPServer."""
        super().initialize(*given, **named)
        # By connection, the longest ago first; a connection has one request at a time.
        self._open: dict[object, _Request] = {}
        # Whose bodies are on their way, in the same order.
        self._arriving: dict[_Request, None] = {}
        self._held = 0

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """See HTTPServer."""
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, rules.SEND)
        super().handle_stream(stream, address)

    def start_request(self, server_conn: object, request_conn: Any) -> HTTPMessageDelegate:
        """See HTTPServer: what is refused never reaches the hub."""
        self._forget(server_conn)
        request = _Request(self, request_conn, super().start_request(server_conn, request_conn))
        self._open[server_conn] = request
        if len(self._open) > rules.CONNECTIONS:
            server_conn, longest = next(iter(self._open.items()))
            self._forget(server_conn)
            longest.close()
        return request

    def on_close(self, server_conn: object) -> None:
        """See HTTPServer."""
        self._forget(server_conn)
        super().on_close(server_conn)

    def hold(self, request: "_Request", more: int) -> None:
        """Counts bytes of bodies; where they are too many, refuses those that are on their way."""
        self._arriving[request] = None
        request.size += more
        self._held += more
        while self._held > rules.BODIES and self._arriving:
            next(iter(self._arriving)).refuse(rules.BUSY)

    def came(self, request: "_Request") -> None:
        """The body is whole; it counts until the answer is given."""
        self._arriving.pop(request, None)

    def drop(self, request: "_Request") -> None:
        """Nothing is held for it any more."""
        self._arriving.pop(request, None)
        self._held -= request.size
        request.size = 0

    def _forget(self, server_conn: object) -> None:
        if request := self._open.pop(server_conn, None):
            self.drop(request)


class _Request(HTTPMessageDelegate):
    """A request on its way to the hub, `inner`; `size` are the bytes that are held for it."""

    def __init__(self, server: BoundedServer, connection: HTTP1Connection, inner: HTTPMessageDelegate) -> None:
        self._server = server
        self._connection = connection
        self._inner = inner
        self._line = RequestStartLine("", "", "")
        self._headers = HTTPHeaders()
        # In one piece: of many small ones, each would be an object.
        self._body = bytearray()
        self._read_on: int | None = None
        self.size = 0

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        """See HTTPMessageDelegate."""
        self._line, self._headers = cast(RequestStartLine, start_line), headers
        refusal = rules.of_head(self._line.method, self._line.path, headers)
        if refusal is None:
            return self._inner.headers_received(start_line, headers)
        self.refuse(refusal)
        # Tornado would ask for the body.
        headers.pop("Expect", None)
        return None

    def data_received(self, chunk: bytes) -> Awaitable[None]:
        """See HTTPMessageDelegate; everybody else's turn comes after each piece, however small it is."""
        if self._read_on is None:
            self._take(chunk)
        else:
            self._read_on -= len(chunk)
            if self._read_on < 0:
                self.close()
        return asyncio.sleep(0)

    def _take(self, chunk: bytes) -> None:
        self._body += chunk
        self._server.hold(self, len(chunk))
        if self._read_on is None and (refusal := rules.of_size(self.size, self._line.method, self._headers)):
            self.refuse(refusal)

    def finish(self) -> None:
        """See HTTPMessageDelegate."""
        if self._read_on is None and (refusal := rules.of_form(self._body, self._headers)):
            self.refuse(refusal)
        self._server.came(self)
        if self._read_on is not None:
            self._inner.on_connection_close()
            self._connection.finish()
            return
        if self._body:
            self._inner.data_received(bytes(self._body))
            self._body.clear()
        self._inner.finish()

    def on_connection_close(self) -> None:
        """See HTTPMessageDelegate."""
        self._inner.on_connection_close()

    def close(self) -> None:
        """Ends the connection without a word."""
        self._connection.close()

    def refuse(self, refusal: Refusal) -> None:
        """Answers, forgets what came, and hears out whoever is still sending."""
        self._read_on = _READ_ON
        self._body.clear()
        self._server.drop(self)
        self._connection.set_max_body_size(sys.maxsize)
        said = f"{refusal.sentence}\n".encode()
        headers = HTTPHeaders({"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(said))})
        line = ResponseStartLine("HTTP/1.1", refusal.status, responses[refusal.status])
        self._connection.write_headers(line, headers, None if self._line.method == "HEAD" else said)
        sender = self._headers.get("X-Forwarded-For", str(self._connection.context)).rpartition(",")[2].strip()
        path = self._line.path.partition("?")[0]
        gen_log.warning(
            "refused: %d %.20r %.200r from=%.50r: %s",
            refusal.status,
            self._line.method,
            path,
            sender,
            refusal.sentence,
        )


def bound() -> None:
    """From now on every HTTP server of this process is bounded: the hub's, which JupyterHub makes at its start."""
    HTTPServer.configure(
        BoundedServer,
        chunk_size=rules.PIECE,
        max_header_size=rules.HEAD,
        idle_connection_timeout=rules.ASK,
        body_timeout=rules.ARRIVE,
    )
