"""Which name somebody who logs in has here: no two logins have one, unless they differ by capitals of A to Z alone."""

from collections.abc import Mapping

from coursehub.config.settings import Identity, Login
from coursehub.errors import Reason, Refused

from .claims import single

_ASK = "Please contact the administrators."


def name(given: str, claims: object, settings: Login) -> str:
    """The name of a login that says `given` and these claims; raises Refused where it has none here."""
    if settings.claim is not None:
        claimed = single(claims.get(settings.claim)) if isinstance(claims, Mapping) else None
        if not isinstance(claimed, str) or not claimed:
            raise Refused(f"Your login lacks {settings.claim!r}, by which you are known here. {_ASK}", Reason.ACCOUNT)
        given = claimed
    if settings.domain is not None:
        given, _, domain = given.partition("@")
        if not domain.isascii() or domain.lower() != settings.domain:
            of = f"one of {domain[:80]!r}" if domain else "of no domain"
            raise Refused(
                f"Only accounts of {settings.domain} can log in here, and yours is {of}. Please log in by the other.",
                Reason.ACCOUNT,
            )
    return same(given)


def same(given: str) -> str:
    """The name itself; raises Refused where it would become another's in lower case, as the Kelvin sign becomes k."""
    if given.lower().isascii() and not given.isascii():
        raise Refused(f"The login name {given[:80]!a} has letters that look like others. {_ASK}", Reason.ACCOUNT)
    return given


def same_account(account: str, found: str) -> None:
    """Raises Refused where the database found another's account for this one, as MySQL does josé's for jose."""
    if found != account:
        raise _others(account)


def hold(account: str, before: object, now: object, settings: Identity) -> None:
    """Raises Refused where the claims of the account's login before and those of this one are of different people."""
    subjects = [
        claims.get(settings.auth_state.subject) if isinstance(claims, Mapping) else None for claims in (before, now)
    ]
    if None not in subjects and subjects[0] != subjects[1]:
        raise _others(account, "as the identity provider says, so ")


def _others(account: str, why: str = "and ") -> Refused:
    return Refused(
        f"The account {account!r} is that of another login, {why}it stays closed to yours. {_ASK}", Reason.ACCOUNT
    )
