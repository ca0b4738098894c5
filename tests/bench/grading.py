"""python -m tests.bench.grading: submissions autograded apart, beside nbgrader's own autograding and an empty pod.

Groups of submissions go by all ways in turn, so that what else the machine does falls on all of them. CPU is that of
all that the local cluster runs, pods and its own programs, less what it takes at rest. Prints a table in Markdown.
"""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from ci.cluster import cgroup
from tests.e2e.assignment import ASSIGNMENT, COURSE, nbgrader, put, scores
from tests.e2e.cluster import Installation, until
from tests.e2e.person import Person

from .alone import alone, teaching
from .measure import many, say

ROUNDS, GROUP, EMPTY, REST = many((4, 25, 20, 30.0), smoke=(1, 2, 1, 3.0))
# Seconds of CPU beside nbgrader's and an empty pod's, and two at once's part of the time of one.
MOST_CPU, MOST_OF_ONE = 0.5, 0.6
WARM = "warm"
SOLVED = "def square(x):\n    return x * x\n"
PODS = f"{cgroup.NAME}/kubepods"
# nbgrader as it is, with nothing of ours: COURSE GROUP.
OWN = (
    "import sys; from nbgrader.converters import Autograde; from nbgrader.coursedir import CourseDirectory; "
    "Autograde(coursedir=CourseDirectory(root='/course', course_id=sys.argv[1], groupshared=True, "
    "assignment_id='one', student_id=sys.argv[2] + '-*'), force=True).start()"
)
# The command, whose bound of what is done at once is lower: AT-ONCE grade COURSE one ….
OURS = (
    "import sys, nbgrader_many; nbgrader_many.MOST = int(sys.argv.pop(1)); "
    "from coursehub_command import main; sys.exit(main())"
)


@dataclass
class Way:
    """One way of having something done `n` times: seconds, and CPU-seconds of the cluster and of its pods alone."""

    name: str
    n: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    pods: float = 0.0

    @contextmanager
    def times(self, n: int) -> Iterator[None]:
        """The block does it `n` times."""
        begin, cpu, pods = time.monotonic(), cgroup.used(), cgroup.used(PODS)
        yield
        self.seconds += time.monotonic() - begin
        self.cpu += cgroup.used() - cpu
        self.pods += cgroup.used(PODS) - pods
        self.n += n

    def each(self, rest: Way) -> tuple[float, float]:
        """CPU-seconds of one, less what is taken at `rest`: of the cluster, and of its pods alone."""
        over = self.seconds / rest.seconds
        return (self.cpu - rest.cpu * over) / self.n, (self.pods - rest.pods * over) / self.n

    def row(self, rest: Way) -> str:
        """As the table has it."""
        all_of_it, pods = self.each(rest)
        return f"| {self.name} | {self.seconds / self.n:.2f} s | {all_of_it:.2f} | {pods:.2f} | {self.n} |"


def measure(installation: Installation) -> str:
    """The table; twenty minutes."""
    with teaching(installation) as teacher:
        return _measure(installation, teacher)


