"""The hub's database file before each start: real SQLite files, whole, half written, damaged, without room."""

import os
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from coursehub.backup import copies, database
from coursehub.backup.__main__ import prepare
from coursehub.backup.restore import CannotRestore
from jupyterhub import dbutil, orm

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
FIRST = "jupyterhub-20261125T120000Z.sqlite"
SECOND = "jupyterhub-20261125T130000Z.sqlite"


def later(hours: int) -> datetime:
    return NOW + timedelta(hours=hours)


def write(path: Path, *names: str) -> None:
    """Adds people to a database, as a hub would."""
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TABLE IF NOT EXISTS users (name TEXT)")
        file.executemany("INSERT INTO users VALUES (?)", [(name,) for name in names])


def people(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [name for (name,) in file.execute("SELECT name FROM users")]


def damage(path: Path) -> bytes:
    """Overwrites what follows the header, as a broken disk could; what is there then."""
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))
    return path.read_bytes()


def run(folder: Path, now: datetime = NOW, asked: str = "") -> str:
    return "\n".join(prepare(folder, now, asked))


def in_backups(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "backups").iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The volume of a hub that knows maria."""
    made = tmp_path / "volume"
    made.mkdir(mode=0o775)
    write(made / "jupyterhub.sqlite", "maria")
    return made


def test_a_copy_holds_what_the_database_holds_and_is_for_the_hub_alone(folder: Path) -> None:
    assert f"copied to {FIRST}" in run(folder)
    assert people(folder / "backups" / FIRST) == people(folder / "jupyterhub.sqlite") == ["maria"]
    assert in_backups(folder) == [FIRST]
    _program(folder)
    assert mode(folder / "backups" / in_backups(folder)[-1]) == 0o600


def test_whatever_the_volume_was_like_database_and_copies_are_for_the_hub_alone(folder: Path) -> None:
    for path, wide in ((folder, 0o2777), (folder / "jupyterhub.sqlite", 0o666)):
        path.chmod(wide)
    run(folder)
    (folder / "backups").chmod(0o2770)  # as fsGroup does it
    run(folder, later(1))
    assert [mode(path) for path in (folder, folder / "backups", folder / "jupyterhub.sqlite")] == [0o700, 0o700, 0o600]


def test_the_sixth_copy_takes_the_place_of_the_oldest(folder: Path) -> None:
    for hour in range(5):
        run(folder, later(hour))
    assert f"dropped {FIRST}, since 5 newer ones are there" in run(folder, later(5))
    assert in_backups(folder) == [f"jupyterhub-20261125T{hour}0000Z.sqlite" for hour in range(13, 18)]


def _killed(folder: Path, code: str) -> None:
    """A hub that is killed in the middle of its work."""
    program = f"import sqlite3, os, signal\nfile = sqlite3.connect({str(folder / 'jupyterhub.sqlite')!r})\n"
    program += textwrap.dedent(code) + "\nos.kill(os.getpid(), signal.SIGKILL)\n"
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -9


def test_what_a_killed_hub_left_in_the_write_ahead_log_is_in_the_copy(folder: Path) -> None:
    _killed(
        folder,
        """
        file.execute("PRAGMA journal_mode=WAL")
        file.execute("INSERT INTO users VALUES ('jonas')")
        file.commit()
        """,
    )
    assert (folder / "jupyterhub.sqlite-wal").stat().st_size
    run(folder)
    alone = folder / "elsewhere.sqlite"
    shutil.copy(folder / "backups" / FIRST, alone)
    assert people(alone) == ["maria", "jonas"]
    assert in_backups(folder) == [FIRST]


def test_what_a_killed_hub_had_not_finished_is_not_in_the_copy(folder: Path) -> None:
    _killed(
        folder,
        """
        file.execute("PRAGMA cache_size=1")
        file.executemany("INSERT INTO users VALUES (?)", [("x" * 500,) for _ in range(500)])
        """,
    )
    assert (folder / "jupyterhub.sqlite-journal").stat().st_size
    assert people_raw(folder) > 100_000, "the file holds what was not finished"
    run(folder)
    assert people(folder / "backups" / FIRST) == people(folder / "jupyterhub.sqlite") == ["maria"]


def people_raw(folder: Path) -> int:
    return (folder / "jupyterhub.sqlite").stat().st_size


def test_a_hub_that_writes_meanwhile_is_not_disturbed_and_the_copy_is_whole(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "jupyterhub.sqlite")) as hub:
        hub.execute("PRAGMA journal_mode=WAL")
        hub.execute("BEGIN IMMEDIATE")
        hub.execute("INSERT INTO users VALUES ('jonas')")
        run(folder)
        hub.commit()
    assert people(folder / "backups" / FIRST) == ["maria"]
    assert people(folder / "jupyterhub.sqlite") == ["maria", "jonas"]


def test_a_database_that_somebody_keeps_locked_is_said_and_the_hub_starts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "SECONDS", 0.05)
    with closing(sqlite3.connect(folder / "jupyterhub.sqlite")) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "WARNING no copy was made: database is locked" in run(folder)
    assert in_backups(folder) == []


@pytest.mark.parametrize("content", [b"no database at all\n" * 100, None], ids=["another file", "broken pages"])
def test_a_damaged_database_is_said_kept_byte_by_byte_and_takes_no_good_copys_place(
    folder: Path, content: bytes | None
) -> None:
    run(folder)
    path = folder / "jupyterhub.sqlite"
    if content is None:
        content = damage(path)
    else:
        path.write_bytes(content)
    for hour in range(1, 7):
        output = run(folder, later(hour))
        assert "WARNING the database is damaged (" in output
        assert "COURSEHUB_RESTORE=newest puts a copy back" in output
    assert copies.names(folder / "backups", "jupyterhub") == [FIRST]
    assert len(copies.names(folder / "backups", "damaged")) == 5
    assert (folder / "backups/damaged-20261125T180000Z.sqlite").read_bytes() == path.read_bytes() == content


def test_before_the_first_start_there_is_nothing_to_copy(tmp_path: Path) -> None:
    assert "there is no database yet, so nothing to copy" in run(tmp_path)
    assert in_backups(tmp_path) == []


def test_the_hub_makes_its_tables_in_the_empty_file_that_is_for_it_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As `jupyterhub --upgrade-db` does."""
    run(tmp_path)
    path = tmp_path / "jupyterhub.sqlite"
    dbutil.upgrade_if_needed(f"sqlite:///{path}", log=database)  # not a line is logged where there is nothing to do
    session = orm.new_session_factory(f"sqlite:///{path}")()
    session.add(orm.User(name="maria"))
    session.commit()
    session.close()
    run(tmp_path)
    assert people(tmp_path / "backups" / FIRST) == ["maria"]
    assert mode(path) == 0o600


