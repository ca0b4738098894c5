"""The chart of this checkout, assembled once a session."""

import pytest

from ci.chart import assemble
from tests.chart.helm import Chart, Objects


@pytest.fixture(scope="session")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Chart:
    """With upstream's dependency where that is at hand (Z2JH_CHART), else with the stand-in."""
    folder = tmp_path_factory.mktemp("chart") / "coursehub"
    return Chart(folder, assemble(folder).kind)


@pytest.fixture(scope="session")
def objects(chart: Chart) -> Objects:
    """The objects of the least site."""
    return chart.render()
