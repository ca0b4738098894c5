"""A provider of OpenID Connect on this machine: the code flow with PKCE (RFC 6749, RFC 7636).

Whoever comes is logged in as the person whom the test names, without a password; what a client has to prove is checked.
"""

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt
from aiohttp import web

from tests import ports

SECRET = "of the client"


@dataclass
class Provider:
    """What it says of whoever logs in: `userinfo` at its address, `token` in the id token."""

    url: str
    userinfo: dict[str, Any] = field(default_factory=dict)
    token: dict[str, Any] = field(default_factory=dict)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    _tokens: set[str] = field(default_factory=set)

    async def authorize(self, request: web.Request) -> web.StreamResponse:
        """The page at which somebody logs in, and is sent back with a code."""
        asked = dict(request.query)
        assert asked["response_type"] == "code"
        assert "openid" in asked["scope"].split(), "else it is no OpenID Connect"
        self._codes[code := secrets.token_hex()] = asked
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    async def exchange(self, request: web.Request) -> web.StreamResponse:
        """Tokens for a code."""
        form = await request.post()
        asked = self._codes.pop(str(form["code"]))
        client, secret = form.get("client_id"), form.get("client_secret")
        if "Authorization" in request.headers:
            words = base64.b64decode(request.headers["Authorization"].split()[1]).decode()
            client, _, secret = words.partition(":")
        verifier = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        proved = (client, secret, form["redirect_uri"], challenge)
        if proved != (asked["client_id"], SECRET, asked["redirect_uri"], asked["code_challenge"]):
            return web.json_response({"error": "invalid_client"}, status=401)
        self._tokens.add(token := secrets.token_hex())
        claims = {"iss": self.url, "aud": client, "iat": 1, "exp": 2**32, **self.token}
        signed = jwt.encode(claims, secrets.token_hex(), algorithm="HS256")
        return web.json_response({"access_token": token, "token_type": "Bearer", "id_token": signed, "expires_in": 300})

    async def describe(self, request: web.Request) -> web.StreamResponse:
        """Who has the token."""
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self._tokens:
            return web.json_response({"error": "invalid_token"}, status=401)
        return web.json_response(self.userinfo)


@asynccontextmanager
async def serve() -> AsyncIterator[Provider]:
    """Until the end of the block; each provider has its own addresses, which end alike."""
    port = ports.free()
    provider = Provider(f"http://127.0.0.1:{port}")
    app = web.Application()
    for end in ("auth", "authorize", "authorization"):
        app.router.add_get(f"/{{path:.+}}/{end}", provider.authorize)
    app.router.add_post("/{path:.+}/token", provider.exchange)
    app.router.add_get("/{path:.+}/userinfo", provider.describe)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield provider
    finally:
        await runner.cleanup()
