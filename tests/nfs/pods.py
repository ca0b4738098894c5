"""Pods of the singleuser image in the machine, made from plans, each as on a node of its own."""

from dataclasses import replace
from pathlib import Path

from coursehub.config.profiles import Role
from coursehub.person import Person
from coursehub.servers import execution
from coursehub.servers.manifest import Frame
from coursehub.servers.plan import SHARE

from ci.nfs import pod
from ci.nfs.agent import ROOT
from ci.nfs.machine import Machine
from ci.nfs.pod import Bind, Pod
from tests.nfs import door, hub, inside
from tests.nfs.conftest import planned_for, session
from tests.support import site

COURSE = "python-intro"


class Pods:
    """The running pods on one volume."""

    def __init__(self, machine: Machine, host: Path) -> None:
        self._machine = machine
        self._host = host
        self._made: list[Pod] = []
        self._serving: list[int] = []
        self._doors: list[int] = []

    def start(self, person: Person, role: Role, version: str) -> Pod:
        """A pod as the hub would make it for the course, in which nothing runs yet."""
        planned = planned_for(person, role, COURSE)
        name = f"{person.name}-{role}"
        environment = {"PATH": pod.PATH, **planned.environment, **hub.environment(person.name)}
        made = Pod(name, session(person, role, COURSE), planned.home, environment)
        binds = [
            Bind(mount.path, mount.sub_path if mount.volume == SHARE else None, mount.read_only)
            for mount in planned.mounts
        ]
        self._made.append(made)
        self._machine.call(ROOT, pod.assemble, made, version, self._host, binds)
        # As the server's own environment then is, from which its terminals and nbgrader have theirs.
        _, said = self.run(made, "env", "-0")
        return replace(made, environment=dict(line.split("=", 1) for line in said.rstrip("\0").split("\0")))

    def run(self, made: Pod, *words: str) -> tuple[int, str]:
        """The exit code and words of a command that is the pod's first."""
        return self._machine.call(ROOT, pod.run, made, words)

    def serve(self, made: Pod, *words: str) -> int:
        """The pid of what runs until the pods end."""
        self._serving.append(self._machine.call(ROOT, pod.serve, made, words))
        return self._serving[-1]

    def stop(self, pid: int) -> None:
        """Ends what `serve` began."""
        self._serving.remove(pid)
        self._machine.call(ROOT, pod.end, pid)

    def executes(self, made: Pod, person: Person, version: str) -> None:
        """Runs of this instructor's pod are executed, each in a pod of its own."""
        settings = site().autograding
        manifest = execution.pod(
            planned_for(person, Role.GRADING, COURSE), Frame("claim", "courses"), settings, door.FOLDER, door.CLOSED
        )
        self._doors.append(self._machine.call(ROOT, door.begin, made, manifest, version, self._host))

    def nbgrader(self, *asked: tuple[Pod, str]) -> list[str]:
        """What each pod's `nbgrader ...` says, all at the same time; they succeed."""
        answers = self.tried(*asked)
        for (made, line), (code, said) in zip(asked, answers, strict=True):
            assert code == 0, f"nbgrader {line} in {made.name}:\n{said}"
        return [said for _, said in answers]

    def tried(self, *asked: tuple[Pod, str]) -> list[tuple[int, str]]:
        """The exit code of each pod's `nbgrader ...` and what it says."""
        return self._machine.call(ROOT, inside.ask, [(made, line.split()) for made, line in asked])

    def end(self) -> None:
        """Nothing is left of them."""
        for pid in list(self._serving):
            self.stop(pid)
        for pid in self._doors:
            self._machine.call(ROOT, door.end, pid)
        for made in self._made:
            self._machine.call(ROOT, pod.dismantle, made)
