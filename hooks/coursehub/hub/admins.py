"""JupyterHub's admins are exactly those in `admins` of the site's values, and nothing that one does outlasts the role.

JupyterHub itself only ever adds admins. What sessions, tokens and visits of servers may, it derives from the roles of
their person at each request, so that nothing else has to end with the role.
"""

import asyncio
from collections.abc import Collection
from functools import cache
from typing import Any

from jupyterhub import orm, roles
from jupyterhub.apihandlers.services import ServiceAPIHandler
from jupyterhub.apihandlers.shares import ServerShareAPIHandler, ServerShareCodeAPIHandler
from jupyterhub.apihandlers.users import UserAPIHandler, UserTokenListAPIHandler
from jupyterhub.app import JupyterHub
from jupyterhub.user import User
from jupyterhub.utils import url_path_join
from sqlalchemy import event, or_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.orm.base import NO_VALUE
from tornado import web

from coursehub.live.snapshot import Site
from coursehub.log import Log

from .uncopied import Uncopied

_ROLE = "admin"
_KINDS = ("users", "groups")
_AGAIN = 1.0


class Admins(Uncopied):
    """The admins of the hub in this process, as `site` names them at each moment."""

    def __init__(self, site: Site, log: Log) -> None:
        self._site = site
        self._log = log

    @property
    def names(self) -> Collection[str]:
        """Who is one."""
        return self._site.current.settings.admins

    def begin(self, app: Any) -> None:
        """From here on nothing else is ever written to the database, and what was there before is mended."""
        factory = app.session_factory
        event.listen(factory, "before_flush", self._hold)
        self._mend(factory())
        loop = asyncio.get_running_loop()
        self._site.tell(lambda: loop.call_soon_threadsafe(self._follow, app))

    def _follow(self, app: Any) -> None:
        app.authenticator.admin_users = {*self.names}
        if app.authenticator.allowed_users:
            app.authenticator.allowed_users |= {*self.names}
        try:
            self._mend(app.db)
        except SQLAlchemyError as error:
            app.db.rollback()
            self._log.error("Who is an admin could not be written down, and is tried again: %s", error)
            asyncio.get_running_loop().call_later(_AGAIN, self._follow, app)

    def _mend(self, session: Session) -> None:
        concerned = or_(orm.User.admin, orm.User.roles.any(name=_ROLE), orm.User.name.in_(self.names))
        self._settle(session, session.query(orm.User).filter(concerned).all())
        self._settle(session, session.query(orm.Group).filter(orm.Group.roles.any(name=_ROLE)).all())
        for service in session.query(orm.Service).filter_by(from_config=False):
            self._log.warning("service %s is none of the site's values, and goes", service.name)
            # As one that the values had before: JupyterHub takes it away, with its token.
            service.from_config = True
        session.commit()

    def _hold(self, session: Session, *_: object) -> None:
        with session.no_autoflush:
            self._settle(session, [*session.new, *session.dirty])

    def _settle(self, session: Session, bearers: Collection[Any]) -> None:
        for group in (each for each in bearers if isinstance(each, orm.Group)):
            for role in [role for role in group.roles if role.name == _ROLE]:
                self._log.warning("group %s makes nobody an admin, `admins` does", group.name)
                roles.strip_role(session, group, role, commit=False)
        for user in (each for each in bearers if isinstance(each, orm.User)):
            named = user.name in self.names
            if bool(user.admin) != named:
                self._log.warning("%s is %s, as the site's values say", user.name, "an admin" if named else "no admin")
                user.admin = named
            held = [role for role in user.roles if role.name == _ROLE]
            if held and not named:
                roles.strip_role(session, user, held[0], commit=False)
            elif named and not held and (role := orm.Role.find(session, _ROLE)):
                roles.grant_role(session, user, role, commit=False)


class OwnTokens(UserTokenListAPIHandler):  # type: ignore[misc] # JupyterHub is untyped
    """A person's tokens are made by that person, since one that an admin made would outlast the admin."""

    def get_scope_filter(self, req_scope: str) -> Any:
        """See APIHandler."""
        allowed, maker = super().get_scope_filter(req_scope), self.current_user
        if not isinstance(maker, User):
            return allowed
        return lambda owner, kind: owner.name == maker.name and allowed(owner, kind)


