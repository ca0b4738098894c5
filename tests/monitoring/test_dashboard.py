"""The dashboard, and what is suggested to teachers, from what the running hub, its kubelet and the machine say."""

import json
from collections.abc import Callable

import pytest
import yaml

from ci.dashboard import ROWS
from tests.e2e.cluster import Installation, until
from tests.e2e.person import Person

from .conftest import Prometheus

LogIn = Callable[[str], Person]
QUERIES = [
    pytest.param(query, id=f"{panel.title}, {legend}")
    for panels in ROWS.values()
    for panel in panels
    for legend, query in panel.queries.items()
]


def concrete(query: str, installation: Installation) -> str:
    """As Grafana puts in what is chosen on the dashboard."""
    return query.replace("$namespace", installation.namespace).replace("$__rate_interval", "10m")


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_the_dashboard_has_data(
    query: str, prometheus: Prometheus, lesson: None, installation: Installation
) -> None:
    asked = concrete(query, installation)
    until(lambda: prometheus.query(asked), 60, f"there is data for {asked}")


def test_the_dashboard_says_whose_start_was_refused_and_why(
    prometheus: Prometheus, lesson: None, installation: Installation
) -> None:
    counted = prometheus.some('coursehub_refusals_total{course="data-analysis", reason="not-listed"}')
    assert [value >= 2 for _, value in counted] == [True]


def test_what_servers_took_is_suggested_for_their_course(
    prometheus: Prometheus, lesson: None, installation: Installation
) -> None:
    words = ("resources", "--prometheus", prometheus.url, "--days", "1", "--course", "python-intro")
    until(lambda: installation.command(*words).returncode == 0, 180, "a look at a server at a whole minute")
    (measured,) = json.loads(installation.coursehub(*words, "--json"))
    ((_, used),) = prometheus.some('max(container_memory_working_set_bytes{pod="jupyter-maria"})')
    assert (measured["course"], measured["role"]) == ("python-intro", "student")
    # The spawn test's may be among them.
    assert measured["servers"] >= 1
    assert used / 4 < measured["memory"] <= measured["most_memory"] < used * 4
    assert 0 < measured["cpu"] <= measured["most_cpu"] < 2.5
    suggested = yaml.safe_load(installation.coursehub(*words, "--suggest"))
    assert suggested["courses"]["python-intro"]["resources"] == measured["resources"]


def test_a_token_that_reads_metrics_is_needed(installation: Installation, log_in: LogIn) -> None:
    answer = log_in("maria").client.get("/hub/metrics")
    assert answer.status_code == 403
