"""The provisioner's door for the hub alone, in the cluster or on the storage host.

POST /requests takes one of the hub's requests (home, course, usage, look, answers) as JSON and replies what was done or
found; GET /health says that somebody listens. Whoever sends a request has the token. A file server that hangs holds
some threads, never the service. One that only looks takes no right to make anything.
"""

import asyncio
import hmac
import logging
import os
import resource
import sys
from collections.abc import Awaitable
from functools import partial
from pathlib import Path
from weakref import WeakValueDictionary

from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.log import server_logger

from coursehub import layout, protocol, terminal
from coursehub.errors import CoursehubError, Reason, Refused
from coursehub.ids import GidRange
from coursehub.threads import Slots

from .answer import Bounds, answer
from .certificate import Certificate
from .seldom import Seldom
from .share import Share
from .volume import SSH_DOOR, Volume

# Requests in work at a time.
SLOTS = 16
# Seconds for the trial at the start: a first mount over the network can be slow.
TRIAL = 60.0

_LOG = logging.getLogger("coursehub.storage")
_LOOKS = frozenset({"look", "answers"})
_MAKES = _LOOKS | {"home", "course", "usage"}
# Seconds for a look, which has to come back before whoever asked gives up.
_LOOK = 5.0
_HANGS = "the file server does not answer; please try again in a few minutes"


class Service:
    """One volume behind HTTP; each request may take `timeout` seconds, the one for usage at least protocol.WALK.

    It makes homes from `minimum_uid` on, and courses with these `gids`; without, none. With `only_looks` it makes
    nothing.
    """

    def __init__(
        self,
        volume: Volume,
        token: Path,
        timeout: float,
        gids: GidRange | None,
        minimum_uid: int,
        *,
        only_looks: bool = False,
    ) -> None:
        self._volume = volume
        self._token = token
        self._bounds = Bounds("this service", "its command", _LOOKS if only_looks else _MAKES, gids)
        self._share = Share(volume.root, min(_LOOK, timeout / 2))
        self._minimum_uid = minimum_uid
        self._strangers = Seldom(_LOG)
        self._no_token = Seldom(_LOG)
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
            self._strangers.warning(f"refused a request from {http.remote}, which does not have the token")
            return _refusal(401, "the token is missing or wrong")
        try:
            request = protocol.parse_for_service(await http.read(), minimum_uid=self._minimum_uid)
            self._bounds.hold(request)
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
        match request:
            case protocol.LookRequest(name=name, uid=uid, others=others, course=course):
                return await _seen(self._share.check(layout.home(uid, name), uid, others, course))
            case protocol.AnswersRequest():
                return await _seen(self._share.answers())
        return await self._done(request)

    async def _done(self, request: protocol.ServiceRequest) -> protocol.Reply:
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
            self._no_token.warning(f"the token cannot be read: {error}")
            return False
        return bool(token) and hmac.compare_digest(authorization.encode(errors="surrogateescape"), b"Bearer " + token)


async def _seen(look: Awaitable[None]) -> protocol.LookReply:
    try:
        await look
    except Refused as refusal:
        return protocol.LookReply(str(refusal), refusal.reason)
    return protocol.LookReply(None, Reason.OTHER)


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
    root: Path,
    token: Path,
    *,
    timeout: float,
    gids: GidRange | None,
    minimum_uid: int,
    host: str | None,
    port: int,
    tls: tuple[Path, Path] | None,
    only_looks: bool = False,
) -> int:
    """Serves until it is told to end; returns 1 at once where the trial or the certificate fails.

    With `only_looks` there is no trial.
    """
    terminal.logs("%(asctime)s %(message)s", logging.INFO, sys.stdout)
    os.umask(0o077)
    volume = Volume(root)
    if not only_looks and (why := asyncio.run(_trial(volume))):
        terminal.err(f"coursehub: {root}: {why}")
        return 1
    context = None
    if tls:
        try:
            context = Certificate(*tls).context()
        except OSError as error:
            chain, key = tls
            terminal.err(f"coursehub: {chain} with {key} is no certificate: {error}")
            return 1
    # What is no HTTP is a stranger's too; aiohttp would write a traceback for each.
    server_logger.addFilter(Seldom(_LOG, HttpProcessingError))
    app = Service(volume, token, timeout, gids, minimum_uid, only_looks=only_looks).app()
    _take_all_connections()
    web.run_app(
        app,
        host=host,
        port=port,
        ssl_context=context,
        print=None,
        access_log=None,
        shutdown_timeout=5.0,
        # Whoever is connected so long without a request goes.
        keepalive_timeout=timeout,
    )
    return 0


def _take_all_connections() -> None:
    """As many as the machine lets this process have, so that some who say nothing keep nobody out."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
