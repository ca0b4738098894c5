"""From what was measured of servers to lines that can be put into a course file."""

from typing import Any

import pytest
import yaml
from coursehub.cli import suggestion
from coursehub.cli.suggestion import Use
from coursehub.config import catalog
from coursehub.config.resources import Resources
from hypothesis import given
from hypothesis import strategies as st

from tests.support import COURSES, site

MIB = 2**20


def use(cpu: float, memory: float, most_cpu: float, most_memory: float, **who: Any) -> Use:
    """Of students of python-intro; memory in MiB."""
    told: dict[str, Any] = {"course": "python-intro", "role": "student", "servers": 23} | who
    return Use(**told, cpu=cpu, memory=memory * MIB, most_cpu=most_cpu, most_memory=most_memory * MIB)


@pytest.mark.parametrize(
    ("measured", "resources"),
    [
        pytest.param(
            use(0.31, 1200, 1.7, 2900),
            {"cpu": 2.5, "memory": "3840M", "guarantee": {"cpu": 0.35, "memory": "1216M"}},
            id="a course",
        ),
        pytest.param(
            use(0.25, 1024, 0.4, 1638.4),
            {"cpu": 0.5, "memory": "2G", "guarantee": {"cpu": 0.25, "memory": "1G"}},
            id="what fits exactly is not raised",
        ),
        pytest.param(
            use(0, 0, 0, 0),
            {"cpu": 0.5, "memory": "256M", "guarantee": {"cpu": 0.05, "memory": "64M"}},
            id="servers that did nothing",
        ),
        pytest.param(
            use(3.9, 100, 1.0, 50),
            {"cpu": 5, "memory": "256M", "guarantee": {"cpu": 3.9, "memory": "128M"}},
            id="a most that is less than usual",
        ),
    ],
)
def test_what_was_measured_comes_to_resources(measured: Use, resources: dict[str, Any]) -> None:
    assert suggestion.resources(measured) == resources


@given(*[st.floats(0, 500), st.floats(0, 500_000)] * 2)
def test_whatever_was_measured_a_course_file_takes_it_and_it_covers_what_was_seen(
    cpu: float, memory: float, most_cpu: float, most_memory: float
) -> None:
    suggested = Resources.model_validate(suggestion.resources(use(cpu, memory, most_cpu, most_memory)))
    assert suggested.cpu is not None
    assert suggested.memory is not None
    assert suggested.cpu >= most_cpu
    assert suggested.memory >= most_memory * MIB
    assert (suggested.guarantee.cpu or 0) >= cpu - 1e-3
    assert (suggested.guarantee.memory or 0) >= memory * MIB


MEASURED = [
    use(0.31, 1200, 1.7, 2900),
    use(0.5, 1500, 2, 3000, role="instructor", servers=2),
    use(0.2, 4000, 1, 5000, role="grading", servers=1),
    use(0.1, 200, 0.3, 400, course="data-analysis", servers=1),
    use(0.05, 150, 1, 512, course="", role="general", servers=7),
]


def test_the_lines_name_what_they_rest_on_by_course_and_then_general_use() -> None:
    assert (
        "\n".join(suggestion.lines(MEASURED, 14))
        == """\
courses:
  data-analysis:
    # students, 1 server in 14 days: 95 % within 0.10 CPU and 200M, the most 0.30 CPU and 400M
    resources: {cpu: 0.5, memory: 512M, guarantee: {cpu: 0.1, memory: 256M}}
  python-intro:
    # students, 23 servers in 14 days: 95 % within 0.31 CPU and 1200M, the most 1.70 CPU and 2900M
    resources: {cpu: 2.5, memory: 3840M, guarantee: {cpu: 0.35, memory: 1216M}}
    # instructors, 3 servers in 14 days: 95 % within 0.50 CPU and 4000M, the most 2.00 CPU and 5000M
    instructor: {resources: {cpu: 2.5, memory: 6400M, guarantee: {cpu: 0.5, memory: 4032M}}}
general:
  # general use, 7 servers in 14 days: 95 % within 0.05 CPU and 150M, the most 1.00 CPU and 512M
  resources: {cpu: 1.5, memory: 768M, guarantee: {cpu: 0.05, memory: 192M}}"""
    )


def test_the_lines_can_be_pasted_into_the_course_file() -> None:
    suggested = yaml.safe_load("\n".join(suggestion.lines(MEASURED, 14)))["courses"]
    file = yaml.safe_load(COURSES)
    for slug, keys in suggested.items():
        file["courses"][slug] |= keys
    loaded = catalog.load([("courses.yaml", yaml.safe_dump(file, sort_keys=False))], site())
    assert loaded.problems == ()
    assert loaded.catalog.courses["python-intro"].resources.cpu == 2.5


def test_nothing_measured_are_no_lines() -> None:
    assert list(suggestion.lines([], 14)) == []


def test_one_day_is_called_a_day() -> None:
    assert "23 servers in a day: 95 %" in "\n".join(suggestion.lines(MEASURED, 1))
