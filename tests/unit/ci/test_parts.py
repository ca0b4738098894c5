"""`make test` runs its parts in lanes: nothing of their output is mixed, and a failure is told whole."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ci import parts

TIME = r"\d:\d\d"
ROOT = Path(__file__).resolve().parents[3]
# Each part notes its begin and its end, says a line before and after a moment (or another's begin), and fails by name.
PROGRAM = """\
#!/bin/bash
part="${@: -1}"
echo "begin $part" >> asked
echo "$part says one thing"; echo "$part warns" >&2
case "$part" in
  quick) ;;
  waits-for-*) timeout 60 bash -c 'until grep -qx "begin $0" asked; do sleep 0.02; done' "${part#waits-for-}" || exit ;;
  *) sleep 0.3 ;;
esac
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


def run(
    monkeypatch: pytest.MonkeyPatch, first: tuple[str, ...], cluster: tuple[str, ...], others: tuple[str, ...] = ()
) -> int:
    monkeypatch.setattr(parts, "FIRST", first)
    monkeypatch.setattr(parts, "CLUSTER", cluster)
    monkeypatch.setattr(parts, "OTHERS", others)
    return parts.main()


def test_others_run_beside_the_clusters_and_all_after_what_comes_first(
    monkeypatch: pytest.MonkeyPatch, make: Path
) -> None:
    assert run(monkeypatch, ("tools",), ("waits-for-other", "two"), ("other",)) == 0
    asked = make.read_text().splitlines()
    assert asked[:2] == ["begin tools", "end tools"]
    assert asked.index("begin other") < asked.index("end waits-for-other") < asked.index("begin two")


def test_when_the_clusters_have_ended_two_of_the_others_run_at_once(
    monkeypatch: pytest.MonkeyPatch, make: Path
) -> None:
    assert run(monkeypatch, (), ("quick",), ("waits-for-b", "b", "c")) == 0
    asked = make.read_text().splitlines()
    assert asked.index("end quick") < asked.index("begin b")
    assert asked.index("begin c") > min(asked.index("end b"), asked.index("end waits-for-b"))
    assert len(asked) == 8


def test_the_output_of_each_part_is_whole_and_the_times_come_last(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, (), ("one",), ("other",)) == 0
    said = capfd.readouterr().out
    for part in ("one", "other"):
        assert f"== {part}\n{part} says one thing\n{part} warns\n{part} says another\n" in said
    assert re.search(rf"time of each part:\n  one +{TIME}  passed\n  other +{TIME}  passed\n  all +{TIME}\n$", said)


def test_a_part_that_fails_ends_those_that_need_it_and_no_other_and_is_told_whole(
    monkeypatch: pytest.MonkeyPatch, make: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, (), ("bad", "later"), ("quick", "bad too", "last")) == 1
    asked = make.read_text()
    assert "later" not in asked
    assert "end last" in asked
    said = capfd.readouterr().out
    assert "== bad\nbad says one thing\nbad warns\nbad says another\n" in said
    assert re.search(rf"  bad +{TIME}  failed\n  quick +{TIME}  passed\n", said), said


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


# One that says what no part may keep for itself, and goes on until it is ended; what it runs does not care for SIGINT.
ENDLESS = """\
#!/bin/bash
part="${@: -1}"
echo "$part says schön"
(trap "" INT; exec sleep 600) &
echo $! > "pid of $part"
mv "pid of $part" "$part.pid"
wait
"""
RUN = """
import sys
from ci import parts
parts.FIRST, parts.CLUSTER, parts.OTHERS = (), ("one", "later"), ("other",)
sys.exit(parts.main())
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_tells_what_each_part_said_and_leaves_no_process(
    make: Path, tmp_path: Path, how: signal.Signals
) -> None:
    (make.parent / "bin/make").write_text(ENDLESS)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    with subprocess.Popen([sys.executable, "-c", RUN], env=environment, stdout=subprocess.PIPE, text=True) as run:
        files = [tmp_path / f"{part}.pid" for part in ("one", "other")]
        until(lambda: all(file.exists() for file in files), "both parts run")
        run.send_signal(how)
        said, _ = run.communicate(timeout=30)
    assert run.returncode == 1
    for part in ("one", "other"):
        assert re.search(rf"== {part}\n{part} says sch\?+n\n\n  {part} +interrupted\n", said), said
    assert "later" not in said
    until(lambda: all(gone(int(file.read_text())) for file in files), "what the parts ran is gone")


def until(look: Callable[[], bool], what: str) -> None:
    """Waits for what `look` sees."""
    end = time.monotonic() + 30
    while not look():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """It ended, also where its parent has not seen that yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] in "ZX"


def test_each_part_is_a_target_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for part in (*parts.FIRST, *parts.CLUSTER, *parts.OTHERS, "down"):
        assert re.search(rf"(?m)^{part}:", makefile), part
