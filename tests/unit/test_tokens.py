"""A token's file may be one of several, and be replaced at any time."""

from pathlib import Path

import pytest
from coursehub import tokens


def test_the_first_file_that_is_there_has_the_token(tmp_path: Path) -> None:
    files = given, made = [tmp_path / "given", tmp_path / "made"]
    made.write_text("made\n")
    assert tokens.read(files) == "made"
    given.write_text("given\n")
    assert tokens.read(files) == "given"


def test_where_none_is_there_the_last_one_is_missed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="made"):
        tokens.read([tmp_path / "given", tmp_path / "made"])


@pytest.mark.parametrize("blank", ["\n", "\r\n", " ", "\t", "\n\n"], ids=ascii)
def test_what_stands_around_a_token_is_none_of_it(tmp_path: Path, blank: str) -> None:
    """As editors and stores of secrets leave it; the proxy takes it in the same way."""
    (tmp_path / "token").write_bytes(f"{blank}made{blank}".encode())
    assert tokens.read([tmp_path / "token"]) == "made"
    for zeros in ("0" * 64, ""):
        assert tokens.stands_for_another(f"{blank}{zeros}{blank}")


@pytest.mark.parametrize(("value", "known"), [("0" * 64, True), ("", True), ("0\n", True), ("0" * 63 + "1", False)])
def test_zeros_alone_and_nothing_are_no_secret(value: str, known: bool) -> None:
    assert tokens.stands_for_another(value) is known
