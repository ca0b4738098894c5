"""The process that reads the files: what stays live when they are wrong, and what the worst of them costs."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from coursehub.errors import InvalidFile, Problem
from coursehub.live import folders, reader, state
from coursehub.live.folders import Missing
from coursehub.live.state import NONE, State

from tests.support import SITE

FIRST = datetime(2026, 10, 1, 8, tzinfo=UTC)
LATER = datetime(2026, 10, 2, 8, tzinfo=UTC)
A = "courses:\n  a: {name: A}\n"
B = "courses:\n  b: {name: B}\n"


def advance(files: Mapping[str, str] | InvalidFile, last: State = NONE, site: str = SITE) -> State:
    """The state with these files, later than the first."""
    given = files if isinstance(files, InvalidFile) else list(files.items())
    return reader.advance(last, [("site.yaml", site)], given, "", FIRST if last is NONE else LATER)


def live(of: State) -> dict[str, str]:
    """Each live course's version, and a star where it had to stay as it was."""
    return {each.slug: each.version + "*" * each.kept for each in of.entries}


FIRST_STATE = advance({"a.yaml": A, "b.yaml": B})
WAS = live(FIRST_STATE)


def test_a_courses_version_is_its_content_and_its_since_is_when_that_content_came() -> None:
    now = advance({"a.yaml": "# moved\n" + A, "b.yaml": B.replace("name: B", "name: New")}, FIRST_STATE)
    a, b = now.entries
    assert (a.version, a.since, a.file, a.line) == (WAS["a"], "2026-10-01T08:00:00Z", "a.yaml", 3)
    assert b.version != WAS["b"]
    assert (b.since, b.line) == ("2026-10-02T08:00:00Z", 2)
    assert (FIRST_STATE.generation, now.generation) == (1, 2)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"a.yaml": "", "b.yaml": B}, {"a": "a*", "b": "b"}, id="Y23 empty file"),
        pytest.param({"a.yaml": "courses:\n  a: {na", "b.yaml": B}, {"a": "a*", "b": "b"}, id="Y23 half a file"),
        pytest.param({"a.yaml": "courses:\n  a: {}\n", "b.yaml": B}, {"a": "a*", "b": "b"}, id="bad course"),
        pytest.param({"a.yaml": "courses: {", "b.yaml": "courses: {}"}, {"a": "a*"}, id="bad file, and another's wish"),
        pytest.param({"b.yaml": B}, {"b": "b"}, id="Y23 one file of two is gone: a wish"),
        pytest.param({}, {"a": "a*", "b": "b*"}, id="Y23 the last file is gone: no wish"),
        pytest.param({"none.yaml": "courses: {}"}, {}, id="no course any more, in so many words"),
        pytest.param({"c.yaml": A, "b.yaml": B}, {"a": "a", "b": "b"}, id="a file is called otherwise"),
        pytest.param(
            {"0.yaml": A.replace("name: A", "name: Mine"), "a.yaml": A, "b.yaml": B},
            {"a": "a", "b": "b"},
            id="Y4 another file, even an earlier one, takes no course over",
        ),
        pytest.param(
            {"0.yaml": A.replace("name: A", "name: Mine"), "a.yaml": "courses: {", "b.yaml": B},
            {"a": "a*", "b": "b"},
            id="Y4 not even while its file is broken",
        ),
    ],
)
def test_y23_what_stays_live(files: dict[str, str], expected: dict[str, str]) -> None:
    now = advance(files, FIRST_STATE)
    assert live(now) == {slug: said.replace(slug, WAS[slug], 1) for slug, said in expected.items()}
    assert bool(now.problems) == ("*" in "".join(expected.values()) or "0.yaml" in files)


def test_y23_a_folder_that_cannot_be_read_takes_no_course() -> None:
    now = advance(folders.unreadable(Path("courses"), OSError(5, "Input/output error")), FIRST_STATE)
    assert live(now) == {slug: f"{version}*" for slug, version in WAS.items()}
    assert [str(problem) for problem in now.problems] == [
        "courses:1:1: cannot be read (Input/output error); let the hub read it"
    ]


