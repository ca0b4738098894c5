"""What the hub asks the own server of whoever looks at a page, as that person.

The token is for that server alone and ends with the answer. A server is its person's: it may answer anything, slowly or
without end, so it gets a bounded time and its answer a bounded room, and no redirect is followed.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import aiohttp
from jupyterhub import orm

from coursehub.errors import CoursehubError

# For an answer.
SECONDS = 10.0
# For a token that a hub which ended in between could not take back.
_TOKEN_SECONDS = 60


class NoAnswer(CoursehubError):
    """The server gave no answer to use; the message is a sentence for its person."""


class Answer(NamedTuple):
    """An HTTP status and the body."""

    status: int
    body: bytes


async def ask(spawner: Any, method: str, path: str, most: int, sent: Mapping[str, object] | None = None) -> Answer:
    """What the server answers about `path` below its address, in at most `most` bytes; raises NoAnswer."""
    address = spawner.address
    if address is None:
        raise NoAnswer("Your server does not run now.")
    with _token(spawner) as token:
        headers = {"Authorization": f"token {token}", "Accept-Encoding": "identity"}
        try:
            # aiohttp bounds an answer's headers and hears out any number of interim answers; Tornado's client recurses.
            async with (
                asyncio.timeout(SECONDS),
                aiohttp.ClientSession(
                    headers=headers, timeout=aiohttp.ClientTimeout(total=None), auto_decompress=False
                ) as session,
                session.request(method, f"{address}{path}", json=sent, allow_redirects=False) as response,
            ):
                return Answer(response.status, await _body(response, most))
        except TimeoutError:
            raise NoAnswer(f"Your server did not answer within {SECONDS:.0f} seconds.") from None
        except (OSError, aiohttp.ClientError, ValueError):
            raise NoAnswer("Your server does not answer as it should.") from None


async def _body(response: aiohttp.ClientResponse, most: int) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > most:
            raise ValueError("more than it may be")
    return bytes(body)


@contextmanager
def _token(spawner: Any) -> Iterator[str]:
    user = spawner.user
    scopes = [f"access:servers!server={user.name}/{spawner.name}"]
    token: str = user.new_api_token(note="the hub's own page", scopes=scopes, expires_in=_TOKEN_SECONDS)
    try:
        yield token
    finally:
        if made := orm.APIToken.find(user.db, token):
            user.db.delete(made)
            user.db.commit()