def _of_jupyterhub(folder: Path, revision: str | None = None) -> Path:
    """A database as JupyterHub makes it, or as one of another revision left it."""
    path = folder / "jupyterhub.sqlite"
    orm.new_session_factory(f"sqlite:///{path}")().close()
    if revision:
        with closing(sqlite3.connect(path)) as file, file:
            file.execute("UPDATE alembic_version SET version_num = ?", [revision])
    return path


TOO_NEW = (
    "WARNING the database is of a newer JupyterHub, and this one does not start on it; COURSEHUB_RESTORE=NAME puts "
    "back a copy from before that hub's first start"
)


def test_a_database_of_a_newer_jupyterhub_is_said(tmp_path: Path) -> None:
    _of_jupyterhub(tmp_path, "ffffffffffff")
    assert TOO_NEW in run(tmp_path)


def test_a_database_of_this_jupyterhub_or_an_older_one_is_well(tmp_path: Path) -> None:
    _of_jupyterhub(tmp_path)
    assert "WARNING" not in run(tmp_path)
    older = min(path.name for path in Path(dbutil.ALEMBIC_DIR, "versions").glob("*_*.py")).partition("_")[0]
    _of_jupyterhub(tmp_path, older)
    assert "WARNING" not in run(tmp_path, later(1))


