"""What is handed in attacks whatever grades it, on a cluster that enforces policies: F17."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from coursehub import layout

from ci.cluster.network import API_SERVICE, DNS_SERVICE, NODE_IP

from .assignment import ASSIGNMENT, COURSE, nbgrader, put, scores
from .cluster import Installation, until
from .graded import A_LINK, FILLS, FORKS, HOLDS, OTHER_SOURCES, forges, looks
from .person import Person

LogIn = Callable[[str], Person]

RIGHT = "def square(x):\n    return x * x\n"
WRONG = "def square(x):\n    return 7\n"


def hand_in(otto: Person, submissions: Mapping[str, str]) -> None:
    """Puts them where they lie once they are collected."""
    for student, code in submissions.items():
        otto.terminal(f"mkdir -p /course/submitted/{student}/one")
        content = deepcopy(ASSIGNMENT)
        content["cells"][0]["source"] = code
        content["cells"][2]["source"] = HOLDS if HOLDS in code else "# why"
        put(otto, f"/course/submitted/{student}/one/a.ipynb", content)


def printed(course: Path, student: str) -> str:
    """What the student's first cell printed when it was graded."""
    cells = json.loads((course / f"autograded/{student}/one/a.ipynb").read_text())["cells"]
    return "".join("".join(output.get("text", "")) for output in cells[0]["outputs"])


def doors(installation: Installation) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """What answers to a server of the course, and what answers to others in the cluster."""

    def service(name: str) -> str:
        return installation.kubectl("get", "service", name, "--output=jsonpath={.spec.clusterIP}")

    near = [(service("hub"), 8081), (service("proxy-public"), 80), (DNS_SERVICE, 53)]
    return near, [(service("proxy-api"), 8001), (API_SERVICE, 443), (NODE_IP, 6443), (NODE_IP, 10250)]


def executions(installation: Installation) -> list[Any]:
    found = installation.kubectl("get", "pods", "--selector=coursehub/role=execution", "--output=json")
    return list(json.loads(found)["items"])


def test_f17_what_is_graded_reaches_nothing_and_changes_nobodys_grade(
    log_in: LogIn, installation: Installation, empty_course: Path
) -> None:
    otto = log_in("otto")
    otto.start(f"{COURSE}--instructor")
    otto.terminal("mkdir -p /course/source/one")
    put(otto, "/course/source/one/a.ipynb", ASSIGNMENT)
    nbgrader(otto, "generate_assignment one")
    near, far = doors(installation)
    core = installation.core()
    hand_in(
        otto,
        {
            "ada": RIGHT,
            "eve": looks([*near, *far, ("169.254.169.254", 80)]) + RIGHT,
            "fay": FORKS + RIGHT,
            "gus": FILLS + HOLDS,
            "hal": forges(OTHER_SOURCES) + WRONG,
            "ivy": forges(A_LINK) + WRONG,
            "zoe": WRONG,
        },
    )
    before = {path: path.read_bytes() for path in (empty_course / "source").rglob("*.ipynb")}

    # The same code, in the server of whoever grades, finds the doors that are open to servers.
    code = looks(near).replace("for folder, files in walk()", "for folder, files in []")
    script = {"type": "file", "format": "text", "content": code}
    assert otto.server("PUT", "/api/contents/course/looks.py", script).status_code in (200, 201)
    seen = json.loads(otto.terminal("python3 /course/looks.py; rm /course/looks.py").partition("SEEN ")[2])
    assert seen["addresses"] == [list(each) for each in near]
    assert "/course/gradebook.db" in seen["there"]

    said = otto.terminal("cd /course; nbgrader autograde one 2>&1; echo exit=$?", 600)

    # Who attacked others' machines is told why there is no grade; everybody else has theirs.
    assert "exit=1" in said, said
    assert "The execution wrote more than its scratch may hold, and was ended." in said, said
    assert "cell 2 has another source than what was sent" in said, said
    assert "The executed notebook is too large, or no plain file" in said, said
    assert scores(otto) == {"ada": 2, "eve": 2, "fay": 2, "zoe": 0}, said

    seen = json.loads(printed(empty_course, "eve").partition("SEEN ")[2])
    assert seen["uid"] == ["65533"] * 9, "it is somebody"
    nothing = "0" * 16
    assert seen["rights"] == [nothing, nothing, "1", "2"]
    assert {each.split("/")[1] for each in seen["folders"]} == {"srv", "tmp"}
    assert all(each.startswith("/srv/coursehub/scratch") for each in seen["folders"] if each.startswith("/srv"))
    assert all(each.startswith(("/srv/coursehub/scratch/", "/tmp/")) for each in seen["files"])  # noqa: S108
    assert (seen["there"], seen["mounts"], seen["secrets"], seen["addresses"]) == ([], [], [], [])
    made, refused = map(int, printed(empty_course, "fay").split()[1:])
    assert (made < 1024, refused) == (True, 11), "kubelet's podPidsLimit does not hold"

    # Nothing of the course is another, and nothing of a run stays.
    assert {path: path.read_bytes() for path in (empty_course / "source").rglob("*.ipynb")} == before
    for path in empty_course.rglob("*"):
        assert (path.stat().st_gid, path.is_symlink()) == (70102, False), path
    assert list((installation.share / layout.course_runs(COURSE)).iterdir()) == []
    until(lambda: executions(installation) == [], 60, "no pod of an execution is left")
    assert installation.core() == core
