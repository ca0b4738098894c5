"""A course's feedback, made and released."""

import hashlib
import os
import subprocess
from pathlib import Path

from coursehub import layout
from coursehub.storage import volume

COURSE = "python-intro"
GID = 70101
SECRETS = {"maria": "a" * 128, "jonas": "b" * 128}
UIDS = {"maria": 20001, "jonas": 20002}
TIME = "2026-10-01 12:00:00.123456 UTC"
PAGE = f"{COURSE}/one/feedback/{TIME}/a.html"


def filled(tmp_path: Path) -> Path:
    """A volume on which two students' feedback is made and released, as nbgrader leaves it."""
    tree = [*layout.course_tree(COURSE, GID, data=False, data_writable=False)]
    for name, uid in UIDS.items():
        tree += layout.home_tree(uid, uid, name)
    list(volume.ensure(tmp_path, tree))
    for name, secret in SECRETS.items():
        made(tmp_path, name).mkdir(parents=True)
        write(made(tmp_path, name) / "a.html", f"<p>for {name}</p>")
        write(made(tmp_path, name) / "submission_secret.txt", secret)
        write(made(tmp_path, name) / "timestamp.txt", TIME)
        write(released(tmp_path, name), f"<p>for {name}</p>")
        handed_in(tmp_path, name)
    return tmp_path


def made(root: Path, student: str) -> Path:
    return root / layout.course_files(COURSE) / "feedback" / student / "one"


def released(root: Path, student: str, notebook: str = "a") -> Path:
    name = hashlib.md5((SECRETS[student] + notebook).encode(), usedforsecurity=False).hexdigest()
    return root / layout.exchange(COURSE) / "feedback" / f"{name}.html"


def handed_in(root: Path, student: str, assignment: str = "one", time: str = TIME, uid: int = 0) -> Path:
    """A submission in inbound, which is its student's unless it is another `uid`'s."""
    folder = root / layout.exchange(COURSE) / "inbound" / f"{student}+{assignment}+{time}+x1"
    folder.mkdir()
    os.chown(folder, uid or UIDS[student], GID)
    folder.chmod(0o770)
    return folder


def write(path: Path, text: str) -> None:
    path.write_text(text)
    os.chown(path, 30001, GID)
    path.chmod(0o660)


def home(root: Path, name: str) -> Path:
    return root / layout.home(UIDS[name], name)


def as_student(name: str, script: str, cwd: Path) -> None:
    subprocess.run(["sh", "-ec", script], user=UIDS[name], group=UIDS[name], extra_groups=[], cwd=cwd, check=True)
