"""People from the claims of their login (OpenID Connect), which JupyterHub keeps in the auth_state."""

from collections.abc import Mapping
from dataclasses import dataclass

from coursehub.config.settings import AuthState
from coursehub.log import Log
from coursehub.person import Person

from .lookup import unix_person


@dataclass(frozen=True)
class ClaimsProvider:
    """One person, from the auth_state of their last login."""

    settings: AuthState
    auth_state: object
    log: Log

    def find(self, name: str) -> Person | None:
        """See Provider.find; never blocks."""
        claims = self.auth_state.get(self.settings.claims) if isinstance(self.auth_state, Mapping) else None
        if not isinstance(claims, Mapping):
            self.log.warning(
                "directory: %s is nobody here: the login left no %r in the auth_state; set enable_auth_state of the "
                "authenticator, then let them log in again",
                name,
                self.settings.claims,
            )
            return None
        groups = claims.get(self.settings.groups, [])
        if not isinstance(groups, list | tuple):
            self.log.warning("directory: %s: the claim %r is no list of groups", name, self.settings.groups)
            groups = []
        gids = [(group, self.settings.gids.get(group) if isinstance(group, str) else None) for group in groups]
        return unix_person(name, claims.get(self.settings.uid), claims.get(self.settings.gid), gids, self.log)
