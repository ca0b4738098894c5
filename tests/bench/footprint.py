"""python -m tests.bench.footprint: what hub and proxy take of CPU and memory with 1, 20 and 100 running servers.

The tabs of the 100 are then opened once more with TLS, which ends in the proxy.

Real servers of the real image, each with a browser's worth of requests: what JupyterLab polls, and its websocket. The
figures are kubelet's, the same that Prometheus would have. Prints a table in Markdown.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect

from tests.e2e.cluster import COURSES, Installation
from tests.e2e.https import SERVERS, served
from tests.e2e.person import Person

from . import people
from .alone import alone
from .measure import many, say

SIZES = many((1, 20, 100), smoke=(1, 2))
AT_ONCE = 10
STEADY = many(120.0, smoke=8.0)
WINDOW = many(5.0, smoke=3.0)
CONTAINERS = ("hub", "chp", "provisioner")
# What a tab of JupyterLab asks for again and again, and how often (its defaults).
POLLS = ("/api/kernels", "/api/sessions", "/api/terminals", "/api/contents?content=1")
EVERY = 10.0
SMALL = {"general": {"resources": {"cpu": 1, "memory": "1G", "guarantee": {"cpu": 0.001, "memory": "64M"}}}}


@dataclass(frozen=True)
class Sample:
    """One look at a container: when, CPU time so far, both in seconds, and bytes in use."""

    at: float
    cpu: float
    memory: float


class Meter:
    """Notes what kubelet says of the containers while it runs."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        (node,) = json.loads(installation.kubectl("get", "nodes", "--output", "json"))["items"]
        self._path = f"/api/v1/nodes/{node['metadata']['name']}/proxy/metrics/resource"
        self._samples: dict[str, list[Sample]] = {name: [] for name in CONTAINERS}

    async def run(self) -> None:
        """Looks every few seconds until it is cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(WINDOW)

    async def look(self) -> None:
        """Looks once."""
        text = await asyncio.to_thread(self._installation.kubectl, "get", "--raw", self._path)
        cpu, memory = (
            {each.labels["container"]: each for each in family.samples if each.labels["container"] in CONTAINERS}
            for name in ("container_cpu_usage_seconds", "container_memory_working_set_bytes")
            for family in text_string_to_metric_families(text)
            if family.name == name
        )
        for container, samples in self._samples.items():
            used = cpu[container]
            samples.append(Sample(float(str(used.timestamp)), used.value, memory[container].value))

    def rows(self, servers: str, what: str) -> list[str]:
        """Mean CPU, the most of it between two looks, and the most memory, of each container."""
        return [f"| {servers} | {what} | {name} | {_figures(found)} |" for name, found in self._samples.items()]


def _figures(samples: Sequence[Sample]) -> str:
    rates = [_rate(before, after) for before, after in pairwise(samples)]
    most = max(each.memory for each in samples) / 2**20
    return f"{_rate(samples[0], samples[-1]):.3f} | {max(rates):.2f} | {most:.0f} MiB"


def _rate(before: Sample, after: Sample) -> float:
    return (after.cpu - before.cpu) / (after.at - before.at)


class Tab:
    """A tab of JupyterLab as the proxy sees it."""

    def __init__(self, person: Person, servers: str) -> None:
        self._url = f"{servers.format(person=person.name)}/user/{person.name}"
        self._headers = {"Authorization": f"token {person.token}"}

    async def run(self, after: float) -> None:
        """Opens `after` seconds and asks until it is cancelled."""
        await asyncio.sleep(after)
        socket = f"{self._url.replace('http', 'ws', 1)}/api/events/subscribe"
        async with (
            httpx.AsyncClient(headers=self._headers, timeout=60) as client,
            connect(socket, additional_headers=self._headers, open_timeout=60),
        ):
            while True:
                for path in POLLS:
                    (await client.get(self._url + path)).raise_for_status()
                await asyncio.sleep(EVERY)


async def _measured(meter: Meter, work: Sequence[Awaitable[object]], seconds: float | None) -> float:
    """Runs the meter while `work` runs, for `seconds` or until all of it is done; how long that was."""
    begin = time.monotonic()
    looking = asyncio.create_task(meter.run())
    working = [asyncio.ensure_future(each) for each in work]
    done, _ = await asyncio.wait(working, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for each in (looking, *working):
        each.cancel()
    await asyncio.gather(looking, *working, return_exceptions=True)
    for each in done:
        each.result()
    await meter.look()
    return time.monotonic() - begin


def _log_in(installation: Installation, name: str) -> Person:
    return Person(installation.url, name, installation.password)


def _start(person: Person) -> None:
    answer = person.api("POST", f"/users/{person.name}/server", {"profile": "general"})
    assert answer.status_code in (201, 202), answer.text
    person.wait(600)


def _start_all(threads: ThreadPoolExecutor, persons: Sequence[Person]) -> None:
    list(threads.map(_start, persons))


def measure(installation: Installation) -> str:
    """The table; a quarter of an hour."""
    names = [f"bench{number:03}" for number in range(max(SIZES))]
    with ExitStack() as stack:
        stack.callback(installation.helm, COURSES)
        return _measure(installation, names, people.add(installation, names, SMALL))


def _measure(installation: Installation, names: Sequence[str], https: Sequence[str]) -> str:
    """The table; people of these `names` are there, and helm's words in `https` keep them so with https."""
    rows = [
        "| servers | while | container | CPU, mean | CPU, most in 5 s | memory, most |",
        "|---|---|---|---|---|---|",
    ]
    persons: list[Person] = []
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        stack.callback(lambda: list(threads.map(Person.stop, persons)))
        for size in SIZES:
            say(f"{size} servers")
            more = list(threads.map(partial(_log_in, installation), names[len(persons) : size]))
            persons += more
            meter = Meter(installation)
            took = asyncio.run(_measured(meter, [asyncio.to_thread(_start_all, threads, more)], None))
            rows += meter.rows(str(size), f"{len(more)} start, {AT_ONCE} at once, {took:.0f} s")
            rows += _with_tabs(installation, persons, installation.servers)
        folder = Path(stack.enter_context(TemporaryDirectory()))
        with served(installation, folder, *https):
            rows += _with_tabs(installation, persons, SERVERS)
    return "\n".join(rows)


def _with_tabs(installation: Installation, persons: Sequence[Person], servers: str) -> list[str]:
    meter = Meter(installation)
    tabs = [Tab(person, servers).run(EVERY * number / len(persons)) for number, person in enumerate(persons)]
    asyncio.run(_measured(meter, tabs, STEADY))
    rows = meter.rows(str(len(persons)), f"a tab of each is open, by {servers.partition(':')[0]}")
    say("\n".join(rows))
    return rows


if __name__ == "__main__":
    sys.exit(alone(measure))
