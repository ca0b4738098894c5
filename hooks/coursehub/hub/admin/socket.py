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
            reply = await _reply(answer, log, await reader.readline())
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
    except (OSError, ValueError):
        pass  # the asker is gone, or sent more than a line can hold
    finally:
        writer.close()


async def _reply(answer: Answering, log: Log, line: bytes) -> dict[str, object]:
    try:
        request = json.loads(line)
        if not isinstance(request, dict):
            return {"refusal": "the question is no JSON object"}
        return {"answer": await answer(request)}
    except CoursehubError as error:
        return {"refusal": str(error)}
    except (ValueError, KeyError, TypeError) as error:
        return {"refusal": f"the question cannot be read: {type(error).__name__}: {error}"}
    except Exception as error:  # whatever it was, whoever asks reads that there was one
        log.exception("socket: a question could not be answered")
        return {"refusal": f"the hub could not answer ({type(error).__name__}); its log says where"}


def ask(question: str, path: Path = PATH) -> bytes:
    """The hub's reply to a question in JSON; OSError where no hub listens."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        connection.connect(str(path))
        connection.sendall(question.replace("\n", " ").encode() + b"\n")
        with connection.makefile("rb") as reply:
            return reply.readline()


if __name__ == "__main__":
    try:
        sys.stdout.buffer.write(ask(sys.argv[1]))
    except OSError as error:
        sys.exit(f"the hub does not listen at {PATH}: {error.strerror or error}")
