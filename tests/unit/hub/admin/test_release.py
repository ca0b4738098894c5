"""Whoever runs a JupyterHub or a KubeSpawner that is old, or that no test has seen, is told which to take."""

import re
from pathlib import Path

import pytest
from coursehub.hub.admin import release

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(
    ("version", "newer"),
    [
        ("5.5.4", None),
        ("5.5.3", "5.5.4"),
        ("5.4.10", "5.5.4"),
        ("5.10.0", None),
        ("6.0.1", "6.1.1"),
        ("6.1.0", "6.1.1"),
        ("6.0.0b3", "6.1.1"),
        ("6.1.1", None),
        ("7.0.0", None),
        ("4.1.6", "5.5.4"),
        ("", "5.5.4"),
    ],
)
def test_a_release_is_old_where_a_newer_one_of_its_major_version_is_known(version: str, newer: str | None) -> None:
    assert release.newer(version) == newer


@pytest.mark.parametrize(
    ("hub", "spawner", "tried"),
    [
        ("5.5.4", "7.0.0", True),
        ("6.1.1", "7.1.0", True),
        ("5.5.10", "7.1.0", True),
        ("6.1.2.dev", "7.0.1", True),
        ("5.4.6", "7.0.0", False),
        ("6.0.1", "7.0.0", False),
        ("6.2.0", "7.1.0", False),
        ("6.10.0", "7.1.0", False),
        ("6.1.1", "7.2.0", False),
        ("5.5.4", "6.2.0", False),
        ("", "", False),
    ],
)
def test_what_no_test_has_run_with_is_untried(hub: str, spawner: str, tried: bool) -> None:
    assert release.tried(hub, spawner) is tried


def pinned(file: str, where: str = "") -> tuple[str, str]:
    """What a file pins, after a word in it."""
    text = (ROOT / file).read_text()
    text = text[text.index(where) :]
    hub, spawner = (re.search(rf"\b{name}==([\d.]+)", text) for name in ("jupyterhub", "jupyterhub-kubespawner"))
    assert hub is not None, file
    assert spawner is not None, file
    return hub[1], spawner[1]


@pytest.mark.parametrize(
    ("end", "file", "where"),
    [
        (0, "images/hub/requirements.in", ""),
        (0, "images/hub/requirements.txt", ""),
        (0, "pyproject.toml", "\ndev = "),
        (0, "requirements-dev.txt", ""),
        (-1, "pyproject.toml", "\nnewest = "),
        (-1, "requirements-newest.txt", ""),
    ],
)
def test_the_hubs_image_and_the_tests_have_the_ends_of_the_range(end: int, file: str, where: str) -> None:
    assert pinned(file, where) == (release.JUPYTERHUB[end], release.KUBESPAWNER[end])


@pytest.mark.parametrize("page", ["docs/admins/images.md", "CHANGELOG.md"])
def test_pages_name_the_range(page: str) -> None:
    assert release.RANGE in re.sub(r"\s+", " ", (ROOT / page).read_text())
