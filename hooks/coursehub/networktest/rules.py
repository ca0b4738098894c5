"""The network test's rules: what it tries, and what it says of what it found."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum


class Duty(StrEnum):
    """What a place has to be for a server; ALIVE has to be closed too, and surely listens."""

    OPEN = "open"
    ALIVE = "alive"
    CLOSED = "closed"


class Answer(Enum):
    """What a try found; NO_NAME: the name leads nowhere, so nothing was tried."""

    OPEN = 1
    CLOSED = 2
    NO_NAME = 3


@dataclass(frozen=True)
class Place:
    """Where a server may or may not go: `what` it is in words."""

    duty: Duty
    what: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.what} ({host}:{self.port})"

    @property
    def wanted(self) -> Answer:
        """What a try has to find."""
        return Answer.OPEN if self.duty is Duty.OPEN else Answer.CLOSED

    def settled(self, answer: Answer) -> bool:
        """Whether it need not be tried again: a name that leads nowhere leads to nothing that is open."""
        return answer is self.wanted or (self.duty is not Duty.OPEN and answer is Answer.NO_NAME)


_PLACE = re.compile(r"([^=]+)=\[?([^\[\]]+?)\]?:([0-9]{1,5})")


def place(duty: Duty, text: str) -> Place:
    """Of `WHAT=HOST:PORT`; raises ValueError."""
    if not (match := _PLACE.fullmatch(text)):
        raise ValueError(f"{text!r} is not WHAT=HOST:PORT")
    return Place(duty, match[1], match[2], int(match[3]))


def unnamed(place: Place, resolv_conf: str, seconds: float) -> str:
    """Why nothing can be said where the name of a place that has to be open is not found."""
    servers = re.findall(r"(?m)^nameserver\s+(\S+)", resolv_conf)
    blocks = [{"ipBlock": {"cidr": f"{each}/{128 if ':' in each else 32}"}} for each in servers]
    entry = json.dumps({"to": blocks, "ports": [53]})
    return (
        f"The name {place.host} was not found for {seconds:.0f} s, so nothing is said of what is closed: DNS at "
        f"{' and '.join(servers) or 'no address'} is down, or closed to servers. If it works elsewhere in the cluster, "
        f"write network.dns.service: {entry}"
    )


def unreached(place: Place, seconds: float) -> str:
    """Why nothing can be said where a place that has to be open is closed."""
    return (
        f"Closed for {seconds:.0f} s, and it has to be open: {place}. So nothing is said of what is closed. Look "
        "whether it runs, and which NetworkPolicy of the namespace is not the chart's."
    )


def lines(found: Mapping[Place, Answer]) -> Iterator[str]:
    """A sentence for each place that was tried, and the verdict last."""
    for each, answer in found.items():
        if answer is Answer.NO_NAME:
            yield f"Not tried, since its name is not found in this cluster: {each}."
        elif answer is each.wanted:
            yield f"{answer.name.capitalize()}, as it has to be: {each}."
        else:
            yield f"Open, and it has to be closed: {each}."
    yield _verdict(found)


def well(found: Mapping[Place, Answer]) -> bool:
    """Whether nothing is open that has to be closed."""
    return not _wrong(found)


def _verdict(found: Mapping[Place, Answer]) -> str:
    wrong = _wrong(found)
    if not wrong:
        return "Network policies are enforced here."
    alive = [each for each in found if each.duty is Duty.ALIVE]
    if all(each in wrong for each in alive):
        return (
            "Nothing enforces network policies here: servers reach the file server, the nodes and one another. Take a "
            "network plugin that enforces them, and leave jupyterhub.singleuser.networkPolicy.enabled on."
        )
    return (
        f"Network policies are enforced here, and {' and '.join(each.what for each in wrong)} can be reached: write "
        "the addresses into network.campus (the API server's own: kubectl get endpointslices --namespace default), or "
        "take away the NetworkPolicy that opens them."
    )


def _wrong(found: Mapping[Place, Answer]) -> Sequence[Place]:
    return [each for each, answer in found.items() if answer is Answer.OPEN and each.duty is not Duty.OPEN]