def test_of_jupyterhubs_own_copies_which_a_hub_makes_at_each_try_to_upgrade_the_newest_stay(folder: Path) -> None:
    names = [f"jupyterhub.sqlite.2026-11-25-{hour}0000" for hour in range(10, 17)]
    for name in names:
        shutil.copy(folder / "jupyterhub.sqlite", folder / name)
    said = run(folder)
    assert sorted(path.name for path in folder.glob("jupyterhub.sqlite.*")) == names[2:]
    assert [name for name in names if f"dropped {name}" in said] == names[:2]


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_a_database_that_is_gone_is_said_where_there_was_one(folder: Path, left: str) -> None:
    run(folder)
    path = folder / "jupyterhub.sqlite"
    path.unlink()
    if left == "an empty file":
        path.touch()
    output = run(folder, later(1))
    assert "WARNING there is no database, so the hub begins a new one; COURSEHUB_RESTORE=newest puts a copy" in output
    assert in_backups(folder) == [FIRST], "an empty database is no copy"


@pytest.fixture
def small_volume(folder: Path, tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of 1 MiB with that database."""
    volume = tmp_path / "small"
    volume.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(volume)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs root that can mount a file system")
    shutil.copy(folder / "jupyterhub.sqlite", volume)
    yield volume
    subprocess.run(["umount", str(volume)], check=True)


def test_a_copy_that_would_fill_the_volume_is_not_begun(small_volume: Path) -> None:
    write(small_volume / "jupyterhub.sqlite", *["x" * 1000] * 400)
    output = run(small_volume)
    assert "WARNING no copy was made: it takes" in output
    assert "the volume needs more room" in output
    assert in_backups(small_volume) == []


def test_a_disk_without_one_free_block_is_said_and_the_hub_starts(small_volume: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        (small_volume / "full").write_bytes(b"x" * 2**21)
    output = run(small_volume)
    assert "WARNING no copy was made: " in output
    assert people(small_volume / "jupyterhub.sqlite") == ["maria"]


def test_a_disk_that_ends_in_the_middle_leaves_no_half_copy(folder: Path) -> None:
    write(folder / "jupyterhub.sqlite", *["x" * 1000] * 200)
    before = (folder / "jupyterhub.sqlite").read_bytes()
    done = _program(folder, limit=64 * 1024)
    assert done.returncode == 0, "the hub has to start"
    assert "WARNING no copy was made: " in done.stdout
    assert in_backups(folder) == []
    assert (folder / "jupyterhub.sqlite").read_bytes() == before


def _main(folder: Path, first: str = "", *program: str) -> str:
    code = "import os, sys\nfrom pathlib import Path\nfrom coursehub.backup.__main__ import main\n"
    return f"{code}{first}\nsys.exit(main(Path({str(folder)!r}), {program!r}))"


def _program(
    folder: Path, limit: int = resource.RLIM_INFINITY, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """The entrypoint as the hub's container runs it, with no file larger than `limit`."""
    return subprocess.run(
        [sys.executable, "-c", _main(folder)],
        env={"PYTHONPATH": str(ROOT / "hooks"), **environment},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )


def test_killed_in_the_middle_it_leaves_no_half_copy_and_the_next_start_cleans_up(folder: Path) -> None:
    code = f"""
    from datetime import UTC, datetime
    from pathlib import Path
    from coursehub.backup import __main__ as backup, database
    database.move = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    list(backup.prepare(Path({str(folder)!r}), datetime.now(UTC)))
    """
    _killed(folder, f"import sys; sys.path.insert(0, {str(ROOT / 'hooks')!r})" + textwrap.dedent(code))
    assert copies.names(folder / "backups", "jupyterhub", "damaged") == []
    assert in_backups(folder) == ["unfinished"]
    run(folder)
    assert in_backups(folder) == [FIRST]


@pytest.mark.parametrize("asked", ["newest", FIRST])
def test_a_copy_is_put_back_in_the_place_of_a_damaged_database(folder: Path, asked: str) -> None:
    run(folder)
    damaged = damage(folder / "jupyterhub.sqlite")
    output = run(folder, later(1), asked)
    assert f"put {FIRST} back; what was there before is replaced-20261125T130000Z.sqlite" in output
    assert people(folder / "jupyterhub.sqlite") == ["maria"]
    assert mode(folder / "jupyterhub.sqlite") == 0o600
    assert (folder / "backups/replaced-20261125T130000Z.sqlite").read_bytes() == damaged


def test_an_older_copy_is_put_back_and_can_be_undone(folder: Path) -> None:
    run(folder)
    write(folder / "jupyterhub.sqlite", "jonas")
    run(folder, later(1), FIRST)
    assert people(folder / "jupyterhub.sqlite") == ["maria"]
    run(folder, later(2), "replaced-20261125T130000Z.sqlite")
    assert people(folder / "jupyterhub.sqlite") == ["maria", "jonas"]


def test_the_oldest_copy_is_put_back_although_five_are_there(folder: Path) -> None:
    for hour in range(5):
        run(folder, later(hour))
        write(folder / "jupyterhub.sqlite", "jonas")
    run(folder, later(6), FIRST)
    assert people(folder / "jupyterhub.sqlite") == ["maria"]
    assert len(copies.names(folder / "backups", "jupyterhub")) == 5


def test_nothing_of_a_killed_hub_is_played_into_the_copy(folder: Path) -> None:
    run(folder)
    _killed(folder, 'file.execute("PRAGMA journal_mode=WAL")\nfile.execute("DELETE FROM users")\nfile.commit()')
    run(folder, later(1), "newest")
    assert people(folder / "jupyterhub.sqlite") == ["maria"]
    assert people(folder / "backups/replaced-20261125T130000Z.sqlite") == [], "what was replaced is whole"


def test_a_request_that_was_not_taken_away_puts_nothing_back_again(folder: Path) -> None:
    run(folder)
    run(folder, later(1), "newest")
    write(folder / "jupyterhub.sqlite", "jonas")
    assert "newest was put back at an earlier start; take COURSEHUB_RESTORE away" in run(folder, later(2), "newest")
    assert people(folder / "jupyterhub.sqlite") == ["maria", "jonas"]
    assert "jupyterhub-20261125T140000Z.sqlite" in in_backups(folder)


def test_taken_away_and_asked_for_again_it_puts_back_again(folder: Path) -> None:
    run(folder)
    run(folder, later(1), FIRST)
    run(folder, later(2))
    write(folder / "jupyterhub.sqlite", "jonas")
    run(folder, later(3), FIRST)
    assert people(folder / "jupyterhub.sqlite") == ["maria"]


@pytest.mark.parametrize("asked", ["yesterday", "../jupyterhub.sqlite", "restored", "damaged-20261125T120000Z.sqlite"])
def test_what_is_no_copy_is_refused_with_the_names_of_those_there_are(folder: Path, asked: str) -> None:
    run(folder)
    run(folder, later(1))
    names = f"no such copy; write COURSEHUB_RESTORE with one of: newest, {SECOND}, {FIRST}"
    with pytest.raises(CannotRestore, match=names):
        run(folder, later(2), asked)
    assert people(folder / "jupyterhub.sqlite") == ["maria"]


def test_without_any_copy_that_is_said(folder: Path) -> None:
    with pytest.raises(CannotRestore, match="newest: no such copy; there is no copy at all"):
        run(folder, NOW, "newest")


def test_a_copy_that_is_damaged_itself_replaces_nothing(folder: Path) -> None:
    run(folder)
    damage(folder / "backups" / FIRST)
    with pytest.raises(CannotRestore, match=f"{FIRST} is damaged itself"):
        run(folder, later(1), FIRST)
    assert people(folder / "jupyterhub.sqlite") == ["maria"]


def test_a_copy_for_which_there_is_no_room_replaces_nothing(folder: Path) -> None:
    write(folder / "jupyterhub.sqlite", *["x" * 1000] * 200)
    run(folder)
    done = _program(folder, limit=64 * 1024, COURSEHUB_RESTORE="newest")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"coursehub: {FIRST} cannot be put back: ")
    assert len(people(folder / "jupyterhub.sqlite")) == 201


