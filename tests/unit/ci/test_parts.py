"""`make test` runs its parts in lanes: nothing of their output is mixed, and a failure is told whole."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ci import parts

# Each part notes when it begins and ends, says a line before and after a moment, and fails by its name.
PROGRAM = """\
#!/bin/bash
part="${@: -1}"
echo "begin $part" >> asked
echo "$part says one thing"; echo "$part warns" >&2
[ "$part" = quick ] || sleep 0.3
echo "$part says another"
echo "$PYTEST_ADDOPTS" > "options of $part"
echo "end $part" >> asked
[[ "$part" != bad* ]]
"""


@pytest.fixture
def state() -> Iterator[Path]:
    """The cluster's folder, whose path has to be short."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def make(tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a `make` of this test notes what it was asked for; no cluster is there."""
    program = tmp_path / "bin/make"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("COURSEHUB_STATE", str(state))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "asked"


def run(monkeypatch: pytest.MonkeyPatch, first: tuple[str, ...], *lanes: tuple[str, ...]) -> int:
    monkeypatch.setattr(parts, "FIRST", first)
    monkeypatch.setattr(parts, "LANES", lanes)
    return parts.main()


def test_lanes_run_beside_each_other_and_after_what_comes_first(monkeypatch: pytest.MonkeyPatch, make: Path) -> None:
    assert run(monkeypatch, ("tools",), ("one", "two"), ("other",)) == 0
    asked = make.read_text().splitlines()
    assert asked[:2] == ["begin tools", "end tools"]
    assert sorted(asked[2:4]) == ["begin one", "begin other"]
    assert asked.index("end one") < asked.index("begin two")


def test_the_output_of_each_part_is_whole_and_the_times_come_last(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, (), ("one",), ("other",)) == 0
    said = capfd.readouterr().out
    for part in ("one", "other"):
        assert f"== {part}\n{part} says one thing\n{part} warns\n{part} says another\n" in said
    assert re.search(r"time of each part:\n  one +0:00  passed\n  other +0:00  passed\n  all +0:00\n$", said), said


def test_a_part_that_fails_ends_its_lane_and_no_other_and_is_told_whole(
    monkeypatch: pytest.MonkeyPatch, make: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, (), ("bad", "later"), ("quick", "other", "last")) == 1
    asked = make.read_text()
    assert "later" not in asked
    assert "end last" in asked
    said = capfd.readouterr().out
    assert "== bad\nbad says one thing\nbad warns\nbad says another\n" in said
    assert re.search(r"  bad +0:00  failed\n  quick +0:00  passed\n", said), said


def test_where_what_comes_first_fails_nothing_else_begins(monkeypatch: pytest.MonkeyPatch, make: Path) -> None:
    assert run(monkeypatch, ("bad", "tools"), ("one",)) == 1
    assert make.read_text().split() == ["begin", "bad", "end", "bad"]


def test_a_cluster_that_the_run_began_ends_with_it(monkeypatch: pytest.MonkeyPatch, make: Path, state: Path) -> None:
    assert run(monkeypatch, (), ("up", "bad"), ("other",)) == 1
    assert make.read_text().splitlines()[-1] == "end down"
    make.unlink()
    (state / "kubeconfig").touch()
    assert run(monkeypatch, (), ("up",)) == 0
    assert "down" not in make.read_text()


def test_each_part_is_asked_for_its_ten_slowest_tests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-x")
    assert run(monkeypatch, (), ("one",)) == 0
    assert (tmp_path / "options of one").read_text() == "-x --durations=10 --durations-min=1\n"


def test_each_part_is_a_target_of_the_makefile() -> None:
    makefile = (Path(__file__).resolve().parents[3] / "Makefile").read_text()
    for part in (*parts.FIRST, *(each for lane in parts.LANES for each in lane), "down"):
        assert re.search(rf"(?m)^{part}:", makefile), part
