"""Whether names lead where they have to, as this machine finds them."""

import socket
from collections.abc import Iterator, Sequence

# A name that nobody has, which only a star in DNS answers.
_ANYBODY = "coursehub-somebody"


def astray(hosts: Sequence[str]) -> Iterator[str]:
    """What is wrong with `*.jupyter.example.edu`, a name below which every person has one, and the hub's beside it."""
    for star in (host for host in hosts if host.startswith("*.")):
        hub = star.removeprefix("*.")
        there, below = _addresses(hub), _addresses(f"{_ANYBODY}.{hub}")
        if not there:
            yield f"{hub}: this machine finds no such name; ask for it in DNS, and for {star}, where servers are"
        elif not below:
            yield f"{star}: this machine finds no names of servers; ask for {star} in DNS, leading where {hub} leads"
        elif there.isdisjoint(below):
            yield (
                f"{star}: leads to {', '.join(sorted(below))}, and {hub} to {', '.join(sorted(there))}; servers are "
                f"reached where the hub is, so have both lead there"
            )


def _addresses(name: str) -> set[str]:
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)}
    except OSError:
        return set()
