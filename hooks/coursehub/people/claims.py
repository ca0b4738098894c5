"""People from the claims of their login (OpenID Connect), which JupyterHub keeps in the auth_state."""

from collections.abc import Mapping
from dataclasses import dataclass

from coursehub.config.settings import AuthState
from coursehub.errors import Reason, Refused
from coursehub.log import Log
from coursehub.person import Person

from .lookup import unix_person


def single(value: object) -> object:
    """The only entry of a list; else what is there."""
    return value[0] if isinstance(value, list | tuple) and len(value) == 1 else value


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
        uid, gid = (single(claims.get(claim)) for claim in (self.settings.uid, self.settings.gid))
        return unix_person(name, uid, gid, self._groups(name, claims), self.log)

    def _groups(self, name: str, claims: Mapping[str, object]) -> list[tuple[object, int | None]]:
        groups = claims.get(self.settings.groups)
        if groups is None and _are_elsewhere(claims, self.settings.groups):
            self.log.error(
                "directory: %s: the login left out %r, since there are too many; have the identity provider name fewer "
                "(docs/identity.md, Entra ID)",
                name,
                self.settings.groups,
            )
            raise Refused(
                f"The account {name!r} is in more groups than its login can name, so it is not known what you may "
                "start. Please contact the administrators.",
                Reason.ACCOUNT,
            )
        if isinstance(groups, str):
            groups = [groups]
        if groups is not None and not isinstance(groups, list | tuple):
            self.log.warning("directory: %s: the claim %r is no list of groups", name, self.settings.groups)
            groups = None
        return [(group, self.settings.gids.get(group) if isinstance(group, str) else None) for group in groups or ()]


def _are_elsewhere(claims: Mapping[str, object], groups: str) -> bool:
    """Whether the provider left the groups out and says where to ask for them, as Entra ID does when there are many.

    https://learn.microsoft.com/en-us/security/zero-trust/develop/configure-tokens-group-claims-app-roles
    """
    named = claims.get("_claim_names")
    return (isinstance(named, Mapping) and groups in named) or str(claims.get("hasgroups")).lower() == "true"
