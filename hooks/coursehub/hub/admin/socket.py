"""The socket at which the running hub answers queries: in its own pod, where only `kubectl exec` reaches it.

    kubectl exec deployment/hub --container hub -- python3 -m coursehub.hub.admin.socket '{"ask": "courses"}'

One JSON object in, one out: {"answer": ...}, or {"refusal": a sentence}.
"""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from coursehub.errors import CoursehubError
from coursehub.log import Log

PATH = Path("/tmp/coursehub.sock")  # noqa: S108 - of the hub's own container
MOST = 64 * 1024
SECONDS = 30.0

Answering = Callable[[dict[str, Any]], Awaitable[object]]


async def serve(answer: Answering, log: Log, path: Path = PATH) -> asyncio.Server:
    """Answers at the socket `path`, which belongs to this process's user alone."""
    path.unlink(missing_ok=True)  # noqa: ASYNC240 - once, on the pod's own disk
    before = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(lambda r, w: _talk(answer, log, r, w), path, limit=MOST)
    finally:
        os.umask(before)


async def _talk(answer: Answering, log: Log, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(SECONDS):
            line = await reader.readline()
        writer.write(await _reply(answer, log, line) + b"\n")
        async with asyncio.timeout(SECONDS):
            await writer.drain()
    except (OSError, ValueError):
        pass  # the asker is gone, or sent more than a line can hold
    finally:
        writer.close()


async def _reply(answer: Answering, log: Log, line: bytes) -> bytes:
    try:
        return json.dumps(await _said(answer, line)).encode()
    except Exception as error:  # whatever it was, whoever asks reads that there was one
        log.exception("socket: %.200r could not be answered", line)
        why = f"within {SECONDS:g} s" if isinstance(error, TimeoutError) else f"({type(error).__name__})"
        return json.dumps({"refusal": f"the hub could not answer {why}; its log says where"}).encode()


async def _said(answer: Answering, line: bytes) -> dict[str, object]:
    try:
        request = json.loads(line)
        if not isinstance(request, dict):
            return {"refusal": "the question is no JSON object"}
        async with asyncio.timeout(SECONDS):
            return {"answer": await answer(request)}
    except CoursehubError as error:
        return {"refusal": str(error)}
    except (ValueError, KeyError, TypeError) as error:
        return {"refusal": f"the question cannot be read: {type(error).__name__}: {error}"}


def ask(question: str, path: Path = PATH) -> bytes:
    """The hub's reply to a question in JSON; OSError where none comes."""
    with socket.socket(socket.AF_UNIX) as connection:
        # The hub's own sentence about an answer that takes too long comes first.
        connection.settimeout(SECONDS + 10)
        connection.connect(str(path))
        connection.sendall(question.replace("\n", " ").encode() + b"\n")
        with connection.makefile("rb") as stream:
            reply = stream.readline()
    if not reply:
        raise ConnectionError("it ended before it replied")
    return reply


if __name__ == "__main__":
    try:
        sys.stdout.buffer.write(ask(sys.argv[1]))
    except OSError as error:
        sys.exit(f"no reply from the hub at {PATH}: {error.strerror or error}")
