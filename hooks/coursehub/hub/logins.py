"""Logins get the names that `identity.login` says, whatever the site's authenticator is, and nobody gets another's."""

from typing import Any

from jupyterhub.app import JupyterHub
from jupyterhub.utils import maybe_future

from coursehub.config.settings import Identity
from coursehub.errors import Refused
from coursehub.live.snapshot import Site
from coursehub.log import Log
from coursehub.people import login

from .hooks import Forbidden


class Logins:
    """What goes before the authenticator's own answers."""

    def __init__(self, app: Any, site: Site, log: Log) -> None:
        self._app = app
        self._site = site
        self._log = log
        self._authenticate = app.authenticator.authenticate
        self._normalize = app.authenticator.normalize_username

    @property
    def _settings(self) -> Identity:
        return self._site.current.settings.identity

    def normalize(self, name: str) -> str:
        """See Authenticator.normalize_username; HTTP 403 for a name that would become another's."""
        try:
            return str(self._normalize(login.same(name)))
        except Refused as refusal:
            raise self._refuse(name, refusal) from None

    async def authenticate(self, handler: Any, data: Any = None, **more: Any) -> dict[str, Any] | None:
        """See Authenticator.authenticate; HTTP 403 with a sentence for somebody who has no name here."""
        found = await maybe_future(self._authenticate(handler, data, **more))
        if found is None:
            return None
        found = found if isinstance(found, dict) else {"name": found}
        try:
            name = login.name(found["name"], self._claims(found.get("auth_state")), self._settings.login)
            account = self.normalize(name)
            if user := self._app.users.get(account):
                login.same_account(account, user.name)
                before = self._claims(await user.get_auth_state())
                login.hold(account, before, self._claims(found.get("auth_state")), self._settings)
        except Refused as refusal:
            raise self._refuse(found["name"], refusal) from None
        return found | {"name": name, "admin": account in self._site.current.settings.admins}

    def _claims(self, auth_state: Any) -> object:
        return auth_state.get(self._settings.auth_state.claims) if isinstance(auth_state, dict) else None

    def _refuse(self, name: str, refusal: Refused) -> Forbidden:
        self._log.warning("login of %.200r refused: %s", name, refusal)
        return Forbidden(str(refusal))


def register(site: Site, log: Log) -> None:
    """For the hub in this process, before anybody can log in."""
    if JupyterHub.initialized():
        app = JupyterHub.instance()
        app.observe(lambda _: _adopt(app, site, log), "handlers")


def _adopt(app: Any, site: Site, log: Log) -> None:
    ours = Logins(app, site, log)
    app.authenticator.normalize_username = ours.normalize
    app.authenticator.authenticate = ours.authenticate
