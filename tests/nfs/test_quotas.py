"""Limits that the command sets on the storage host, and what somebody above them gets over NFS."""

import errno
import json

import pytest
from coursehub.config.profiles import Role

from ci.nfs.agent import Identity
from tests.nfs import inside
from tests.nfs.command import SITE_AND_COURSES, coursehub
from tests.nfs.conftest import Volume, session
from tests.support import ANNA, COURSES, JONAS, MARIA, PETER, SITE

MIB = 2**20
QUOTAS = """\
quotas:
  home: {size: 2M, files: 100}
  course: {size: 3M}
  people: {jonas: {size: 8M}}
"""
# Whom a home's limit stops in a course as well.
COURSES_ONLY = {"site.yaml": SITE + "quotas: {course: {size: 3M}}\n", "courses.yaml": COURSES}
SET = {"site.yaml": SITE + QUOTAS, "courses.yaml": COURSES}
NONE = {
    "site.yaml": SITE + "quotas: {home: {size: 900G, files: 9000000}, course: {size: 900G}}\n",
    "courses.yaml": COURSES,
}
OWNER = session(MARIA, Role.STUDENT, "python-intro")


@pytest.fixture
def limited(volume: Volume) -> Volume:
    """A volume whose limits, which are the whole file system's, are far away."""
    assert coursehub(volume, "storage", "ensure", "--root", str(volume.host), *SITE_AND_COURSES)[0] == 0
    assert quota(volume, files=NONE)[0] == 0
    return volume


def quota(volume: Volume, *more: str, files: dict[str, str] = SET) -> tuple[int, str, str]:
    """`coursehub storage quota` on the storage host."""
    return coursehub(volume, "storage", "quota", "--root", str(volume.host), *SITE_AND_COURSES, *more, files=files)


def refused(volume: Volume, who: Identity, path: str, size: int) -> None:
    """Writing so much is refused as over the quota."""
    with pytest.raises(OSError, match="quota") as over:
        volume.machine.call(who, inside.fill, volume.client / path, size)
    assert over.value.errno == errno.EDQUOT
    volume.machine.call(who, (volume.client / path).unlink)


def test_f12_a_home_above_its_limit_gets_edquot_over_nfs_and_others_go_on(limited: Volume) -> None:
    code, said, _ = quota(limited)
    assert code == 0
    assert "limit home/01/maria to 0.0 GiB, 100 files (user quota)" in said.splitlines()
    refused(limited, OWNER, "home/01/maria/big", 5 * MIB)
    jonas = session(JONAS, Role.STUDENT, "python-intro")
    assert limited.machine.call(jonas, inside.fill, limited.client / "home/02/jonas/big", 5 * MIB) == 5 * MIB
    limited.machine.call(jonas, (limited.client / "home/02/jonas/big").unlink)
    assert limited.machine.call(OWNER, inside.fill, limited.client / "home/01/maria/small", MIB) == MIB


def test_f7_f12_a_home_with_too_many_files_gets_edquot_over_nfs(limited: Volume) -> None:
    assert quota(limited)[0] == 0
    with pytest.raises(OSError, match="quota") as over:
        limited.machine.call(OWNER, inside.many, limited.client / "home/01/maria", 200)
    assert over.value.errno == errno.EDQUOT


def test_a_course_above_its_limit_gets_edquot_whoever_writes_and_whatever_group_they_give(limited: Volume) -> None:
    code, said, _ = quota(limited, files=COURSES_ONLY)
    assert code == 0
    assert "limit course/python-intro to 0.0 GiB (project quota)" in said.splitlines()
    instructor = session(ANNA, Role.INSTRUCTOR, "python-intro")
    assert limited.machine.call(instructor, inside.fill, limited.client / "course/python-intro/files/a", MIB) == MIB
    refused(limited, instructor, "course/python-intro/files/b", 4 * MIB)
    another = Identity(30009, 70101, (), 0o007)
    refused(limited, another, "exchange/python-intro/outbound/c", 4 * MIB)
    # The instructor's home is none of the course's.
    assert limited.machine.call(instructor, inside.fill, limited.client / "home/01/anna/d", 5 * MIB) == 5 * MIB


def test_a_persons_limit_counts_what_they_have_in_a_course_too(limited: Volume) -> None:
    assert quota(limited)[0] == 0
    instructor = session(ANNA, Role.INSTRUCTOR, "python-intro")
    refused(limited, instructor, "course/python-intro/files/big", 5 * MIB // 2)


def test_a_second_run_says_nothing_and_a_dry_run_sets_nothing(limited: Volume) -> None:
    code, said, _ = quota(limited, "--dry-run")
    assert code == 0
    assert said
    assert limited.machine.call(OWNER, inside.fill, limited.client / "home/01/maria/big", 5 * MIB) == 5 * MIB
    assert quota(limited)[1] == said
    assert quota(limited) == (0, "", "")


def test_files_that_a_course_had_before_count_for_it_too(limited: Volume) -> None:
    instructor = session(PETER, Role.INSTRUCTOR, "data-analysis")
    folder = limited.client / "course/data-analysis/files"
    assert limited.machine.call(instructor, (folder / "deep").mkdir) is None
    limited.machine.call(instructor, inside.fill, folder / "deep/old", MIB)
    assert quota(limited, files=COURSES_ONLY)[0] == 0
    refused(limited, instructor, "course/data-analysis/files/new", 3 * MIB)


def test_usage_is_the_file_systems_count(limited: Volume) -> None:
    assert quota(limited)[0] == 0
    limited.machine.call(OWNER, inside.fill, limited.client / "home/01/maria/big", MIB)
    code, said, _ = coursehub(limited, "storage", "usage", "--root", str(limited.host), "--json")
    assert code == 0
    home = next(each for each in json.loads(said) if each["path"] == "home/01/maria")
    assert home["counted"] == "quota"
    assert home["size"] >= MIB
    assert home["limit"] == {"size": 2 * MIB, "files": 100}


def test_over_nfs_and_on_a_file_system_without_quotas_they_are_unsupported(limited: Volume) -> None:
    for root in (str(limited.client), "/srv"):
        words = ("storage", "quota", "--root", root, *SITE_AND_COURSES)
        code, said, error = coursehub(limited, *words, files=SET)
        assert (code, said) == (1, "")
        assert error.count("quotas are unsupported here: ") == 2