def test_while_a_whole_config_map_is_missing_a_course_whose_file_is_nowhere_stays() -> None:
    missing = Missing([Problem("ConfigMap x", 1, 1, "is gone")])
    given: folders.Files = [("ConfigMap x", missing), ("b.yaml", B.replace("name: B", "name: New"))]
    now = reader.advance(FIRST_STATE, [("site.yaml", SITE)], given, "", LATER)
    a, b = sorted(now.entries, key=lambda each: each.slug)
    assert (a.kept, a.version, a.file) == (True, WAS["a"], "a.yaml")
    assert (b.kept, b.version == WAS["b"]) == (False, False)
    (row, _) = sorted(state.report(now), key=lambda each: each.slug)
    assert row.problem == "ConfigMap x:1:1: is gone"


PHYSICS = "courses:\n  phys: {name: Physics, gid: 70101, instructors: [alice]}\n"
MATH = "courses:\n  math: {name: Math, gid: 70102, instructors: [bob]}\n"
GONE = Missing([Problem("ConfigMap physics", 1, 1, "is gone")])


def of_maps(last: State, *files: tuple[str, str | InvalidFile]) -> State:
    return reader.advance(last, [("site.yaml", SITE)], files, "", FIRST if last is NONE else LATER)


BOTH = of_maps(NONE, ("physics/physics.yaml", PHYSICS), ("math/math.yaml", MATH))


@pytest.mark.parametrize(
    ("others", "said"),
    [
        pytest.param(
            [("math/math.yaml", MATH + "  phys: {name: Mine, gid: 70101, instructors: [bob]}\n")],
            "math.yaml:3:3: course 'phys': also in physics.yaml; a slug is one course",
            id="its slug",
        ),
        pytest.param(
            [("math/math.yaml", MATH + "  mine: {name: Mine, gid: 70101, instructors: [bob]}\n")],
            "math.yaml:3:27: course 'mine': gid: 70101 is the unix group of course 'phys'; each course has its own",
            id="its unix group",
        ),
        pytest.param(
            [("math/math.yaml", MATH), ("math/physics.yaml", PHYSICS.replace("alice", "bob"))],
            "math/physics.yaml:2:3: course 'phys': also in physics/physics.yaml; a slug is one course",
            id="its slug in a file of its file's name",
        ),
    ],
)
def test_y4_nobody_takes_a_course_over_while_its_config_map_is_missing(
    others: list[tuple[str, str | InvalidFile]], said: str
) -> None:
    was = live(BOTH)
    now = of_maps(BOTH, ("ConfigMap physics", GONE), *others)
    assert live(now) == {"math": was["math"], "phys": f"{was['phys']}*"}
    assert said in [str(problem) for problem in now.problems]
    later = of_maps(state.parse(state.dump(now)), ("ConfigMap physics", GONE), *others)
    assert live(later) == live(now)
    back = of_maps(later, ("physics/physics.yaml", PHYSICS), ("math/math.yaml", MATH))
    assert back.entries == BOTH.entries


def test_y4_nor_while_its_file_gets_another_name() -> None:
    mine = PHYSICS.replace("alice", "bob")
    now = of_maps(BOTH, ("math/math.yaml", MATH), ("math/physics.yaml", mine), ("physics/z.yaml", PHYSICS))
    assert live(now) == live(BOTH)
    assert [str(problem) for problem in now.problems] == [
        "physics.yaml:2:3: course 'phys': also in z.yaml; a slug is one course"
    ]


def test_a_file_that_moves_to_another_config_map_keeps_its_courses_though_it_is_broken() -> None:
    now = of_maps(BOTH, ("math/math.yaml", MATH), ("science/physics.yaml", "courses: {"))
    assert live(now) == {slug: version + "*" * (slug == "phys") for slug, version in live(BOTH).items()}
    assert {each.slug: each.home for each in now.entries}["phys"] == "science/physics.yaml"


