"""CPU, memory and scratch: units, guarantees and the site's cap."""

import pytest
from coursehub.config.resources import Amount, Resources
from pydantic import ValidationError


@pytest.mark.parametrize(
    ("written", "bytes_"),
    [("512M", 512 * 2**20), ("4G", 4 * 2**30), ("1.5G", 3 * 2**29), ("2048K", 2**21), ("1T", 2**40)],
)
def test_memory_is_written_with_a_unit_of_powers_of_1024(written: str, bytes_: int) -> None:
    assert Amount.model_validate({"memory": written}).memory == bytes_


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"memory": 4}, id="Y24 no unit"),
        pytest.param({"memory": True}, id="true"),
        pytest.param({"memory": "4GB"}, id="GB"),
        pytest.param({"memory": "1; rm"}, id="Y24 shell"),
        pytest.param({"memory": "-1G"}, id="negative"),
        pytest.param({"memory": "1K"}, id="less than a megabyte"),
        pytest.param({"memory": "9999T"}, id="Y24 huge"),
        pytest.param({"memory": "9" * 400 + "T"}, id="a number too large for a float"),
        pytest.param({"cpu": -1}, id="Y24 negative cpu"),
        pytest.param({"cpu": 0}, id="no cpu"),
        pytest.param({"cpu": "1"}, id="cpu as text"),
        pytest.param({"cpu": True}, id="cpu true"),
        pytest.param({"cpu": float("nan")}, id="cpu nan"),
        pytest.param({"cpu": float("inf")}, id="cpu inf"),
        pytest.param({"gpu": 1}, id="unknown"),
        pytest.param({"cpu": 1, "guarantee": {"cpu": 2}}, id="Y24 guarantee above limit"),
        pytest.param({"scratch": 4}, id="N9 scratch without a unit"),
        pytest.param({"scratch": "0G"}, id="N9 no scratch, which would mean no bound"),
        pytest.param({"scratch": "1G", "guarantee": {"scratch": "2G"}}, id="N9 more kept free than there may be"),
    ],
)
def test_a_doubtful_amount_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Resources.model_validate(values)


def test_what_a_course_leaves_out_is_the_sites() -> None:
    site = Amount(cpu=1, memory="2G")  # type: ignore[arg-type] # the unit is read on the way in
    assert Amount(cpu=3).over(site) == Amount.model_construct(cpu=3.0, memory=2 * 2**30)


def test_nothing_is_above_the_cap() -> None:
    cap = Amount.model_construct(cpu=2.0, memory=2**30)
    assert Amount.model_construct(cpu=8.0, memory=2**20).capped(cap) == Amount.model_construct(cpu=2.0, memory=2**20)
    assert Amount().capped(cap) == Amount()


def test_limits_need_no_guarantee() -> None:
    assert Resources.model_validate({"cpu": 2, "memory": "4G"}).guarantee == Amount()
