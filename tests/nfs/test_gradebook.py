"""One gradebook, and instructors on nodes of their own: NFS 4.2 and 3, each with a cache of its own."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from coursehub.config.profiles import Role

from ci.nfs.machine import Machine
from tests.nfs import inside
from tests.nfs.school import School, school_on
from tests.support import ANNA, SOFIA

# More than the writer's memory holds, so that a part is in the file before the end.
STUDENTS = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
    INSERT INTO student (id, email) SELECT 's' || i, hex(zeroblob(200)) FROM n
"""
HALF = "UPDATE student SET email = 'half of it' || email"


@pytest.fixture
def school(machine: Machine, storage_host: Path) -> Iterator[School]:
    with school_on(machine, storage_host) as school:
        yield school


def test_what_a_writer_had_begun_who_was_cut_off_is_undone_by_whoever_reads_next_on_another_node(
    school: School,
) -> None:
    pods, call = school.pods, school.machine.call
    anna = pods.start(ANNA, Role.INSTRUCTOR, "4.2")
    sofia = pods.start(SOFIA, Role.INSTRUCTOR, "3")
    pods.nbgrader((anna, "db student add maria"), (sofia, "db student add jonas"))
    call(anna.identity, inside.changed, anna.root / "course/gradebook.db", STUDENTS)
    for writer, reader in ((anna, sofia), (sofia, anna)):
        # Who has just looked remembers for a while what was not there.
        (before,) = pods.nbgrader((reader, "db student list"))
        assert "There are 502 students" in before
        assert call(writer.identity, inside.cut_off, writer.root / "course/gradebook.db", HALF) == signal.SIGKILL
        assert pods.nbgrader((reader, "db student list")) == [before]
