"""Whose server asks: what servers ask the hub with their own token, which is nobody's activity."""

from typing import Any

from jupyterhub.handlers import BaseHandler

# What a server's token may do, one of which JupyterHub always gives it.
_A_SERVERS = {"users:activity!user", "users:activity", "inherit"}


class OwnTokenHandler(BaseHandler):  # type: ignore[misc] # JupyterHub is untyped
    """Knows nobody by a cookie, and a server by its token."""

    # JupyterHub would write down that token and user were active, a commit for each question.
    _accept_cookie_auth = False
    _accept_token_auth = False

    def _log(self) -> None:
        """Only what went wrong: a line for each question would bury all others."""
        if self.get_status() >= 400:
            super()._log()

    def server(self) -> Any | None:
        """The spawner of the person whose server's token this is; None for every other token, and without one."""
        token = self.get_token()
        if token is None or token.user is None or not _A_SERVERS & set(token.scopes):
            return None
        return self._user_from_orm(token.user).spawner
