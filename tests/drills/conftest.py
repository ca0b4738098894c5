"""Each drill runs once, or SOAK times, all of them in turn: `make soak`."""

import os

import pytest


@pytest.fixture(scope="session")
def turn(request: pytest.FixtureRequest) -> int:
    """Which time it is."""
    number: int = request.param
    return number


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if (turns := int(os.environ.get("SOAK", "1"))) > 1:
        metafunc.fixturenames.insert(0, "turn")
        metafunc.parametrize("turn", range(turns), indirect=True, scope="session", ids=lambda number: f"turn {number}")
