"""A server's start beside plain z2jh's, one at a time and many at once, and what is in memory at rest.

Sides are interleaved, so that what else the machine does falls on all of them.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

from tests.e2e.cluster import COURSES, Installation
from tests.e2e.person import Person

from . import people
from .measure import many, say
from .plain import GUARANTEE, NAMESPACE, PASSWORD, plain_z2jh

ROUNDS = many(8, smoke=1)
BURSTS = many((10, 20), smoke=(2,))
# What an image has that takes nbgrader's and JupyterLab's extensions as they install themselves.
EVERYTHING = [
    f"--ServerApp.jpserver_extensions={name}=True"
    for name in (
        *("jupyterlab", "jupyter_lsp", "jupyter_server_terminals", "notebook", "notebook_shim"),
        *(
            f"nbgrader.server_extensions.{name}"
            for name in ("assignment_list", "course_list", "formgrader", "validate_assignment")
        ),
    )
]


@dataclass
class Side:
    """One way of starting servers."""

    name: str
    namespace: str
    log_in: Callable[[str], Person]
    options: dict[str, str]
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def start(self, person: Person) -> float:
        """Seconds from the request until the hub says ready."""
        assert person.token, "made before the clock runs"
        begin = time.monotonic()
        answer = person.api("POST", f"/users/{person.name}/server", self.options)
        assert answer.status_code in (201, 202), answer.text
        last = person.progress(300)
        took = time.monotonic() - begin
        assert last.get("ready"), last
        return took


def measure(installation: Installation) -> str:
    """The tables; a few minutes."""
    say("bench people and their homes")
    names = [f"bench{number:03}" for number in range(max(BURSTS))]
    with ExitStack() as stack:
        stack.callback(installation.helm, COURSES)
        people.add(installation, names, {"general": {"resources": {"guarantee": GUARANTEE}}})
        at_rest = _at_rest(installation)
        ours = coursehub(installation, "coursehub, student")
        bursts: list[str] = []
        plains: list[Side] = []
        for label, arguments in sides(installation).items():
            with plain_z2jh(installation, names, arguments) as url:
                side = plain(url, f"plain z2jh, {label}")
                plains.append(side)
                say(f"one at a time: {side.name}")
                _one_at_a_time(installation, (ours, side))
                say(f"bursts: {side.name}")
                bursts.append(_bursts((ours, side), names))
        if not plains:
            _one_at_a_time(installation, (ours,))
            bursts.append(_bursts((ours,), names))
        return "\n".join((_table(ours, plains), *bursts, at_rest))


def sides(installation: Installation) -> dict[str, list[str]]:
    """What is measured beside: the words of the plain server's command, by how its image is meant."""
    if installation.chart != "upstream":
        say("the comparison needs upstream's chart: Z2JH_CHART=PATH make up")
        return {}
    return many(
        {"same extensions": [], "every extension": EVERYTHING},
        smoke={"same extensions": []},
    )


def coursehub(installation: Installation, name: str) -> Side:
    """Students of a course, here."""

    def log_in(person: str) -> Person:
        return Person(installation.url, person, installation.password)

    return Side(name, installation.namespace, log_in, {"profile": "python-intro"})


def plain(url: str, name: str) -> Side:
    """Those of the plain hub there."""
    return Side(name, NAMESPACE, lambda person: Person(url, person, PASSWORD), {})


def _one_at_a_time(installation: Installation, sides: Sequence[Side]) -> None:
    persons = [(side, side.log_in("bench000")) for side in sides]
    for turn in range(ROUNDS + 1):
        for side, person in persons:
            took = side.start(person)
            if turn:  # the first is for warming up
                side.seconds.append(took)
                side.cpu.append(_cpu_seconds(installation, side.namespace, person.name))
            person.stop()
            say(f"  {side.name}: {took:.1f} s")


def _cpu_seconds(installation: Installation, namespace: str, name: str) -> float:
    """What the pod's processes have used of the CPU by now, in seconds."""
    pod = f"--namespace={namespace}", "get", "pods", "--selector", f"hub.jupyter.org/username={name}"
    which = installation.kubectl(*pod, "--output", "jsonpath={.items[0].metadata.name}")
    look = ("exec", which, "--", "sh", "-c", "cat /proc/[0-9]*/stat")
    stats = installation.kubectl(f"--namespace={namespace}", *look).splitlines()
    ticks = sum(sum(map(int, stat.rpartition(")")[2].split()[11:13])) for stat in stats)
    return ticks / os.sysconf("SC_CLK_TCK")


def _bursts(sides: Sequence[Side], names: Sequence[str]) -> str:
    rows = ["", "| at once | " + " | ".join(side.name for side in sides) + " | ratio |"]
    rows.append("|---|" + "---|" * (len(sides) + 1))
    for size in BURSTS:
        last: list[float] = []
        for side in sides:
            persons = [side.log_in(name) for name in names[:size]]
            begin = time.monotonic()
            with ThreadPoolExecutor(size) as threads:
                done = [threads.submit(side.start, person) for person in persons]
            last.append(time.monotonic() - begin)
            say(f"  {side.name}, {size} at once: {last[-1]:.0f} s")
            for each in done:
                each.result()
            with ThreadPoolExecutor(size) as threads:
                list(threads.map(Person.stop, persons))
        took = " | ".join(f"{seconds:.0f} s" for seconds in last)
        rows.append(f"| {size} | {took} | {last[0] / last[-1]:.2f} |")
    return "\n".join(rows)


def _table(ours: Side, plains: Sequence[Side]) -> str:
    rows = ["", "| | request to ready, median (range) | CPU-seconds of the server | n |", "|---|---|---|---|"]
    for side in (ours, *plains):
        spread = f"{min(side.seconds):.1f} to {max(side.seconds):.1f}"
        median, cpu = statistics.median(side.seconds), statistics.median(side.cpu)
        rows.append(f"| {side.name} | {median:.1f} s ({spread}) | {cpu:.1f} | {len(side.seconds)} |")
    for side in plains:
        time_ratio = statistics.median(ours.seconds) / statistics.median(side.seconds)
        cpu_ratio = statistics.median(ours.cpu) / statistics.median(side.cpu)
        rows.append(f"| ratio to {side.name} | {time_ratio:.2f} | {cpu_ratio:.2f} | |")
    return "\n".join(rows)


def _at_rest(installation: Installation) -> str:
    person = Person(installation.url, "bench000", installation.password)
    person.api("POST", "/users/bench000/server", {"profile": "python-intro"})
    person.wait()
    rows = ["", "| at rest | resident memory |", "|---|---|"]
    for name, selector in (
        ("hub", "component=hub"),
        ("proxy", "component=proxy"),
        ("a student's server", "hub.jupyter.org/username=bench000"),
    ):
        rows.append(f"| {name} | {memory(installation, selector):.0f} MiB |")
    person.stop()
    return "\n".join(rows)


def memory(installation: Installation, selector: str, what: str = "VmRSS") -> float:
    """MiB of all processes of the one pod: resident now or, as VmHWM and each by itself, at most so far."""
    (pod,) = installation.pods(selector)
    status = installation.kubectl("exec", pod["metadata"]["name"], "--", "sh", "-c", "cat /proc/[0-9]*/status")
    return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{what}:")) / 2**10
