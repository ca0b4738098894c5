"""The installation under test, from the side of an admin: kubectl and helm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from ci.cluster.layout import Layout
from tests import names

ROOT = Path(__file__).resolve().parents[2]
COURSES = ROOT / "values/courses.yaml"
PROGRAM = ROOT / ".venv/bin/coursehub"
# As `make up` put it together.
CHART = Layout.from_environment().cache / "chart"
Found = TypeVar("Found")


@dataclass(frozen=True)
class Installation:
    """What `make info` says, and ways to look behind it."""

    url: str
    servers: str
    kubeconfig: str
    namespace: str
    chart: str
    password: str
    people: tuple[str, ...]

    @classmethod
    def here(cls) -> Installation:
        """The local cluster's."""
        names.resolve()
        done = subprocess.run(
            [sys.executable, "-m", "ci.deploy", "info"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"nothing to test: {done.stderr}"
        facts = json.loads(done.stdout)
        return cls(**{**facts, "people": tuple(facts["people"])})

    @property
    def environment(self) -> dict[str, str]:
        """For kubectl and helm."""
        programs = Path(self.kubeconfig).parent / "bin"
        return {**os.environ, "KUBECONFIG": self.kubeconfig, "PATH": f"{programs}:{os.environ['PATH']}"}

    @property
    def share(self) -> Path:
        """The folder that stands in for the university's NFS."""
        return Path(self.kubeconfig).parent / "share"

    def server(self, person: str) -> str:
        """The address of a person's server."""
        return f"{self.servers.format(person=person)}/user/{person}"

    def kubectl(self, *arguments: str, text: str | None = None, check: bool = True) -> str:
        """The output of kubectl in the hub's namespace."""
        done = subprocess.run(
            ["kubectl", "--namespace", self.namespace, *arguments],
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout if done.returncode == 0 else done.stderr

    def coursehub(self, *arguments: str) -> str:
        """What the command of that name says on an admin's machine."""
        done = self.command(*arguments)
        assert done.stdout, f"{' '.join(done.args)}: {done.stderr}"
        return done.stdout

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """How it ended, and what it said."""
        words = [str(PROGRAM), *arguments, "--namespace", self.namespace]
        return subprocess.run(words, env=self.environment, capture_output=True, text=True, check=False)

    def pods(self, selector: str) -> list[dict[str, Any]]:
        """The pods that a label selector chooses, those on their way out left out."""
        found = json.loads(self.kubectl("get", "pods", "--selector", selector, "--output", "json"))["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def pod_of(self, person: str) -> dict[str, Any] | None:
        """The pod of a person's server."""
        pods = self.pods(f"component=singleuser-server,hub.jupyter.org/username={person}")
        return pods[0] if pods else None

    def hub(self) -> tuple[str, int]:
        """The hub pod's uid and how often its container restarted."""
        (pod,) = self._hubs()
        return pod["metadata"]["uid"], pod["status"]["containerStatuses"][0]["restartCount"]

    def _hubs(self) -> list[dict[str, Any]]:
        """The hub's pods; one that a node ended, for which it had no room, stays in the list of all and is none."""
        return [pod for pod in self.pods("component=hub") if pod["status"]["phase"] in ("Pending", "Running")]

    def core(self) -> frozenset[tuple[str, int]]:
        """As `hub`, of the pods of hub and proxy."""
        pods = self.pods("component in (hub, proxy)")
        return frozenset(
            (pod["metadata"]["uid"], sum(each["restartCount"] for each in pod["status"].get("containerStatuses", ())))
            for pod in pods
        )

    def hub_is_ready(self) -> bool:
        """One hub pod, and it answers."""
        return self._ready_hub() is not None

    def hub_is_ready_after(self, before: tuple[str, int]) -> bool:
        """One hub pod, another one than `before` or restarted since, and it answers."""
        return self._ready_hub() not in (None, before)

    def _ready_hub(self) -> tuple[str, int] | None:
        """The hub as `hub` has it, of one look at the pods: between two looks a pod can go.

        A pod that is ready is not yet one that the way through the proxy leads to.
        """
        pods = self._hubs()
        if len(pods) != 1:
            return None
        containers = pods[0]["status"].get("containerStatuses", [])
        if not containers or not all(each["ready"] for each in containers):
            return None
        try:
            answer = httpx.get(f"{self.url}/hub/health", timeout=5)
        except httpx.TransportError:
            return None
        # With https the plain address leads there.
        reached = answer.is_success or answer.is_redirect
        return (pods[0]["metadata"]["uid"], containers[0]["restartCount"]) if reached else None

    def job(self, cronjob: str, name: str, seconds: float = 300) -> tuple[bool, str]:
        """A Job made from a CronJob, run to its end: whether it succeeded, and its log; it is gone afterwards."""
        self.kubectl("create", "job", f"--from=cronjob/{cronjob}", name)
        try:

            def ended() -> str | None:
                status = json.loads(self.kubectl("get", "job", name, "--output", "json"))["status"]
                conditions = {each["type"] for each in status.get("conditions", []) if each["status"] == "True"}
                return next(iter(conditions & {"Complete", "Failed"}), None)

            how = until(ended, seconds, f"the job {name} has ended")
            return how == "Complete", self.kubectl("logs", f"job/{name}").strip()
        finally:
            self.kubectl("delete", "job", name, "--wait=false")

    def helm_test(self, *names: str) -> subprocess.CompletedProcess[str]:
        """`helm test`, all of it or what is named."""
        chosen = ["--filter", ",".join(f"name=coursehub-{name}" for name in names)] if names else []
        command = ["helm", "test", "coursehub", "--namespace", self.namespace, "--logs", "--timeout", "10m", *chosen]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def helm(self, courses: Path, *arguments: str, chart: Path = CHART, site: Path | None = None) -> None:
        """`helm upgrade` of this installation with other values; the chart is the one that `make up` put together."""
        with self.upgrading(courses, *arguments, chart=chart, site=site) as helm:
            _, said = helm.communicate()
        assert helm.returncode == 0, said

    def upgrading(
        self, courses: Path, *arguments: str, chart: Path = CHART, site: Path | None = None
    ) -> subprocess.Popen[str]:
        """`helm` at work."""
        command = ["helm", "upgrade", *self._release(courses, chart, site), "--wait", "--timeout", "3m", *arguments]
        quiet, heard = subprocess.DEVNULL, subprocess.PIPE
        return subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=quiet, stderr=heard, text=True)

    def rendered(self) -> str:
        """All objects of this installation, as `helm template` writes them, but the pods of `helm test`."""
        command = ["helm", "template", "--skip-tests", *self._release(COURSES, CHART, None)]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _release(self, courses: Path, chart: Path, site: Path | None) -> list[str]:
        """Name, chart and values, as words of helm."""
        files = (
            str(site or os.environ.get("VALUES", "values/local.yaml")),
            str(Path(self.kubeconfig).parent / "values.json"),
        )
        values = [word for file in files for word in ("--values", file)]
        course_file = ("--set-file", f"courses.files.main={courses}")
        return ["coursehub", str(chart), "--namespace", self.namespace, *values, *course_file]

    @contextmanager
    def upgraded(self, courses: Path, *arguments: str) -> Iterator[None]:
        """The installation with other values; afterwards as `make up` made it."""
        try:
            self.helm(courses, *arguments)
            yield
        finally:
            self.helm(COURSES)


def until(look: Callable[[], Found], seconds: float, what: str, every: float = 1.0) -> Found:
    """The first true thing that `look` finds; AssertionError naming `what` when time is up."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"after {seconds:.0f} s still not: {what}"
        time.sleep(every)
    return found