def test_the_program_says_which_copies_there_are(folder: Path) -> None:
    run(folder)
    done = _program(folder)
    assert done.returncode == 0
    assert f"  {FIRST}  8 KiB" in done.stdout.splitlines()


def test_a_volume_that_cannot_be_written_is_said_and_the_hub_starts(folder: Path) -> None:
    (folder / "backups").write_text("in the way")
    assert "WARNING no copy was made: " in run(folder)
    with pytest.raises(CannotRestore, match=r"newest cannot be put back: .*File exists"):
        run(folder, NOW, "newest")


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder of root's that others reach, too."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_a_volume_whose_top_is_roots_is_said(folder: Path, shared_folder: Path) -> None:
    """As fsGroup leaves it: the hub is in the group, and only root could change the mode."""
    if os.geteuid():
        pytest.skip("needs root, which gives the volume away")
    volume = shared_folder / "volume"
    shutil.copytree(folder, volume)
    shutil.chown(volume, 0, 1000)
    volume.chmod(0o2775)
    shutil.chown(volume / "jupyterhub.sqlite", 1000, 1000)
    hub = "os.setgroups([])\nos.setgid(1000)\nos.setuid(1000)"
    command = [sys.executable, "-c", _main(volume, hub)]
    environment = {"PYTHONPATH": str(ROOT / "hooks")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert f"{volume} is of uid 0 and stays 2775; what is in it is closed off" in done.stdout, done.stderr
    assert [mode(volume / name) for name in ("backups", "jupyterhub.sqlite")] == [0o700, 0o600]


def test_after_the_copy_it_becomes_the_hub_with_its_arguments(folder: Path) -> None:
    hub = "import os, sys; print(os.getpid(), *sys.argv[1:], f'{os.umask(0):03o}')"
    command = [sys.executable, "-c", _main(folder, "os.umask(0o022)", sys.executable, "-c", hub, "--config", "x")]
    with subprocess.Popen(
        command, env={"PYTHONPATH": str(ROOT / "hooks")}, stdout=subprocess.PIPE, text=True
    ) as started:
        output = started.communicate()[0].splitlines()
    assert output[0].startswith("copied to jupyterhub-")
    assert output[-1] == f"{started.pid} --config x 022", "it is the same process, with the umask that it was given"


def test_where_the_database_is_no_file_the_hub_starts_and_nothing_is_copied() -> None:
    code = "from coursehub.backup.__main__ import main; main(None, ['echo', 'the hub'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "the hub\n"


def test_where_the_database_is_no_file_a_copy_that_is_asked_for_starts_no_hub() -> None:
    code = "import sys; from coursehub.backup.__main__ import main; sys.exit(main(None, ['echo', 'the hub']))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "hooks"), "COURSEHUB_RESTORE": "newest"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "newest cannot be put back: the hub's database is no file here; take COURSEHUB_RESTORE away" in done.stderr


def test_a_hub_that_cannot_start_pushes_no_good_copy_out(folder: Path) -> None:
    for minutes in range(60):
        run(folder, NOW + timedelta(minutes=minutes))
    assert in_backups(folder) == [FIRST]
    assert f"no copy is kept: {FIRST} is not an hour old" in run(folder, NOW + timedelta(minutes=59))
    run(folder, later(1))
    assert in_backups(folder) == [FIRST, SECOND]


def test_a_hub_that_cannot_start_for_days_leaves_the_last_good_copy_of_the_days_before(folder: Path) -> None:
    run(folder)
    for hours in range(1, 6 * 24):
        run(folder, later(hours))
    kept = in_backups(folder)
    assert kept[0] == "jupyterhub-20261125T230000Z.sqlite"
    assert [name[11:19] for name in kept] == sorted(
        [f"202611{day}" for day in (25, 26, 27, 28, 29, 30)] + ["20261201"] * 5
    )


def test_damage_is_said_also_within_the_hour_of_a_good_copy(folder: Path) -> None:
    run(folder)
    damage(folder / "jupyterhub.sqlite")
    assert "WARNING the database is damaged" in run(folder, NOW + timedelta(minutes=1))
    assert in_backups(folder) == ["damaged-20261125T120100Z.sqlite", FIRST]


def test_a_damaged_database_that_starts_again_and_again_is_kept_once_an_hour(folder: Path) -> None:
    damage(folder / "jupyterhub.sqlite")
    for minutes in range(0, 60, 5):
        assert "WARNING the database is damaged" in run(folder, NOW + timedelta(minutes=minutes))
    assert in_backups(folder) == ["damaged-20261125T120000Z.sqlite"]


def test_a_copy_that_a_wrong_clock_made_in_the_future_neither_stops_the_copies_nor_the_hour_between_them(
    folder: Path,
) -> None:
    run(folder, later(24 * 365))
    assert f"copied to {FIRST}" in run(folder)
    assert f"no copy is kept: {FIRST} is not an hour old" in run(folder, NOW + timedelta(minutes=5))
