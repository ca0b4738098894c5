"""Stops servers whose time is over, by the times of their course: `python3 -m coursehub.culler`, in a pod of its own.

JupyterHub's idle culler has a hook for such decisions (`cull_arbiter_hook`), which does not know when the culler cannot
tell, and raises for a whole user what fails for one server. What is left of a culler beside the decision, which is
`lifetime.verdict`, is this loop, with the same rights: users are never removed, only servers.

Nothing is stopped because of an answer that is none, or of one that is not fresh: each server is looked at again just
before.
"""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import quote

import aiohttp

from coursehub import terminal, tokens
from coursehub.config import profiles
from coursehub.errors import CoursehubError
from coursehub.live.snapshot import Site, Snapshot
from coursehub.servers import lifetime

# Servers that are stopped at a time, people in a page of the hub's list, seconds for one answer.
SLOTS = 10
PAGE = 200
TIMEOUT = 60.0

Clock = Callable[[aiohttp.ClientResponse], datetime]
_LOG = logging.getLogger("coursehub.culler")
# What a hub that is away, restarting or confused gives.
_TROUBLE = (OSError, aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError, AttributeError)


def hub_time(response: aiohttp.ClientResponse) -> datetime:
    """What time it is for the hub: its own clock, which the times of its servers are by, not this machine's."""
    return parsedate_to_datetime(response.headers["Date"])


class Culler:
    """One hub's culler; `api` is the address of its REST API, and one of the files `tokens` holds a token for it."""

    def __init__(self, api: str, tokens: Sequence[Path], site: Site, clock: Clock = hub_time) -> None:
        self._api = api.rstrip("/")
        self._tokens = tokens
        self._site = site
        self._clock = clock
        self._slots = asyncio.Semaphore(SLOTS)
        self._answering: float | None = None

    async def follow(self) -> None:
        """Looks at all servers again and again; each look fails or succeeds for itself."""
        while True:
            await self.look()
            await asyncio.sleep(self._site.current.settings.cull.every)

    async def look(self) -> None:
        """Stops what is over now."""
        snapshot = self._site.current
        try:
            headers = {"Authorization": f"token {tokens.read(self._tokens)}"}
            limit = aiohttp.ClientTimeout(total=TIMEOUT)
            async with aiohttp.ClientSession(headers=headers, timeout=limit) as session:
                over = await self._over(session, snapshot)
                await asyncio.gather(*(self._stop(session, name, snapshot) for name in over))
        except _TROUBLE as error:
            self._answering = None
            _LOG.error("the hub at %s gave no list of servers, so all stay: %s", self._api, _message(error))

    async def _over(self, session: aiohttp.ClientSession, snapshot: Snapshot) -> list[str]:
        """Whose servers are over, of all pages together: what is stopped in between would shift the pages."""
        over: list[str] = []
        offset: int | None = 0
        while offset is not None:
            query = {"state": "ready", "offset": str(offset), "limit": str(PAGE)}
            page, now = await self._get(session, "users", query)
            over += [user["name"] for user in page["items"] if self._reason(user, snapshot, now)]
            following = page["_pagination"]["next"]
            offset = following and int(following["offset"])
        if self._answering is None:
            self._answering = monotonic()
        return over

    async def _stop(self, session: aiohttp.ClientSession, name: str, snapshot: Snapshot) -> None:
        path = f"users/{quote(name, safe='')}"
        try:
            async with self._slots:
                user, now = await self._get(session, path)
                reason = self._reason(user, snapshot, now)
                if reason is None:
                    return
                async with session.delete(f"{self._api}/{path}/server") as response:
                    if response.status not in (202, 204):
                        raise ValueError(f"HTTP {response.status}")
        except _TROUBLE as error:
            _LOG.error("the server of user=%s could not be stopped, which is tried again: %s", name, _message(error))
        else:
            _LOG.info("stopped: user=%s profile=%s: %s", name, _profile(user["servers"][""]), reason)

    def _reason(self, user: Mapping[str, Any], snapshot: Snapshot, now: datetime) -> str | None:
        """Why the user's server is over; None where it stays, also because nobody can tell."""
        try:
            server = user["servers"].get("")
            if server is None:
                return None
            limits = lifetime.limits_of(
                server["user_options"], snapshot.catalog.courses, snapshot.settings, whole=not snapshot.problems
            )
            if limits is None:
                _LOG.warning(
                    "stays: user=%s profile=%s: its course cannot be read, so its times are not known",
                    user["name"],
                    _profile(server),
                )
                return None
            heard = self._answering is not None and (
                monotonic() - self._answering >= lifetime.reporting(snapshot.settings)
            )
            return lifetime.verdict(server, limits, now, reported=heard)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            _LOG.error("the hub's words on a server make no sense, so it stays: %.300r: %s", user, _message(error))
            return None

    async def _get(
        self, session: aiohttp.ClientSession, path: str, query: Mapping[str, str] | None = None
    ) -> tuple[Any, datetime]:
        headers = {"Accept": "application/jupyterhub-pagination+json"}
        async with session.get(f"{self._api}/{path}", params=query, headers=headers) as response:
            if response.status != 200:
                raise ValueError(f"HTTP {response.status}: {(await response.text())[:200]}")
            return await response.json(content_type=None), self._clock(response)


def _profile(server: Mapping[str, Any]) -> str:
    return str(profiles.named(server["user_options"]))[:80]


def _message(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def main(arguments: Sequence[str] | None = None) -> int:
    """Works until it is told to end; 1 at once where the site's values cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python3 -m coursehub.culler",
        description="Stops servers whose time is over, by the times of their course.",
        epilog="Example: python3 -m coursehub.culler --api http://hub:8081/hub/api --token /run/secrets/token "
        "--site /etc/coursehub/site --courses /etc/coursehub/courses",
    )
    parser.add_argument("--api", required=True, help="the address of the hub's REST API")
    parser.add_argument(
        "--token",
        type=Path,
        required=True,
        action="append",
        help="the file that holds a token for it; given more than once, the first that is there",
    )
    parser.add_argument("--site", type=Path, required=True, help="the folder with the site's values")
    parser.add_argument("--courses", type=Path, required=True, help="the folder with the course files")
    options = parser.parse_args(arguments)
    terminal.logs("%(asctime)s %(message)s", logging.INFO, sys.stdout)
    try:
        site = Site(options.site, options.courses, _LOG)
    except CoursehubError as error:
        terminal.err("coursehub: the culler cannot start without the site's values:")
        for line in str(error).splitlines():
            terminal.err(line)
        return 1
    site.follow()
    # The kernel keeps a signal from a container's first process that sets no handler for it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        asyncio.run(Culler(options.api, options.token, site).follow())
    return 0


if __name__ == "__main__":
    sys.exit(main())
