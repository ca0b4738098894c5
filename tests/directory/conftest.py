"""One slapd for all tests that only read it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.directory.slapd import PASSWORD, Slapd, serve


@pytest.fixture(scope="session")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with serve(tmp_path_factory.mktemp("slapd")) as running:
        yield running


@pytest.fixture
def password(tmp_path: Path) -> Path:
    """The file of the mounted Secret; editors leave a line's end."""
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    return file
