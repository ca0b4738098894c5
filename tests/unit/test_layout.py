"""The shared tree: where everything is, and only looked at by the hub."""

import posixpath

from coursehub import layout
from coursehub.names import PERSON, SLUG, is_person, is_slug
from hypothesis import example, given
from hypothesis import strategies as st

TREE = [
    *layout.home_tree(20001, 20001, "maria"),
    *layout.course_tree("python-intro", 70101, data=True, data_writable=False),
    *layout.course_tree("data-analysis", 70102, data=True, data_writable=True),
    *layout.course_tree("no-data", 70103, data=False, data_writable=False),
]
slugs = st.from_regex(SLUG, fullmatch=True).filter(is_slug)
people = st.from_regex(PERSON, fullmatch=True).filter(is_person)
FOLDERS = (layout.course_files, layout.course_data, layout.exchange)


@given(slugs, slugs, people, people, st.integers(1, 2**31 - 2), st.integers(1, 2**31 - 2))
@example("files", "data", "course", "exchange", 1, 101)
@example("a", "a-b", "a", "a.b", 1, 1)
def test_y6_y7_no_two_courses_or_people_share_a_directory_or_have_one_in_anothers(
    one: str, other: str, person: str, another: str, uid: int, another_uid: int
) -> None:
    paths = {folder(slug) for folder in FOLDERS for slug in (one, other)}
    paths |= {layout.home(uid, person), layout.home(another_uid, another)}
    assert len(paths) == len(FOLDERS) * len({one, other}) + len({(uid % 100, person), (another_uid % 100, another)})
    for path in paths:
        assert path == posixpath.normpath(path)
        assert path.split("/")[0] in ("home", "course", "exchange")
        assert ".." not in path.split("/")
        assert not [each for each in paths if each.startswith(f"{path}/")]


def test_y6_only_root_writes_in_a_directory_above_one_that_is_mounted() -> None:
    mounted = [layout.home(20001, "maria"), layout.course_files("data-analysis"), layout.exchange("data-analysis")]
    above = {each for each in TREE if any(path.startswith(f"{each.path}/") for path in mounted)}
    assert {each.path for each in above} == {"home", "home/01", "course", "course/data-analysis", "exchange"}
    assert all((each.uid, each.mode & 0o022) == (0, 0) for each in above)


def test_homes_are_spread_over_a_hundred_folders() -> None:
    assert layout.home(20001, "maria") == "home/01/maria"
    assert layout.home(30000, "x") == "home/00/x"