def test_a_state_that_an_earlier_version_kept_knows_files_without_their_config_maps() -> None:
    about, *lines = state.dump(BOTH)
    old = {key: value for key, value in json.loads(about).items() if key != "homes"}
    last = state.parse([json.dumps(old).encode(), *lines])
    assert [each.home for each in last.entries] == ["physics.yaml", "math.yaml"]
    now = of_maps(last, ("physics/physics.yaml", PHYSICS), ("math/math.yaml", MATH))
    assert now.entries == BOTH.entries
    missing = of_maps(last, ("ConfigMap physics", GONE), ("math/math.yaml", MATH))
    assert live(missing) == {slug: version + "*" * (slug == "phys") for slug, version in live(BOTH).items()}


def test_a_course_that_is_mended_as_it_was_has_been_live_all_the_time() -> None:
    broken = advance({"a.yaml": "courses: {", "b.yaml": B}, FIRST_STATE)
    mended = advance({"a.yaml": A, "b.yaml": B}, broken)
    assert mended.entries == FIRST_STATE.entries


def test_broken_settings_stay_as_they_were_and_courses_go_on() -> None:
    now = advance({"a.yaml": A.replace("name: A", "name: New")}, FIRST_STATE, site="timezone: Nowhere\n")
    assert now.settings == FIRST_STATE.settings
    assert now.settings_kept
    assert live(now)["a"] != WAS["a"]
    assert {problem.file for problem in now.problems} == {"site.yaml"}


@pytest.mark.parametrize("last", [NONE, State(1, "", "", b'{"general": 1}', False, (), ())], ids=["none", "unusable"])
def test_broken_settings_without_usable_earlier_ones_are_an_error(last: State) -> None:
    with pytest.raises(InvalidFile):
        advance({"a.yaml": A}, last, site="timezone: Nowhere\n")


def test_a_live_course_that_this_version_cannot_use_is_left_out() -> None:
    (a, *_) = FIRST_STATE.entries
    old = State(1, "", "", FIRST_STATE.settings, False, (a.__class__(**{**vars(a), "course": b'{"slug":"a"}'}),), ())
    assert live(advance({"a.yaml": "courses: {"}, old)) == {}


@pytest.mark.parametrize("change", [Path.touch, Path.unlink, lambda path: path.write_text("courses: {}")])
def test_a_look_tells_a_change_and_nothing_else(tmp_path: Path, change: Callable[[Path], object]) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(A)
    os.utime(path, (1, 1))
    before = folders.look(tmp_path, tmp_path)
    (tmp_path / "README.md").write_text("no course file")
    assert folders.look(tmp_path, tmp_path) == before
    change(path)
    assert folders.look(tmp_path, tmp_path) != before
    assert folders.look(tmp_path, tmp_path / "missing") == folders.look(tmp_path, tmp_path / "missing")


def names(how_many: int, name: str = "u{:08}") -> str:
    return "courses:\n  c: {name: C, students: [" + ", ".join(map(name.format, range(how_many))) + "]}\n"


def levels(deep: int) -> str:
    return "courses:\n  a: " + "[" * deep


