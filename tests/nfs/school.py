"""A course that teaches: its volume, pods on it, and a student who tries what he can."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from coursehub import layout

from ci.nfs.agent import ROOT
from ci.nfs.machine import Machine
from ci.nfs.pod import Pod
from tests.nfs import inside
from tests.nfs.command import FILES, SITE_AND_COURSES
from tests.nfs.pods import Pods
from tests.support import MARIA

PEOPLE = layout.course_people("python-intro")
FILES_OF_COURSE = layout.course_files("python-intro")
INBOUND, OUTBOUND, FEEDBACK = (f"exchange/python-intro/{name}" for name in ("inbound", "outbound", "feedback"))
HOME = layout.home(MARIA.uid, MARIA.name)


def notebook() -> str:
    """One task and its tests, of which one is hidden."""

    def cell(name: str, source: str, **grader: object) -> dict[str, object]:
        flags = {"grade": False, "locked": False, "solution": False, "task": False, "schema_version": 3}
        metadata = {"nbgrader": {**flags, "grade_id": name, **grader}}
        return {
            **{"id": name, "cell_type": "code", "source": source, "outputs": [], "execution_count": None},
            "metadata": metadata,
        }

    task = cell(
        "square", "def square(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION", solution=True
    )
    hidden = "assert square(3) == 9\n### BEGIN HIDDEN TESTS\nassert square(17) == 289\n### END HIDDEN TESTS"
    tests = cell("test-square", hidden, grade=True, locked=True, points=2)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    return json.dumps({"cells": [task, tests], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})


class School:
    """The volume with its homes and courses, pods on it, and one student who tries what he can."""

    def __init__(self, machine: Machine, host: Path) -> None:
        self.machine = machine
        self.host = host
        self.pods = Pods(machine, host)

    def host_says(self, *words: str, files: Mapping[str, str] = FILES) -> tuple[int, str, str]:
        """`coursehub words` as root on the storage host."""
        return self.machine.call(ROOT, inside.command, self.host.parent.with_name("site"), files, words)

    def everything(self, path: str) -> list[str]:
        """All that is below a folder of the volume, described."""
        return self.machine.call(ROOT, inside.everything, self.host / path)

    def names(self, path: str) -> list[str]:
        """The names of all that is below a folder of the volume."""
        return [f"{path}/{line.split(maxsplit=2)[2]}" for line in self.everything(path)]

    def solve(self, made: Pod, code: str) -> None:
        """The pod's owner writes their answer."""
        path = made.root / f"{made.home.lstrip('/')}/python-intro/one/a.ipynb"
        found = json.loads(self.machine.call(made.identity, path.read_text))
        found["cells"][0]["source"] = f"def square(x):\n    {code}"
        self.machine.call(made.identity, path.write_text, json.dumps(found))

    def nothing_works(self, who: Pod) -> None:
        """Who is in this pod gets at nothing of Maria's and the instructors', not even with names he cannot know."""
        share = who.folder / "share"
        theirs = self.machine.call(ROOT, inside.owned_by, self.host, MARIA.uid)
        handed_in = [path for path in theirs if path.startswith(INBOUND) and path.count("/") == 3]
        closed = [path for path in theirs if path not in handed_in]
        closed += [FILES_OF_COURSE, *self.names(FILES_OF_COURSE), FEEDBACK, PEOPLE, *self.names(PEOPLE)]

        def worked(paths: list[str], *but: str) -> list[str]:
            return self.machine.call(who.identity, inside.attacked, share, paths, but)

        assert worked(closed) == []
        assert worked([INBOUND], "make") == []
        assert worked(handed_in) == []


@contextmanager
def school_on(machine: Machine, host: Path) -> Iterator[School]:
    """A volume with all directories; its pods end with it."""
    made = School(machine, host)
    code, _, error = made.host_says("storage", "ensure", "--root", str(host), *SITE_AND_COURSES)
    assert code == 0, error
    try:
        yield made
    finally:
        made.pods.end()
