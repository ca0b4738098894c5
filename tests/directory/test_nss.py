"""The machine's own name service, as `coursehub user show` sees it; libnss-wrapper gives it other people."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import SITE

PASSWD = """\
root:x:0:0::/root:/bin/sh
nobody:x:65534:65534::/nonexistent:/bin/sh
daemon:x:1:1001::/:/bin/sh
anna:x:30001:30001::/x:/bin/sh
peter:x:30002:100::/x:/bin/sh
"""
GROUP = """\
anna:x:30001:
users:x:100:anna
physics:x:70201:anna,peter
domain users:x:70202:anna
maths:x:70203:peter
""" + "".join(f"course{number}:x:{71000 + number}:anna\n" for number in range(200))
COMMAND = "import sys; from coursehub.cli.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with the machine's passwd and group, and a site that takes people from them."""
    (tmp_path / "passwd").write_text(PASSWD)
    (tmp_path / "group").write_text(GROUP)
    site = SITE[: SITE.index("identity:")] + "identity: {provider: nss, timeout: 20}\n"
    (tmp_path / "site.yaml").write_text(site)
    return tmp_path


def show(machine: Path, name: str) -> subprocess.CompletedProcess[str]:
    """What `coursehub user show NAME` says on the machine."""
    return run(machine, "user", "show", name, "--json", "--site", str(machine / "site.yaml"))


def run(machine: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `coursehub ARGUMENTS` does on the machine."""
    wrapped = {"LD_PRELOAD": "libnss_wrapper.so", "NSS_WRAPPER_PASSWD": str(machine / "passwd")}
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        env={**os.environ, **wrapped, "NSS_WRAPPER_GROUP": str(machine / "group")},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_i6_a_person_has_uid_gid_and_every_group_that_can_be_used(machine: Path) -> None:
    done = show(machine, "anna")
    said = json.loads(done.stdout)
    assert (done.returncode, said["uid"], said["gid"]) == (0, 30001, 30001)
    courses = {f"course{number}": 71000 + number for number in range(200)}
    assert said["groups"] == {"anna": 30001, "physics": 70201, "domain users": 70202, **courses}
    assert "group users is left out" in done.stderr


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("stranger", "is not known in the university's directory", id="I1 unknown"),
        pytest.param("root", "is not known in the university's directory", id="I1 root"),
        pytest.param("nobody", "is not known in the university's directory", id="I1 nobody"),
        pytest.param("daemon", "'daemon' is a system account (uid 1, below 20000)", id="I1 daemon"),
        pytest.param("0", "is not known in the university's directory", id="I1 a number"),
        pytest.param("peter", "is not known in the university's directory", id="a system's primary group"),
    ],
)
def test_who_is_no_person_is_refused(machine: Path, name: str, sentence: str) -> None:
    done = show(machine, name)
    assert done.returncode == 1
    assert sentence in json.loads(done.stdout)["refusal"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")
def test_a_class_list_gets_its_homes_as_the_name_service_knows_its_people(machine: Path) -> None:
    (machine / "root").mkdir(mode=0o755)
    (machine / "courses.yaml").write_text("courses: {}\n")
    files = (*("--root", str(machine / "root")), *("--site", str(machine / "site.yaml")), str(machine / "courses.yaml"))
    done = run(machine, "storage", "ensure", "--user", "stranger", "--user", "anna", *files)
    assert done.returncode == 1
    assert "coursehub: stranger: The account 'stranger' is not known" in done.stderr
    assert "make home/01/anna 0700 30001:30001" in done.stdout.splitlines()
    assert run(machine, "storage", "ensure", "--user", "anna", *files).stdout == ""
    (machine / "root/home/01/anna").rename(machine / "anna")
    (machine / "root/home/01/anna").symlink_to(machine / "anna")
    done = run(machine, "storage", "ensure", "--user", "anna", *files)
    assert done.returncode == 1
    assert "root/home/01/anna: is in the way; a directory must be there" in done.stderr
    (machine / "root/home/01/anna").unlink()
    (machine / "anna").rename(machine / "root/home/01/anna")
    os.chown(machine / "root/home/01/anna", 30101, 30101)
    done = run(machine, "storage", "ensure", "--user", "anna", *files)
    assert "coursehub: anna: the home home/01/anna belongs to uid 30101, not to 30001" in done.stderr
    assert (machine / "root/home/01/anna").stat().st_uid == 30101


@pytest.mark.parametrize("file", ["passwd", "group"])
def test_i5_a_name_service_that_hangs_is_told_in_time_and_the_command_ends(machine: Path, file: str) -> None:
    (machine / file).unlink()
    # Whoever opens it waits for a writer, who never comes.
    os.mkfifo(machine / file)
    site = machine / "site.yaml"
    site.write_text(site.read_text().replace("timeout: 20", "timeout: 0.5"))
    done = show(machine, "anna")
    assert done.returncode == 1
    assert "The university's directory does not answer" in json.loads(done.stdout)["refusal"]
    assert "directory: no answer about anna within 0.5 s" in done.stderr
