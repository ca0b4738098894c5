"""The provisioner's door for the hub alone, in the cluster or on the storage host.

POST /requests takes one of the hub's requests (home, course, usage) as JSON and replies what was done; GET /health says
that somebody listens. Whoever sends a request has the token. A file server that hangs holds some threads, never the
service.
"""

import asyncio
import hmac
import logging
import os
import sys
from functools import partial
from pathlib import Path
from weakref import WeakValueDictionary

from aiohttp import web

from coursehub import protocol
from coursehub.errors import CoursehubError
from coursehub.threads import Slots

from .answer import answer
from .certificate import Certificate
from .volume import SSH_DOOR, Volume

# Requests in work at a time.
SLOTS = 16
# Seconds for the trial at the start: a first mount over the network can be slow.
TRIAL = 60.0

_LOG = logging.getLogger("coursehub.storage")
_HANGS = "the file server does not answer; please try again in a few minutes"


class Service:
    """One volume behind HTTP; each request may take `timeout` seconds, the one for usage at least protocol.WALK."""

    def __init__(self, volume: Volume, token: Path, timeout: float) -> None:
        self._volume = volume
        self._token = token
        self._timeout = timeout
        self._slots = Slots(SLOTS, "request")
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def app(self) -> web.Application:
        """The application to serve."""
        app = web.Application(client_max_size=protocol.MOST)
        app.router.add_get("/health", self._health)
        app.router.add_post("/requests", self._requests)
        return app

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"listens": True})

    async def _requests(self, http: web.Request) -> web.Response:
        if not self._known(http.headers.get("Authorization", "")):
            _LOG.warning("refused a request from %s, which does not have the token", http.remote)
            return _refusal(401, "the token is missing or wrong")
        try:
            request = protocol.parse_for_service(await http.read())
        except CoursehubError as error:
            return _refusal(422, str(error))
        seconds = max(protocol.WALK, self._timeout) if isinstance(request, protocol.UsageRequest) else self._timeout
        try:
            async with asyncio.timeout(seconds):
                reply = await self._answer(request)
        except CoursehubError as error:
            return _refusal(422, str(error))
        except TimeoutError:
            _LOG.error("%s: no answer from the volume within %g s", request.subject, seconds)
            return _refusal(503, _HANGS)
        except OSError as error:
            _LOG.error("%s: %s", request.subject, error)
            return _refusal(503, f"the file server refused it ({error.strerror})")
        if isinstance(reply, protocol.ChangesReply):
            for change in reply.changes:
                _LOG.info("%s: %s %s %s", request.subject, change.what, change.path, change.to)
        return _response(reply)

    async def _answer(self, request: protocol.ServiceRequest) -> protocol.Reply:
        turn = self._turns.setdefault(request.subject, asyncio.Semaphore(1))
        await turn.acquire()
        try:
            await self._slots.take()
        except asyncio.CancelledError:
            turn.release()
            raise
        work = self._slots.begin(partial(answer, request, self._volume, dry_run=False))
        # A call that hangs keeps its turn too.
        work.add_done_callback(lambda _: turn.release())
        return await asyncio.shield(work)

    def _known(self, authorization: str) -> bool:
        """Whether the header carries the current token; without a token in the file nobody gets in."""
        try:
            token = self._token.read_bytes().strip()
        except OSError as error:
            _LOG.error("the token cannot be read: %s", error)
            return False
        return bool(token) and hmac.compare_digest(authorization.encode(errors="surrogateescape"), b"Bearer " + token)


def _response(reply: protocol.Reply, status: int = 200) -> web.Response:
    return web.Response(text=protocol.as_json(reply), status=status, content_type="application/json")


def _refusal(status: int, why: str) -> web.Response:
    return _response(protocol.RefusalReply(why), status)


async def _trial(volume: Volume) -> str | None:
    """Why the service cannot make directories on the volume; None where it can."""
    try:
        await Slots(1, "trial").run(volume.trial, TRIAL)
    except TimeoutError:
        return f"the volume does not answer within {TRIAL:g} s; see to the file server, then start this again"
    except CoursehubError as error:
        return str(error)
    except OSError as error:
        return f"nothing can be made on the volume ({error.strerror}); see to it, or use {SSH_DOOR} instead"
    return None


def serve(
    root: Path, token: Path, *, timeout: float, host: str | None, port: int, tls: tuple[Path, Path] | None
) -> int:
    """Serves until it is told to end; returns 1 at once where the trial or the certificate fails."""
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO, stream=sys.stdout)
    os.umask(0o077)
    volume = Volume(root)
    if why := asyncio.run(_trial(volume)):
        print(f"coursehub: {root}: {why}", file=sys.stderr)
        return 1
    context = None
    if tls:
        try:
            context = Certificate(*tls).context()
        except OSError as error:
            chain, key = tls
            print(f"coursehub: {chain} with {key} is no certificate: {error}", file=sys.stderr)
            return 1
    app = Service(volume, token, timeout).app()
    web.run_app(app, host=host, port=port, ssl_context=context, print=None, access_log=None, shutdown_timeout=5.0)
    return 0
