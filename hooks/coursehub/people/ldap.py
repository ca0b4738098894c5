"""People from an LDAP directory, by ldap3, which the hub's image has."""

import math
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from coursehub.config.settings import Ldap, LdapGroups, LdapUsers
from coursehub.log import Log
from coursehub.person import Person

from .lookup import unix_person


class LdapProvider:
    """The accounts and groups of `settings`: one connection a look-up, and for each server its part of `timeout`."""

    def __init__(self, settings: Ldap, timeout: float, log: Log) -> None:
        self._settings = settings
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
            raise OSError("identity.provider ldap needs ldap3; install it: pip install 'coursehub[ldap]'") from None
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
            found = _search(connection, users, {"name": name}, most=2)
            if not found:
                return None
            names = [_values(entry, users.name) for entry in found]
            if names != [[name]]:
                self._log.warning("directory: %s is nobody here: %s found: %.200r", name, users.name, names)
                return None
            uid, gid = (_single(found[0], attribute) for attribute in (users.uid, users.gid))
            groups = self._groups(connection, {"name": name, "dn": found[0]["dn"], "gid": gid or ""})
            return unix_person(name, uid, gid, groups, self._log)
        finally:
            connection.strategy.close()

    def _groups(self, connection: Any, words: Mapping[str, str]) -> Iterator[tuple[str | None, str | None]]:
        groups = self._settings.groups
        if groups is not None:
            for entry in _search(connection, groups, words):
                yield _single(entry, groups.name), _single(entry, groups.gid)

    def _connection(self, server: str) -> Any:
        import ldap3

        wait = max(1, math.ceil(self._timeout / len(self._servers)))
        context = self._context = self._context or ssl.create_default_context(cafile=self._settings.ca_file)

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

    def _password(self) -> str | None:
        if self._settings.password_file is None:
            return None
        # Read at each look-up: a mounted Secret changes while the hub runs.
        return Path(self._settings.password_file).read_text("utf-8").rstrip("\r\n")


def _search(
    connection: Any, where: LdapUsers | LdapGroups, words: Mapping[str, str], most: int = 0
) -> list[Mapping[str, Any]]:
    from ldap3.core.results import RESULT_SIZE_LIMIT_EXCEEDED, RESULT_SUCCESS
    from ldap3.utils.conv import escape_filter_chars

    text = re.sub(r"\{(\w+)\}", lambda word: escape_filter_chars(words.get(word[1], word[0])), where.filter)
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
