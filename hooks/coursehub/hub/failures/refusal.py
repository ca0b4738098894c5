"""What Kubernetes' API refuses, in a sentence for the person; its own words are for the record and the hub's log.

How it words a refusal: the plugins of admission, apiserver's pkg/api/errors and quota of Kubernetes 1.33 to 1.36.
"""

import json
from collections.abc import Iterator
from http import HTTPStatus

from aiohttp import ClientError
from kubernetes_asyncio.client import ApiException

from coursehub import text as plain

from .diagnosis import Cause, Diagnosis
from .record import Stage

# Of an answer that is no Status, so much is looked at.
_MOST = 16 * 1024
# These pass, and the API server says them before it has looked at what was asked, or while something else changes.
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.GONE, HTTPStatus.TOO_MANY_REQUESTS})
_NO_ROOM = (
    "Your server was not started, because the cluster has no room for one more now. Please start it again later, and "
    "tell the administrators if it stays so."
)
_NOT_ALLOWED = (
    "Your server was not started, because the cluster does not allow it as it is set up. Starting it again does not "
    "help; please tell the administrators."
)
_NO_ANSWER = (
    "Your server was not started, because the cluster does not answer as it should. Please start it again in some "
    "minutes, and tell the administrators if it stays so."
)
_NOT_ENDED = (
    "The cluster did not end your server when it was asked to, so it may still be there. Your next start ends it; "
    "please tell the administrators if that fails."
)
_UNKNOWN = "The cluster does not say how your server is. Please look again in some minutes."


def find(error: BaseException, stage: Stage) -> Diagnosis | None:
    """What it means that `error` came up at `stage`; None where it is none of Kubernetes' API or of the way to it.

    `running` is when somebody asked how the server is. The detail is one bounded line of plain text.
    """
    for each in chain(error):
        if isinstance(each, ApiException):
            return Diagnosis(Cause.REFUSED, _sentence(each, stage), _detail(each))
        if isinstance(each, (ClientError, TimeoutError)):
            detail = f"{type(each).__name__}: {each}" if str(each) else "no answer in time"
            return Diagnosis(Cause.REFUSED, _sentence(None, stage), plain.line(detail))
    return None


def chain(error: BaseException) -> Iterator[BaseException]:
    """`error`, and what it came from, the newest first."""
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__ or each.__context__


def _sentence(error: ApiException | None, stage: Stage) -> str:
    if stage == "stop":
        return _NOT_ENDED
    if stage == "running":
        return _UNKNOWN
    if error is None or error.status in _PASSING or not 400 <= (error.status or 0) < 500:
        return _NO_ANSWER
    message = _message(error)
    # Of a quota that is new or was changed just now.
    if "status unknown for quota" in message:
        return _NO_ANSWER
    return _NO_ROOM if "exceeded quota" in message else _NOT_ALLOWED


def _detail(error: ApiException) -> str:
    said = ": ".join(filter(None, (f"{error.status or ''} {error.reason or ''}".strip(), _message(error))))
    return plain.line(said or type(error).__name__)


def _message(error: ApiException) -> str:
    """What the API server says in its Status, or all that it says where that is none."""
    body = error.body or ""
    body = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
    try:
        said = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        said = body
    return str(said)[:_MOST]
