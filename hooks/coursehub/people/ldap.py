"""People from an LDAP directory, by ldap3, which the hub's image has."""

import math
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from coursehub.config.settings import Ldap, LdapGroups, LdapUsers
from coursehub.log import Log
from coursehub.names import is_same_person
from coursehub.person import Person

from .lookup import unix_person

# LDAP_MATCHING_RULE_IN_CHAIN, and the capabilities of Active Directory and AD LDS:
# https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-adts/3ed61e6c-cfdc-487d-9f02-5a3397be3772
IN_CHAIN = "1.2.840.113556.1.4.1941"
_ACTIVE_DIRECTORY = {"1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1851"}
# Groups that one search asks for, and that somebody is in at most by other groups.
_AT_ONCE = 50
_MOST = 5000


class LdapProvider:
    """The accounts and groups of `settings`: one connection a look-up, and for each server its part of `timeout`.

    Password and authority are in the files that the settings name, else in those of the folder `secret`.
    """

    def __init__(self, settings: Ldap, timeout: float, log: Log, secret: Path | None = None) -> None:
        self._settings = settings
        self._secret = secret
        self._timeout = timeout
        self._log = log
        self._servers = settings.servers
        # Reading the machine's authorities holds Python's global lock for 20 ms: once for a whole class.
        self._context: ssl.SSLContext | None = None
        # Imported here, so that the first look-up need not wait for it; `find` reports it missing.
        with suppress(ImportError):
            import ldap3  # noqa: F401

    def find(self, name: str) -> Person | None:
        """See Provider.find; OSError also where ldap3 is not installed."""
        try:
            from ldap3.core.exceptions import LDAPException
        except ImportError:
            raise OSError(
                "identity.provider ldap needs ldap3; install coursehub with its extra 'ldap' (docs/admins/command.md)"
            ) from None
        for server in self._servers:
            try:
                return self._ask(server, name)
            except (LDAPException, OSError) as error:
                self._log.warning("directory: %s: %s", server, error)
                # The next look-up reads the authorities again, and begins with another server.
                self._context = None
                self._servers = (*(other for other in self._servers if other != server), server)
        raise OSError("no server of identity.ldap.servers answers")

    def _ask(self, server: str, name: str) -> Person | None:
        users = self._settings.users
        connection = self._connection(server)
        try:
            connection.open()
            if self._settings.start_tls and not connection.server.ssl:
                connection.start_tls()
            if not connection.bind():
                raise OSError(f"the login as {self._settings.bind_dn} ended with {connection.result['description']}")
            found = _search(connection, users, _filled(users.filter, {"name": name}), most=2)
            if not found:
                return None
            names = [_values(entry, users.name) for entry in found]
            if [len(each) for each in names] != [1] or not is_same_person(names[0][0], name):
                self._log.warning("directory: %s is nobody here: %s found: %.200r", name, users.name, names)
                return None
            uid, gid = (_single(found[0], attribute) for attribute in (users.uid, users.gid))
            groups = self._groups(connection, {"name": names[0][0], "dn": found[0]["dn"], "gid": gid or ""})
            return unix_person(name, uid, gid, groups, self._log)
        finally:
            connection.strategy.close()

    def _groups(self, connection: Any, words: Mapping[str, str]) -> Iterator[tuple[str | None, str | int | None]]:
        groups = self._settings.groups
        if groups is not None:
            for entry in _memberships(connection, groups, words):
                name, gid = _single(entry, groups.name), _single(entry, groups.gid)
                unnumbered = not _values(entry, groups.gid)
                yield name, groups.gids.get(name) if name and unnumbered else gid

    def _connection(self, server: str) -> Any:
        import ldap3

        wait = max(1, math.ceil(self._timeout / len(self._servers)))
        context = self._context = self._context or ssl.create_default_context(cafile=self._authority())

        class Tls(ldap3.Tls):  # type: ignore[misc] # ldap3 is untyped
            def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
                connection.socket = context.wrap_socket(connection.socket, server_hostname=connection.server.host)

        return ldap3.Connection(
            ldap3.Server(server, get_info=ldap3.NONE, connect_timeout=wait, tls=Tls()),
            user=self._settings.bind_dn,
            password=self._password(),
            auto_referrals=False,
            check_names=False,
            raise_exceptions=True,
            read_only=True,
            receive_timeout=wait,
        )

    def _authority(self) -> str | None:
        given = None if self._secret is None else self._secret / "ca.crt"
        return self._settings.ca_file or (str(given) if given and given.exists() else None)

    def _password(self) -> str | None:
        if self._settings.bind_dn is None:
            return None
        # Read at each look-up: a Secret changes while the hub runs.
        secret = self._secret and self._secret / "password"
        file = Path(self._settings.password_file) if self._settings.password_file else secret
        if file is None or not file.exists():
            raise OSError(
                f"there is no password of {self._settings.bind_dn}; make the Secret coursehub-ldap with it "
                "(`coursehub secrets apply`), or name its file by identity.ldap.passwordFile"
            )
        return file.read_text("utf-8").rstrip("\r\n")


