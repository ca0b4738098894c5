"""G6: what an instructor has in /course is open to colleagues, however it came there.

Runs inside the image as test_image.py does, and with what that has.
"""
# ruff: noqa: S101, S108  (a plain script: no pytest in the image)

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import test_image
from test_image import ANNA, BEN, COURSE, course, environment, fresh, handed_out, learn, server, teach, until


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def shell(script: str, who: dict[str, Any], name: str = "anna") -> None:
    own = environment("instructor", name)
    subprocess.run(["bash", "-ec", script], env=own, cwd="/tmp", check=True, capture_output=True, **who)


def g6_what_came_closed_into_the_course_is_opened_at_its_owners_start() -> None:
    fresh()
    course()
    for way in ("mv", "cp -a", "tar c -C /tmp closed | tar xp -C"):
        source = (
            f"rm -rf /tmp/closed; umask 077; mkdir -p /tmp/closed/in; echo x >/tmp/closed/in/a.txt; cd /course; {way}"
        )
        shell(f"{source} /course/" if "tar" in way else f"{source} /tmp/closed /course/", ANNA)
        (COURSE / "closed").rename(COURSE / way[:2])
    shell("umask 0; echo x >/course/r.txt; chmod 400 /course/r.txt; echo x >/course/run; chmod 700 /course/run", ANNA)
    shell("echo x >/tmp/elsewhere; chmod 600 /tmp/elsewhere; ln -s /tmp/elsewhere /course/link", ANNA)
    shell("umask 077; echo x >/course/bens.txt", BEN, "ben")
    others = mode(COURSE / "bens.txt")
    with server("instructor"):
        until(lambda: mode(COURSE / "run") == 0o770, "her program is open")
        for way in ("mv", "cp", "ta"):
            until(lambda way=way: mode(COURSE / way / "in/a.txt") == 0o660, f"{way}: her file is open")
            assert [mode(COURSE / way) & 0o2770, mode(COURSE / way / "in") & 0o2770] == [0o2770] * 2, way
        until(lambda: mode(COURSE / "r.txt") == 0o440, "what she cannot write herself is only read")
        assert mode(COURSE / "bens.txt") == others
        assert mode(Path("/tmp/elsewhere")) == 0o600
    os.unlink("/tmp/elsewhere")


def g6_what_nbgrader_makes_is_the_courses_with_any_umask_of_a_shell() -> None:
    handed_out()
    learn("clara", "submit", "one")
    shell("umask 077; cd /course; nbgrader collect one", ANNA)
    closed = [path for path in (COURSE / "submitted").rglob("*") if mode(path) & 0o060 != 0o060]
    assert not closed, closed
    assert mode(COURSE / "submitted/clara") & 0o070 == 0o070
    teach("collect", "one", "--update", name="ben")


TESTS = (
    g6_what_came_closed_into_the_course_is_opened_at_its_owners_start,
    g6_what_nbgrader_makes_is_the_courses_with_any_umask_of_a_shell,
)

if __name__ == "__main__":
    sys.exit(test_image.main(TESTS))
