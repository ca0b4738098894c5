"""What the hub asks the own server of whoever looks at a page, as that person.

The token is for that server alone and ends with the answer. A server is its person's: it may answer anything, slowly or
without end, so it gets a bounded time and its answer a bounded room, and no redirect is followed.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from jupyterhub import orm
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.simple_httpclient import HTTPTimeoutError, SimpleAsyncHTTPClient

from coursehub.errors import CoursehubError

# For an answer.
SECONDS = 10.0
# For a token that a hub which ended in between could not take back.
_TOKEN_SECONDS = 60
# Bytes of an answer's headers.
_HEAD = 64 * 1024


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
    # Not the client that JupyterHub has for everything: this one's bounds are its own, and so are its connections.
    client = SimpleAsyncHTTPClient(force_instance=True, max_body_size=most, max_header_size=_HEAD)
    try:
        with _token(spawner) as token:
            request = HTTPRequest(
                f"{address}{path}",
                method=method,
                headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
                body=None if sent is None else json.dumps(sent),
                connect_timeout=SECONDS,
                request_timeout=SECONDS,
                follow_redirects=False,
                decompress_response=False,
            )
            response = await client.fetch(request, raise_error=False)
    except HTTPTimeoutError:
        raise NoAnswer(f"Your server did not answer within {SECONDS:.0f} seconds.") from None
    except (OSError, HTTPClientError, ValueError):
        raise NoAnswer("Your server does not answer as it should.") from None
    finally:
        client.close()
    return Answer(response.code, response.body)


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
