"""Where the hub keeps what it knows, by its database; tests/hub has those on a real server."""

from pathlib import Path

import pytest
from coursehub.hub import database
from coursehub.live.kept import CannotKeep, Folder
from traitlets.config import Config


def configured(url: str | None) -> Config:
    c = Config()
    if url is not None:
        c.JupyterHub.db_url = url
    return c


@pytest.mark.parametrize("url", [None, "sqlite:///jupyterhub.sqlite", "jupyterhub.sqlite"])
def test_beside_a_file_of_sqlite_on_a_volume_are_files(
    url: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.path.ismount", lambda path: path == tmp_path)
    assert isinstance(database.place(configured(url), tmp_path / "coursehub"), Folder)


@pytest.mark.parametrize("url", [None, "sqlite:///jupyterhub.sqlite"])
def test_beside_a_file_that_goes_with_the_container_nothing_outlasts_it(url: str | None, tmp_path: Path) -> None:
    lost = database.place(configured(url), tmp_path / "coursehub").lost
    assert lost == f"its database is a file, and {tmp_path} is no volume (jupyterhub.hub.db)"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_beside_a_database_in_memory_nothing_outlasts_a_restart(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.path.ismount", lambda _: True)
    lost = database.place(configured(url), tmp_path / "coursehub").lost
    assert lost == "its database is in memory (jupyterhub.hub.db.type is sqlite-memory)"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param("postgres://hub:secret@db/hub", "the hub's database: Can't load plugin", id="no dialect"),
        pytest.param("mysql+nothing://hub:secret@db/hub", "the hub's database: Can't load plugin", id="no driver"),
        pytest.param("postgresql://hub:x@secret:port/hub", "the hub's database: its url is no address", id="no port"),
        pytest.param("sqlite+x://hub:secret/hub", "the hub's database: its url is no address", id="SQLite's"),
        pytest.param(
            "postgresql+psycopg2://hub:x@y#secret@127.0.0.1:1/hub",
            "the hub's database: its url is no address (write %40 for an @ in the password)",
            id="an @ in the password",
        ),
        pytest.param(
            "postgresql+psycopg2://hub:secret@127.0.0.1:1/hub?passwd=secret",
            "the hub's database: invalid dsn: invalid connection option",
            id="an option that is none",
        ),
    ],
)
def test_an_address_that_is_none_is_said_without_its_password(url: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CannotKeep) as told:
        database.place(configured(url), tmp_path)
    assert str(told.value).startswith(said)
    assert "secret" not in str(told.value)
