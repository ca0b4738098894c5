"""A class for which nodes have no room: what there is is kept for its people, and nobody waits for a placeholder."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .cluster import COURSES, Installation, until
from .course_files import live
from .crowded import COURSE, EXPECTED, install, placeholders
from .person import Person

LogIn = Callable[[str], Person]

pytestmark = pytest.mark.alone

HELD, MISSING = (f'coursehub_class_placeholders{{course="{COURSE}",state="{state}"}}' for state in ("held", "missing"))


@pytest.fixture
def crowded(installation: Installation, tmp_path: Path) -> Iterator[None]:
    install(installation, tmp_path / "courses.yaml", held=True)
    yield
    installation.helm(COURSES)
    until(lambda: COURSE not in live(installation), 110, "the courses as before")


@pytest.mark.usefixtures("crowded")
def test_room_is_kept_for_a_class_and_its_people_and_all_others_start_as_if_it_were_free(
    installation: Installation, log_in: LogIn
) -> None:
    maria, jonas, sofia = (log_in(name) for name in ("maria", "jonas", "sofia"))

    def kept() -> tuple[float, float]:
        metrics = sofia.metrics()
        return metrics.get(HELD, 0.0), metrics.get(MISSING, 0.0)

    until(lambda: 0 < kept()[0] < sum(kept()) == EXPECTED, 60, "as many as have room")
    held = int(kept()[0])
    until(lambda: placeholders(installation).count("Running") == held, 60, "the image on the node")

    for person, profile in ((maria, COURSE), (jonas, "python-intro")):
        person.choose(profile)
    for person, uid in ((maria, "20001"), (jonas, "20002")):
        person.wait()
        assert person.terminal("id -u") == uid
    until(lambda: 0 < kept()[0] < held, 60, "those that gave way")
    assert sum(kept()) == EXPECTED - 1, "maria is expected no more"


def test_without_a_class_there_is_none(installation: Installation, log_in: LogIn) -> None:
    until(lambda: placeholders(installation) == [], 60, "the last one gone")
    sofia = log_in("sofia")
    until(lambda: HELD not in sofia.metrics(), 60, "nothing told of them")
