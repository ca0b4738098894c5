"""A home with not one free block, by the quota that the command sets, over NFS: one can work in it, and make room."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from coursehub.config.profiles import Role
from coursehub.servers.plan import COMMAND

from ci.nfs.agent import ROOT
from ci.nfs.machine import Machine
from ci.nfs.pod import Pod
from tests.nfs import inside
from tests.nfs.command import SITE_AND_COURSES
from tests.nfs.conftest import session
from tests.nfs.school import HOME, INBOUND, OUTBOUND, School, notebook, school_on
from tests.support import ANNA, COURSES, JONAS, MARIA, SITE

MIB = 2**20
LIMITED = {"site.yaml": SITE + "quotas: {people: {maria: {size: 2M}}}\n", "courses.yaml": COURSES}
FREE = {"site.yaml": SITE + "quotas: {people: {maria: {size: 900G}}}\n", "courses.yaml": COURSES}
BROWSER = Path(__file__).with_name("browser.py").read_text()


@pytest.fixture
def school(machine: Machine, storage_host: Path) -> Iterator[School]:
    with school_on(machine, storage_host) as school:
        limit(school, LIMITED)
        yield school
    # Quotas are the whole file system's.
    limit(school, FREE)


def limit(school: School, files: dict[str, str]) -> None:
    """`coursehub storage quota` on the storage host."""
    code, _, error = school.host_says("storage", "quota", "--root", str(school.host), *SITE_AND_COURSES, files=files)
    assert code == 0, error


def fill(school: School, made: Pod, *, leaving: int = 0) -> None:
    """The owner's home has so many bytes left; without any not even a folder can be made."""
    home = made.root / made.home.lstrip("/")
    if leaving:
        school.machine.call(made.identity, (home / "filler").unlink, missing_ok=True)
        school.machine.call(made.identity, inside.fill, home / "later", leaving)
    assert school.machine.call(made.identity, inside.fill_up, home / "filler")
    with pytest.raises(OSError, match="quota"):
        school.machine.call(made.identity, (home / "folder").mkdir)
    if leaving:
        school.machine.call(made.identity, (home / "later").unlink)


def test_f12_a_server_starts_in_a_full_home_says_so_and_deleting_in_it_makes_room(school: School) -> None:
    call, pods = school.machine.call, school.pods
    maria = pods.start(MARIA, Role.STUDENT, "4.2")
    fill(school, maria)

    def save(name: str, size: int) -> tuple[int, str]:
        file = {"type": "file", "format": "text", "content": "x" * size}
        return call(ROOT, inside.asked, "maria", f"api/contents/home/maria/{name}", "PUT", file)

    def names() -> list[str]:
        """All in the home but the server's own."""
        return sorted({*call(maria.identity, os.listdir, maria.root / "home/maria")} - {".coursehub-lock"})

    hub = call(ROOT, inside.serve_hub, "maria")
    pods.serve(maria, *COMMAND[1:])
    assert call(ROOT, inside.asked, "maria", "api")[0] == 200
    assert call(ROOT, inside.asked, "maria", "lab")[0] == 200
    log = call(ROOT, maria.log.read_text)
    assert "coursehub-start: the home /home/maria is full" in log
    assert "Traceback" not in log
    assert call(ROOT, (maria.root / "run/coursehub/full").exists)

    code, said = pods.run(maria, "python3", "-s", "-P", "-c", BROWSER, "1 + 1")
    assert code == 0, said
    seen = json.loads(said.splitlines()[-1])
    assert seen["value"] == "2"
    assert "your home was full: nothing could be saved. Delete what you do not need" in seen["terminal"]

    # Others go on.
    jonas = session(JONAS, Role.STUDENT, "python-intro")
    assert call(jonas, inside.fill, maria.folder / "share/home/02/jonas/big", 3 * MIB) == 3 * MIB

    status, answer = save("new.txt", 9000)
    assert status == 500
    assert "quota" in answer
    assert names() == ["filler"], "half a new file stays"
    assert call(ROOT, inside.asked, "maria", "api/contents/home/maria/filler", "DELETE")[0] == 204
    assert save("new.txt", 9000)[0] == 201
    assert call(maria.identity, inside.fill, maria.root / "home/maria/big", MIB) == MIB
    call(maria.identity, (maria.root / "home/maria/big").unlink)

    # Where room ends while a file is saved again, its older version is still there.
    fill(school, maria, leaving=inside.CHUNK)
    status, answer = save("new.txt", 3 * inside.CHUNK)
    assert status == 500
    assert "quota" in answer
    assert call(maria.identity, (maria.root / "home/maria/new.txt").read_text) == "x" * 9000
    assert names() == ["filler", "new.txt"]
    call(ROOT, os.kill, hub, signal.SIGKILL)


def test_f12_a_submit_without_room_leaves_nothing_half(school: School) -> None:
    call, pods = school.machine.call, school.pods
    anna = session(ANNA, Role.INSTRUCTOR, "python-intro")
    maria = pods.start(MARIA, Role.STUDENT, "3")
    share = maria.folder / "share"
    call(anna, (share / OUTBOUND / "one").mkdir)
    call(anna, (share / OUTBOUND / "one/a.ipynb").write_text, notebook())
    call(anna, (share / OUTBOUND / "one").chmod, 0o2775)
    call(anna, (share / OUTBOUND / "one/a.ipynb").chmod, 0o664)
    (_,) = pods.nbgrader((maria, "fetch_assignment one"))
    call(maria.identity, inside.fill, maria.root / "home/maria/python-intro/one/data.bin", 2 * inside.CHUNK)
    # Not one block; room for a half; for all of it once, and not for the copy at home that feedback comes back by.
    for leaving in (0, inside.CHUNK, 3 * inside.CHUNK):
        fill(school, maria, leaving=leaving)
        ((code, said),) = pods.tried((maria, "submit one"))
        assert code != 0
        assert "Nothing was submitted" in said
        assert "Disk quota exceeded" in said
        assert "Traceback" not in said
        assert school.everything(INBOUND) == [], "something half is in inbound"
        assert "+one+" not in str(school.everything(HOME)), "something half is in the cache"
    call(maria.identity, (maria.root / "home/maria/filler").unlink)
    pods.nbgrader((maria, "submit one"))
    assert sorted(line.rpartition("/")[2] for line in school.everything(INBOUND) if "/" in line) == [
        "a.ipynb",
        "data.bin",
        "submission_receipt.json",
        "submission_secret.txt",
        "timestamp.txt",
    ]
