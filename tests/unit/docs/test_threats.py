"""Each attack of the list of threats has a test that carries its id."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# Where this repository lies beside the notes that it is built from.
LIST = ROOT.parent / "shared/reference/threats.md"
COUNTS = {"Y": 25, "P": 13, "I": 9, "F": 17, "N": 9}
# On what JupyterLab and nbgrader write and trust, shown inside their image.
IN_THE_IMAGE = ["F13", "F14", "F17"]
# Y course file, P profile and start, I identity, F files, N network.
EACH = [f"{group}{number}" for group, count in COUNTS.items() for number in range(1, count + 1)]
ATTACKS = [each for each in EACH if each not in IN_THE_IMAGE]
# At a real hub at least, since only there JupyterHub's own part in it is seen.
AT_THE_HUB = [f"P{number}" for number in range(1, 14)] + ["I1", "I2", "I4", "Y18", "Y19"]
# What only a cluster shows whole.
FILES = tuple(each for each in ATTACKS if each[0] == "F")
NETWORK = tuple(each for each in ATTACKS if each[0] == "N")
SOME = ("Y11", "Y13", "Y18", "Y20", "Y23", "P1", "P2", "P3", "P6", "P9", "P11", "P13", "I6", "I7")
# What a cluster adds nothing to: a full disk is tests/nfs's, feedback and a course's group are the storage host's.
ON_A_CLUSTER = (*SOME, *(each for each in FILES if each not in ("F12", "F15", "F16")), "F17", *NETWORK)


def carried(*folders: str) -> set[str]:
    """The ids that stand in names, ids or docstrings of tests in these folders."""
    found: set[str] = set()
    for folder in folders:
        for path in (ROOT / "tests" / folder).rglob("test_*.py"):
            if path != Path(__file__):
                found |= {
                    each.upper()
                    for each in re.findall(r"(?i)(?<![a-z0-9])[ypifn]\d{1,2}(?![a-z0-9])", path.read_text())
                }
    return found


@pytest.mark.parametrize("attack", [each for each in ATTACKS if each not in FILES])
def test_each_attack_has_a_test_without_a_cluster(attack: str) -> None:
    assert attack in carried("unit", "chart", "hub", "directory")


@pytest.mark.parametrize("attack", AT_THE_HUB)
def test_an_attack_on_a_start_has_a_test_at_a_real_hub(attack: str) -> None:
    assert attack in carried("hub")


@pytest.mark.parametrize("attack", ON_A_CLUSTER)
def test_an_attack_that_only_a_cluster_shows_whole_has_a_test_there(attack: str) -> None:
    assert attack in carried("e2e")


def test_a_full_home_is_full_for_real() -> None:
    assert "F12" in carried("nfs")


@pytest.mark.parametrize("attack", IN_THE_IMAGE)
def test_an_attack_on_jupyterlab_has_a_test_in_its_image(attack: str) -> None:
    tests = (ROOT / "images/singleuser").glob("test_*.py")
    assert any(f"def {attack.lower()}_" in test.read_text() for test in tests)


def test_no_test_carries_an_id_that_is_no_attack() -> None:
    assert carried(".") <= set(EACH)


def test_the_list_holds_these_attacks() -> None:
    if not LIST.exists():
        pytest.skip("the list of threats is not at hand")
    assert sorted(re.findall(r"(?m)^\| ([YPIFN]\d+) \|", LIST.read_text())) == sorted(EACH)
