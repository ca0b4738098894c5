"""Every attack case on course files, spawn requests and identities is tried by a test that carries its id."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
THREATS = ROOT.parent / "shared/reference/threats.md"
IDS = [*(f"Y{n}" for n in range(1, 26)), *(f"P{n}" for n in range(1, 14)), *(f"I{n}" for n in range(1, 8))]
# Where a case has to be shown on a cluster too.
ON_A_CLUSTER = ("Y11", "Y13", "Y18", "Y20", "Y23", "P1", "P2", "P3", "P6", "P9", "P11", "P13", "I6", "I7")


@cache
def carried(folders: tuple[str, ...]) -> set[str]:
    """The ids in names, parameters and docstrings of the tests in folders of tests/."""
    files = [
        path for folder in folders for path in (ROOT / "tests" / folder).rglob("test_*.py") if path != Path(__file__)
    ]
    words = re.findall(
        r"(?<![A-Za-z0-9])[YPIypi][0-9]{1,2}(?![0-9A-Za-z])",
        " ".join(path.read_text() for path in files).replace("_", " "),
    )
    return {word.upper() for word in words}


@pytest.mark.parametrize("case", IDS)
def test_a_case_has_a_test_that_needs_no_cluster(case: str) -> None:
    assert case in carried(("unit", "chart", "hub", "directory"))


@pytest.mark.parametrize("case", ON_A_CLUSTER)
def test_a_case_that_only_a_cluster_shows_whole_has_a_test_there(case: str) -> None:
    assert case in carried(("e2e",))


@pytest.mark.skipif(not THREATS.exists(), reason="the list of threats is not at hand")
def test_no_case_of_the_list_of_threats_is_forgotten() -> None:
    assert re.findall(r"(?m)^\| ([YPI][0-9]+) \|", THREATS.read_text()) == IDS
