"""A server that speaks LDAP and answers as Active Directory does: names without case, and groups of groups by its rule.

What it says is laid down by Microsoft's [MS-ADTS]: supportedCapabilities of the root, and the matching rule
1.2.840.113556.1.4.1941, which follows `member` from group to group.
"""

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from ldap3.protocol.rfc4511 import (
    BindResponse,
    LDAPMessage,
    MessageID,
    PartialAttribute,
    ProtocolOp,
    ResultCode,
    SearchResultDone,
    SearchResultEntry,
)
from pyasn1.codec.ber import encoder

from tests import ports

BASE = "dc=ad,dc=example,dc=edu"
HUB = "hub@ad.example.edu"
PASSWORDS = {HUB: "for the hub only", "mrossi@ad.example.edu": "of mrossi"}
RULE = "1.2.840.113556.1.4.1941"
Entry = Mapping[str, list[str]]
ENTRIES: Mapping[str, Entry] = {
    f"CN=Rossi\\, Maria,{BASE}": {
        "objectClass": ["top", "person", "user"],
        "sAMAccountName": ["MRossi"],
        "uidNumber": ["30007"],
        "gidNumber": ["30001"],
    },
    f"CN=Kurs Informatik 1,{BASE}": {
        "objectClass": ["top", "group"],
        "cn": ["Kurs Informatik 1"],
        "gidNumber": ["70101"],
        "member": [f"CN=Rossi\\, Maria,{BASE}"],
    },
    f"CN=Lehre,{BASE}": {
        "objectClass": ["top", "group"],
        "cn": ["Lehre"],
        "member": [f"CN=Kurs Informatik 1,{BASE}", f"CN=Domain Users,{BASE}"],
    },
    f"CN=Domain Users,{BASE}": {
        "objectClass": ["top", "group"],
        "cn": ["Domain Users"],
        "member": [f"CN=Lehre,{BASE}"],
    },
    f"CN=Rechenzentrum,{BASE}": {"objectClass": ["top", "group"], "cn": ["Rechenzentrum"], "member": []},
}
ROOT: Entry = {"objectClass": ["top"], "supportedCapabilities": ["1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670"]}


class Forest:
    """One that runs: where, and below what it was asked to search."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.searches: list[str] = []


def parts(encoded: bytes) -> Iterator[tuple[int, bytes]]:
    """The tag and the content of each value in BER; ldap3 has no way to decode a filter."""
    while encoded:
        tag, length, begin = encoded[0], encoded[1], 2
        if length & 0x80:
            begin += length & 0x7F
            length = int.from_bytes(encoded[2:begin], "big")
        if len(encoded) < begin + length:
            raise EOFError
        yield tag, encoded[begin : begin + length]
        encoded = encoded[begin + length :]


def matches(entry: Entry, tag: int, asked: bytes) -> bool:
    """Whether the entry is what a filter asks for: RFC 4511, 4.5.1."""
    if tag == 0x87:
        return asked.decode() in entry
    inner = list(parts(asked))
    if tag in (0xA0, 0xA1):
        return (all if tag == 0xA0 else any)(matches(entry, *each) for each in inner)
    if tag == 0xA3:
        attribute, wanted = (content.decode() for _, content in inner)
        return wanted.lower() in [value.lower() for value in entry.get(attribute, ())]
    assert tag == 0xA9, tag
    rule, attribute, wanted = (dict(inner)[part].decode() for part in (0x81, 0x82, 0x83))
    assert rule == RULE
    return wanted.lower() in members(entry, attribute, set())


def members(entry: Entry, attribute: str, seen: set[str]) -> set[str]:
    """The names of all entries that the entry lists, and of those that these list."""
    for name in {value.lower() for value in entry.get(attribute, ())} - seen:
        seen.add(name)
        for other, listed in ENTRIES.items():
            if other.lower() == name:
                members(listed, attribute, seen)
    return seen


def answer(tag: int, request: bytes, forest: Forest) -> Iterator[Any]:
    """What there is to say to one request."""
    if tag == 0x60:
        (_, _), (_, who), (_, password) = parts(request)
        right = not who or PASSWORDS.get(who.decode().lower()) == password.decode()
        yield "bindResponse", done(BindResponse(), "success" if right else "invalidCredentials")
    if tag == 0x63:
        (_, named), *_, (kind, asked), (_, wanted) = parts(request)
        base = named.decode()
        forest.searches.append(base)
        for name, entry in ENTRIES.items() if base else [("", ROOT)]:
            if matches(entry, kind, asked):
                yield "searchResEntry", shown(name, entry, [each.decode() for _, each in parts(wanted)])
        yield "searchResDone", done(SearchResultDone())


def done(response: Any, how: str = "success") -> Any:
    """A response that says how it went."""
    response["resultCode"] = ResultCode(how)
    response["matchedDN"] = ""
    response["diagnosticMessage"] = ""
    return response


def shown(name: str, entry: Entry, attributes: list[str]) -> Any:
    """The entry with the attributes that it has of these."""
    found = SearchResultEntry()
    found["object"] = name
    for attribute in [each for each in attributes if each in entry]:
        one = PartialAttribute()
        one["type"] = attribute
        one["vals"].extend(entry[attribute])
        found["attributes"].append(one)
    return found


@contextmanager
def serve() -> Iterator[Forest]:
    """Until the end of the block."""
    port = ports.free()
    forest = Forest(f"ldap://127.0.0.1:{port}")

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            received = b""
            while piece := self.request.recv(65536):
                received += piece
                with suppress(EOFError):
                    messages, received = list(parts(received)), b""
                    for _, message in messages:
                        (_, number), (tag, request), *_ = parts(message)
                        for kind, said in answer(tag, request, forest):
                            reply = LDAPMessage()
                            reply["messageID"] = MessageID(int.from_bytes(number, "big"))
                            operation = ProtocolOp()
                            operation[kind] = said
                            reply["protocolOp"] = operation
                            self.request.sendall(encoder.encode(reply))

    with socketserver.ThreadingTCPServer(("127.0.0.1", port), Connection) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield forest
        finally:
            server.shutdown()
            thread.join()