class OwnLogin(UserAPIHandler):  # type: ignore[misc] # JupyterHub is untyped
    """What a login left of somebody, their uid perhaps, no request puts in its place."""

    async def patch(self, user_name: str) -> None:
        """See UserAPIHandler."""
        if "auth_state" in (self.get_json_body() or ()):
            raise web.HTTPError(403, "What a login says is the login's to say.")
        await super().patch(user_name)


class SitesServices(ServiceAPIHandler):  # type: ignore[misc] # JupyterHub is untyped
    """Services are the site's: one that an admin made would have its token for ever, of an admin if they say so."""

    async def post(self, service_name: str) -> None:
        """See ServiceAPIHandler."""
        raise web.HTTPError(403, "Services are in the site's values: jupyterhub.hub.services.")


class OwnShares(ServerShareAPIHandler):  # type: ignore[misc] # JupyterHub is untyped
    """Where a site lets people share servers, it is their own."""

    async def post(self, user_name: str, server_name: str | None = None) -> None:
        """See ServerShareAPIHandler."""
        _refuse_to_share(self.current_user, user_name)
        await super().post(user_name, server_name)


class OwnShareCodes(ServerShareCodeAPIHandler):  # type: ignore[misc] # JupyterHub is untyped
    """The same of codes."""

    async def post(self, user_name: str, server_name: str | None = None) -> None:
        """See ServerShareCodeAPIHandler."""
        _refuse_to_share(self.current_user, user_name)
        await super().post(user_name, server_name)


def _refuse_to_share(who: Any, owner: str) -> None:
    if isinstance(who, User) and who.name != owner:
        raise web.HTTPError(403, "Nobody shares another's server.")


# In the place of JupyterHub's own.
_HANDLERS = {
    r"/api/shares/([^/]+)": OwnShares,
    r"/api/shares/([^/]+)/([^/]*)": OwnShares,
    r"/api/share-codes/([^/]+)": OwnShareCodes,
    r"/api/share-codes/([^/]+)/([^/]*)": OwnShareCodes,
    r"/api/users/([^/]+)": OwnLogin,
    r"/api/users/([^/]+)/tokens": OwnTokens,
    r"/api/services/([^/]+)": SitesServices,
}


def register(c: Any, site: Site, log: Log) -> None:
    """Has the hub in this process go by them, once it has its database."""
    given = {*c.Authenticator.get("admin_users", ())} - {*site.current.settings.admins}
    if given:
        log.warning("Authenticator.admin_users makes nobody an admin, `admins` does: %s", ", ".join(sorted(given)))
    # JupyterHub lets in who is in it, and makes an admin of them at their login.
    c.Authenticator.admin_users = {*site.current.settings.admins}
    for role in c.JupyterHub.get("load_roles", ()):
        if role["name"] == _ROLE and any(role.pop(kind, None) for kind in _KINDS):
            log.warning("JupyterHub.load_roles makes nobody an admin, `admins` does")
    _hold_renamed()
    if JupyterHub.initialized():
        admins, app = Admins(site, log), JupyterHub.instance()
        app.observe(lambda _: admins.begin(app), "session_factory")
        app.observe(lambda _: _before_others(app), "handlers")


def _before_others(app: Any) -> None:
    ours = [(url_path_join(app.hub_prefix, path), handler) for path, handler in _HANDLERS.items()]
    app.handlers[:0] = ours


@cache
def _hold_renamed() -> None:
    """Whoever is called otherwise from now on logs in again, by that name: an account does not become another's."""
    event.listen(orm.User.name, "set", _renamed)


def _renamed(user: Any, name: str, before: object, *_: object) -> None:
    if before not in (NO_VALUE, None, name):
        user.cookie_id = orm.new_token()
        user.encrypted_auth_state = None
        user.api_tokens.clear()
        user.oauth_codes.clear()
