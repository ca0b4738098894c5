"""The chart of this checkout, assembled once a session."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from ci.chart import assemble  # noqa: E402
from tests.chart.helm import Chart, Objects  # noqa: E402


@pytest.fixture(scope="session")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Chart:
    """With upstream's dependency where that is at hand (Z2JH_CHART), else with the stand-in."""
    folder = tmp_path_factory.mktemp("chart") / "coursehub"
    return Chart(folder, assemble(folder).kind)


@pytest.fixture(scope="session")
def objects(chart: Chart) -> Objects:
    """The objects of the least site."""
    return chart.render()
