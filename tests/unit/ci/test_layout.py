"""Places come from the environment, and bad ones are refused before anything is made."""

from pathlib import Path

import pytest

from ci.cluster import nodes, ownership
from ci.cluster.layout import LONGEST_STATE, Layout
from ci.cluster.problem import Problem


def test_the_usual_places() -> None:
    assert Layout.from_environment({"HOME": "/root"}) == Layout(
        state=Path("/var/lib/coursehub"), cache=Path("/root/.cache/coursehub"), port=8000
    )


def test_the_environment_moves_them() -> None:
    environment = {
        "NODES": "2",
        "XDG_CACHE_HOME": "/c",
        "COURSEHUB_STATE": "/srv/hub",
        "COURSEHUB_PORT": "8001",
        "COURSEHUB_SYNC": "1m",
    }
    assert Layout.from_environment(environment) == Layout(Path("/srv/hub"), Path("/c/coursehub"), 8001, "1m", 2)
    assert Layout.from_environment({**environment, "COURSEHUB_CACHE": "/d"}).cache == Path("/d")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        pytest.param("COURSEHUB_STATE", "/", "a folder of its own", id="everything"),
        pytest.param("COURSEHUB_STATE", "/home", "a folder of its own", id="top level"),
        pytest.param("COURSEHUB_STATE", "state", "full path", id="relative"),
        pytest.param("COURSEHUB_STATE", "/srv/" + LONGEST_STATE * "x", "too long", id="sockets would not fit"),
        pytest.param("COURSEHUB_PORT", "http", "write a port number", id="word"),
        pytest.param("COURSEHUB_PORT", "70000", "write a port number", id="too large"),
        pytest.param("COURSEHUB_SYNC", "often", "write a time, such as 2s", id="no time"),
        pytest.param("NODES", "3", "write 1 or 2, or leave it out", id="too many nodes"),
        pytest.param("NODES", "two", "write 1 or 2, or leave it out", id="nodes in words"),
    ],
)
def test_refused(name: str, value: str, says: str) -> None:
    with pytest.raises(Problem, match=f"{name}=.*{says}"):
        Layout.from_environment({name: value})


def test_without_a_number_there_are_as_many_nodes_as_there_were(tmp_path: Path) -> None:
    def names(wanted: int | None) -> list[str]:
        return [node.name for node in nodes.wanted(Layout(tmp_path, tmp_path, 8000, nodes=wanted))]

    assert names(None) == names(1) == ["coursehub"]
    assert names(2) == ["coursehub", "coursehub-2"]
    (tmp_path / "node-2").mkdir()
    assert names(None) == ["coursehub", "coursehub-2"]
    assert names(1) == ["coursehub"]


def test_a_folder_with_other_files_is_never_claimed(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "state", tmp_path / "cache", 8000)
    ownership.claim(layout)
    ownership.claim(layout)
    assert ownership.is_ours(layout.state)
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(Problem, match="holds other files"):
        ownership.claim(Layout(tmp_path, tmp_path / "cache", 8000))