LAUGHS = "courses:\n  a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"  {name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)
BOMBS = {
    "Y16 billion laughs": (LAUGHS, "anchors (`&"),
    "Y16 two million aliases": ("courses: [" + "*a, " * 2_000_000 + "]", "and more mistakes in this file"),
    "Y16 nested 10,000 deep": (levels(10_000), "nested more than 20 deep"),
    "Y16 nested 4,000,000 deep": (levels(4_000_000), "nested more than 20 deep"),
    "Y16 nested deep behind a tag": (levels(0) + "!x " + "[" * 4_000_000, "nested more than 20 deep"),
    "Y16 100 MB": ("courses: {} #" + "x" * 100_000_000, "larger than 8 MiB"),
    "Y16 four million numbers": ("courses:\n  a: [" + "1," * 4_000_000 + "]", "more than 30,000 in one list"),
    "Y16 keys without end": (
        "courses:\n  c:\n" + "".join(f"    k{n}: x\n" for n in range(500_000)),
        "more than 30,000 keys side by side",
    ),
    "Y16 lists without end": ("courses:\n" + f"  a: [{'x,' * 29_000}]\n" * 130, "more than 200,000 values"),
    "Y16 a number to base 60": ("courses:\n  c: {name: C, gid: 1" + ":1" * 4_000_000 + ".5}\n", "is no plain number"),
    "Y16 a key of 8 MB": ("courses:\n  ? " + "k" * 8_000_000 + "\n  : 1\n", "a key must be a plain word"),
    "Y16 a name of 8 MB": ("courses:\n  c: {name: " + "n" * 8_000_000 + "}\n", "write 120 characters at most"),
    "Y17 python object": (
        'courses:\n  c: !!python/object/apply:os.system ["touch /tmp/y17"]\n',
        "tags such as `!!python/object/apply:os.system` are not allowed",
    ),
    "Y22 a million names": (names(1_000_000), "larger than 8 MiB"),
    "Y22 a million short names": (names(1_000_000, "u"), "more than 30,000 in one list"),
    "Y22 thirty thousand wrong names": (names(29_000, "U{:08}"), "and more mistakes in this file"),
    "Y22 thirty thousand wrong types": (names(29_000, "{}"), "and more mistakes in this file"),
}


def cap() -> None:
    """What Y16 allows, and of time what even a busy machine needs no more of."""
    resource.setrlimit(resource.RLIMIT_AS, (200 * 2**20, 200 * 2**20))
    resource.setrlimit(resource.RLIMIT_CPU, (3, 3))


def run(folder: Path, last: State) -> State:
    """What the process makes of the files in `folder` within 200 MB."""
    ended = subprocess.run(
        [sys.executable, "-m", "coursehub.live.reader", "--once", folder / "site", folder / "courses"],
        input=b"".join(line + b"\n" for line in state.dump(last)),
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(Path(reader.__file__).parents[2])},
        preexec_fn=cap,
        check=True,
    )
    alive, looked, _, _, said, *lines = ended.stdout.split(b"\n")
    assert (alive, looked, said) == (b"", b"looked", b"state"), said
    return state.parse(lines[:-2])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("site", "courses"):
        (tmp_path / name).mkdir()
    (tmp_path / "site" / "site.yaml").write_text(SITE)
    return tmp_path


@pytest.mark.parametrize(("text", "said"), BOMBS.values(), ids=BOMBS)
def test_y16_y17_y22_the_worst_file_is_told_within_200_mb_and_the_other_files_courses_go_on(
    folder: Path, text: str, said: str
) -> None:
    (folder / "courses" / "a.yaml").write_text(text)
    (folder / "courses" / "b.yaml").write_text(B.replace("name: B", "name: New"))
    now = run(folder, FIRST_STATE)
    assert {"b"} <= set(live(now)) <= {"a", "b"}
    assert live(now)["b"] != WAS["b"]
    assert any(said in problem.message for problem in now.problems)
    assert len(now.problems) <= 101
    assert not Path("/tmp/y17").exists()  # noqa: S108


def test_y22_a_thousand_courses_with_a_hundred_thousand_names_fit_in_one_file(folder: Path) -> None:
    (folder / "courses" / "a.yaml").write_text(
        "courses:\n"
        + "".join(
            f"  c{n}:\n    name: Course {n}\n    students: [{', '.join(f'user{n + m:06}' for m in range(100))}]\n"
            for n in range(1000)
        )
    )
    now = run(folder, NONE)
    assert len(now.entries) == 1000
    assert not now.problems
