"""The network test's rules: what it tries, and what it says of what it found."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum


class Duty(StrEnum):
    """What a place has to be for a server: OPEN, or closed for one reason or another.

    ALIVE surely listens, and only what holds a server's way out closes it. GUARDED surely listens too, and what holds
    its own way in closes it as well. NODE is at the pod's own node, which a plugin may leave open. Where CLOSED is,
    perhaps nothing listens.
    """

    OPEN = "open"
    ALIVE = "alive"
    GUARDED = "guarded"
    NODE = "node"
    CLOSED = "closed"


class Answer(Enum):
    """What a try found; nothing was tried where the name leads nowhere (NO_NAME) or DNS did not say (NO_DNS)."""

    OPEN = 1
    CLOSED = 2
    NO_NAME = 3
    NO_DNS = 4


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

    def well(self, answer: Answer) -> bool:
        """Whether it is as it has to be: a name that leads nowhere leads to nothing that is open."""
        return answer in ((Answer.OPEN,) if self.duty is Duty.OPEN else (Answer.CLOSED, Answer.NO_NAME))

    @property
    def times(self) -> int:
        """How many times in a row that has to be found: once to be open, and to be closed more often than by chance."""
        return 1 if self.duty is Duty.OPEN else 5


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
        match answer:
            case Answer.NO_NAME:
                yield f"Not tried, since its name is not found in this cluster: {each}."
            case Answer.NO_DNS:
                yield f"Not tried, since DNS said nothing of its name: {each}."
            case _ if each.well(answer):
                yield f"{answer.name.capitalize()}, as it has to be: {each}."
            case _:
                yield f"Open, and it has to be closed: {each}."
    yield _verdict(found)


def well(found: Mapping[Place, Answer]) -> bool:
    """Whether servers are held, and nothing is open that has to be closed, or unknown."""
    return _held(found) and all(each.well(answer) for each, answer in found.items())


def _verdict(found: Mapping[Place, Answer]) -> str:
    if not _held(found):
        return _unheld(found)
    enforced = "Network policies are enforced here"
    wrong = [each for each, answer in found.items() if answer is Answer.OPEN and each.duty is not Duty.OPEN]
    if wrong and all(each.duty is Duty.NODE for each in wrong):
        return (
            f"{enforced}, and {_and(wrong)} can be reached: Kubernetes allows a plugin to leave a pod's own node open, "
            "whatever policies say. If yours does, close the port to pods by the node's firewall; if not, write the "
            "nodes' addresses into network.campus, or take away the NetworkPolicy that opens them."
        )
    if wrong:
        return (
            f"{enforced}, and {_and(wrong)} can be reached: write the addresses into network.campus (the API server's "
            "own: kubectl get endpointslices --namespace default), or take away the NetworkPolicy that opens them."
        )
    if unknown := [each for each, answer in found.items() if answer is Answer.NO_DNS]:
        return (
            f"{enforced}, and nothing is said of {_and(unknown)}: DNS failed for the name. Look whether the cluster's "
            "DNS finds it, and try again."
        )
    return f"{enforced}."


def _held(found: Mapping[Place, Answer]) -> bool:
    """Whether a server's way out is held: closed is what surely listens and nothing else closes."""
    return any(each.duty is Duty.ALIVE and answer is Answer.CLOSED for each, answer in found.items())


def _unheld(found: Mapping[Place, Answer]) -> str:
    alive = [each for each in found if each.duty is Duty.ALIVE]
    if all(answer is Answer.OPEN for each, answer in found.items() if each.duty in (Duty.ALIVE, Duty.GUARDED)):
        return (
            "Nothing enforces network policies here: servers reach the file server, the nodes and one another. Take a "
            "network plugin that enforces them, and leave jupyterhub.singleuser.networkPolicy.enabled on."
        )
    why = (
        "the plugin enforces nothing, or ingress alone, or jupyterhub.singleuser.networkPolicy.enabled is off. Take a "
        "plugin that enforces both directions, and leave that on."
    )
    if all(answer is not Answer.CLOSED for each, answer in found.items() if each.duty is not Duty.GUARDED):
        return f"A server's way out is not held here: {why}"
    return (
        f"Nothing shows that a server's way out is held here, since {_and(alive)} was not found closed. Where its own "
        "address is public, write it into network.campus (kubectl get endpointslices --namespace default), and try "
        f"again; where it is private, {why}"
    )


def _and(places: Iterable[Place]) -> str:
    return " and ".join(each.what for each in places)