def _measure(installation: Installation, teacher: Person) -> str:
    groups = _hand_in(teacher)
    pod = _a_pod(installation, teacher)
    rest = Way("at rest")
    own, one, two = (Way("nbgrader by itself"), *(Way(f"`coursehub grade`, {n} at once") for n in (1, 2)))
    empty, single = Way("an empty pod: the same, its three programs do nothing"), Way("an empty pod of one container")
    ways: Sequence[tuple[Way, Callable[[str], None]]] = (
        (own, lambda group: _in_terminal(teacher, OWN, COURSE, group)),
        (one, lambda group: _grade(teacher, 1, groups[group])),
        (two, lambda group: _grade(teacher, 2, groups[group])),
    )
    with rest.times(1):
        time.sleep(REST)
    for group, students in groups.items():
        for way, work in ways:
            with way.times(len(students)):
                work(group)
            say(f"  {group}: {way.row(rest)}")
            found = scores(teacher)
            assert all(found.get(student) == 2 for student in students), (way.name, found)
        for way, made in ((empty, _emptied(pod)), (single, _emptied(pod, steps=False))):
            for number in range(max(1, EMPTY // ROUNDS)):
                with way.times(1):
                    _run(installation, made, f"bench-{group}-{number}")
            say(f"  {group}: {way.row(rest)}")
    return "\n".join((*_table(rest, (own, one, two, empty, single)), "", *_aims(rest, own, one, two, empty)))


def _hand_in(teacher: Person) -> dict[str, list[str]]:
    """Puts submissions where they lie once they are collected; whose, by group."""
    teacher.terminal("mkdir -p /course/source/one")
    put(teacher, "/course/source/one/a.ipynb", ASSIGNMENT)
    nbgrader(teacher, "generate_assignment one")
    groups = {f"g{group}": [f"g{group}-{number:03}" for number in range(GROUP)] for group in range(ROUNDS)}
    solved = deepcopy(ASSIGNMENT)
    solved["cells"][0]["source"] = SOLVED
    teacher.terminal(f"mkdir -p /course/submitted/{WARM}/one")
    put(teacher, f"/course/submitted/{WARM}/one/a.ipynb", solved)
    others = " ".join(student for students in groups.values() for student in students)
    teacher.terminal(f"cd /course/submitted; for each in {others}; do cp -r {WARM} $each; done", 300)
    return groups


def _a_pod(installation: Installation, teacher: Person) -> dict[str, Any]:
    """One that executes a submission, as the hub made it."""
    with ThreadPoolExecutor(1) as threads:
        grading = threads.submit(_grade, teacher, 1, [WARM])
        pod: dict[str, Any] = until(lambda: installation.pods("coursehub/role=execution"), 60, "a pod", every=0.1)[0]
        grading.result()
    return pod


def _emptied(pod: dict[str, Any], steps: bool = True) -> dict[str, Any]:
    """The same pod with programs that do nothing; without `steps` the last container alone."""
    made = deepcopy(pod)
    spec = made["spec"]
    del spec["nodeName"], made["status"]
    spec["initContainers"] = spec["initContainers"] if steps else []
    for container in (*spec["initContainers"], *spec["containers"]):
        container["command"] = ["true"]
    kept = ("labels", "namespace", "ownerReferences")
    made["metadata"] = {name: made["metadata"][name] for name in kept}
    return made


def _run(installation: Installation, pod: dict[str, Any], name: str) -> None:
    named = {**pod, "metadata": {**pod["metadata"], "name": name}}
    installation.kubectl("create", "--filename=-", text=json.dumps(named))
    installation.kubectl("wait", f"pod/{name}", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=2m")
    installation.kubectl("delete", f"pod/{name}")


def _grade(teacher: Person, at_once: int, students: Sequence[str]) -> None:
    whose = [word for student in students for word in ("--student", student)]
    _in_terminal(teacher, OURS, str(at_once), "grade", COURSE, "one", "--again", *whose)


def _in_terminal(teacher: Person, program: str, *words: str) -> None:
    command = shlex.join(("python3", "-P", "-c", program, *words))
    said = teacher.terminal(f"cd /course; {command} >/tmp/said 2>&1 || tail -30 /tmp/said; echo exit=$?", 1800)
    assert said == "exit=0", said


def _table(rest: Way, ways: Sequence[Way]) -> Iterator[str]:
    yield "| | time of one | CPU-seconds of one | of them in pods | n |"
    yield "|---|---|---|---|---|"
    yield from (way.row(rest) for way in ways)
    yield f"| the cluster at rest, a second | | {rest.cpu / rest.seconds:.2f} | {rest.pods / rest.seconds:.2f} | |"


def _aims(rest: Way, own: Way, one: Way, two: Way, empty: Way) -> Iterator[str]:
    above = one.each(rest)[0] - own.each(rest)[0] - empty.each(rest)[0]
    yield f"Above nbgrader's own and the empty pod: {above:.2f} CPU-seconds. {_said(above, MOST_CPU)}"
    part = (two.seconds / two.n) / (one.seconds / one.n)
    yield f"Two at once take {part:.2f} of the time of one. {_said(part, MOST_OF_ONE)}"


def _said(found: float, most: float) -> str:
    return f"Aimed at: at most {most}, which is {'kept' if found <= most else 'missed'}."


if __name__ == "__main__":
    sys.exit(alone(measure))