def _memberships(connection: Any, groups: LdapGroups, words: Mapping[str, str]) -> Iterable[Mapping[str, Any]]:
    if not groups.nested:
        return _search(connection, groups, _filled(groups.filter, words))
    if _follows_chains(connection):
        chained = groups.filter.replace("={dn})", f":{IN_CHAIN}:={{dn}})")
        return _search(connection, groups, _filled(chained, words))
    found: dict[str, Mapping[str, Any]] = {}
    filters = [_filled(groups.filter, words)]
    while filters:
        listing, filters = f"(|{''.join(filters[:_AT_ONCE])})", filters[_AT_ONCE:]
        for entry in _search(connection, groups, listing):
            if found.setdefault(entry["dn"], entry) is entry:
                filters.append(_filled(groups.filter, {"dn": entry["dn"], "name": "", "gid": ""}))
        if len(found) > _MOST:
            raise OSError(f"somebody is in more than {_MOST} groups by others")
    return found.values()


def _follows_chains(connection: Any) -> bool:
    """Whether the server says that it is one which has the matching rule; others would find nobody by it."""
    from ldap3 import BASE

    connection.search("", "(objectClass=*)", search_scope=BASE, attributes=["supportedCapabilities"])
    return any(_ACTIVE_DIRECTORY & {*_values(entry, "supportedCapabilities")} for entry in connection.response)


def _filled(text: str, words: Mapping[str, str]) -> str:
    from ldap3.utils.conv import escape_filter_chars

    return re.sub(r"\{(\w+)\}", lambda word: escape_filter_chars(words.get(word[1], word[0])), text)


def _search(connection: Any, where: LdapUsers | LdapGroups, text: str, most: int = 0) -> list[Mapping[str, Any]]:
    from ldap3.core.results import RESULT_SIZE_LIMIT_EXCEEDED, RESULT_SUCCESS

    connection.search(where.base, text, attributes=sorted(where.attributes), size_limit=most)
    # ldap3 does not raise for an answer that is cut off or refers to another server.
    if connection.result["result"] not in (RESULT_SUCCESS, RESULT_SIZE_LIMIT_EXCEEDED if most else RESULT_SUCCESS):
        raise OSError(f"the search below {where.base} ended with {connection.result['description']}")
    return [entry for entry in connection.response if entry["type"] == "searchResEntry"]


def _values(entry: Mapping[str, Any], attribute: str) -> list[str]:
    return [value.decode(errors="replace") for value in entry["raw_attributes"].get(attribute) or ()]


def _single(entry: Mapping[str, Any], attribute: str) -> str | None:
    values = _values(entry, attribute)
    return values[0] if len(values) == 1 else None
