"""How much a request may bring, and the sentence that refuses more.

A hub has some hundred MiB to spare, and whoever is not logged in may ask it things, too. Through the proxy come 16 KiB
of headers at most, the address among them (Node.js); what comes straight from a server's pod has no such bound. A form
is a login, a choice, or what an identity provider has a browser send, tens of KiB at most. The largest body that
JupyterHub's own API has a use for is a list of names: 1 MiB holds 20,000 of them, and longer lists go in parts.
"""

from dataclasses import dataclass

from tornado.httputil import HTTPHeaders
from tornado.web import RequestHandler

KIB = 1024
ADDRESS = 16 * KIB
HEAD = 20 * KIB
HEADERS = 100
# JupyterHub looks at each by itself, and writes a line about some.
COOKIES = 100
ARGUMENTS = 100
FORM = 64 * KIB
FIELDS = 1000
BODY = 1024 * KIB
# Seconds for a body to arrive, and for a connection to ask something.
ARRIVE = 30.0
ASK = 300.0
# Tornado keeps the last piece of each body that does not go on.
PIECE = 8 * KIB
# The kernel's, of an answer that nobody takes; without a word it grows to 4 MiB a connection.
SEND = 32 * KIB
# Of everybody together.
CONNECTIONS = 2000
BODIES = 8 * BODY

_WITHOUT = ("GET", "HEAD", "OPTIONS")
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True)
class Refusal:
    """An HTTP status with its sentence."""

    status: int
    sentence: str


BUSY = Refusal(503, "The hub is receiving too much at once. Try again in a moment.")


def of_head(method: str, address: str, headers: HTTPHeaders) -> Refusal | None:
    """Why a request is refused before its body comes, if it is."""
    if method not in RequestHandler.SUPPORTED_METHODS:
        return Refusal(501, "The hub does not know this method.")
    if len(address) > ADDRESS:
        return Refusal(414, f"The address is too long: at most {ADDRESS // KIB} KiB.")
    if len(list(headers.get_all())) > HEADERS:
        return Refusal(431, f"The request has too many headers: at most {HEADERS}.")
    if headers.get("Cookie", "").count(";") >= COOKIES:
        return Refusal(431, f"The request has too many cookies: at most {COOKIES}. Delete those of this site.")
    if address.partition("?")[2].count("&") >= ARGUMENTS:
        return Refusal(400, f"The address has too many arguments: at most {ARGUMENTS}.")
    length = headers.get("Content-Length", "")
    return of_size(int(length[:20]), method, headers) if length.isascii() and length.isdigit() else None


def of_size(size: int, method: str, headers: HTTPHeaders) -> Refusal | None:
    """Why a body of so many bytes is refused, if it is."""
    if size and method in _WITHOUT:
        # It would be kept for as long as somebody takes to read the answer, a large file perhaps.
        return Refusal(413, f"{method} takes no body.")
    form = _is_form(headers)
    most = FORM if form else BODY
    if size <= most:
        return None
    return Refusal(413, f"The {'form' if form else 'body'} is too large: at most {most // KIB} KiB.")


def of_form(body: bytearray, headers: HTTPHeaders) -> Refusal | None:
    """Why a form that came whole is refused, if it is; of one in parts, Tornado takes 100."""
    if _is_form(headers) and body.count(b"&") >= FIELDS:
        return Refusal(400, f"The form has too many fields: at most {FIELDS}.")
    return None


def _is_form(headers: HTTPHeaders) -> bool:
    """Whether Tornado takes the body apart before anybody has looked who asks."""
    return headers.get("Content-Type", "").startswith(_FORMS)
