"""`coursehub resources`: a Prometheus is asked over HTTP; what it lacks is said with what to do."""

import json
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from coursehub.cli import main

MIB = 2**20


class Prometheus:
    """Answers queries as Prometheus does: with the first of `answers` whose words are all in the query."""

    def __init__(self) -> None:
        self.answers: list[tuple[tuple[str, ...], list[tuple[str, str, float]]]] = []
        self.raw: tuple[int, str] | None = None
        self.queries: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                (query,) = urllib.parse.parse_qs(body)["query"]
                outer.queries.append(query)
                status, text = outer.raw or (200, outer.answer(query))
                self.send_response(status if self.path == "/api/v1/query" else 404)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, query: str) -> str:
        """The vector for a query; empty where there is none."""
        rows = next((rows for words, rows in self.answers if all(word in query for word in words)), [])
        # As Prometheus has it, an empty label is no label.
        result = [
            {
                "metric": {key: value for key, value in (("course", course), ("role", role)) if value},
                "value": [1788950000.1, str(value)],
            }
            for course, role, value in rows
        ]
        return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    """One that has nothing yet."""
    found = Prometheus()
    yield found
    found.server.shutdown()
    found.server.server_close()


def watched(prometheus: Prometheus) -> None:
    """It has measured one course and general use."""
    students, general = ("python-intro", "student"), ("", "general")
    prometheus.answers = [
        (("count by",), [(*students, 23), (*general, 7)]),
        (("quantile", "cpu"), [(*students, 0.31), (*general, 0.05)]),
        (("quantile", "memory"), [(*students, 1200 * MIB), (*general, 150 * MIB)]),
        (("max by (course, role)", "cpu"), [(*students, 1.7), (*general, 1)]),
        (("max by (course, role)", "memory"), [(*students, 2900 * MIB), (*general, 512 * MIB)]),
    ]


def run(prometheus: Prometheus, *arguments: str) -> int:
    """The exit code of `coursehub resources`."""
    return main.main(["resources", "--prometheus", prometheus.url, *arguments])


def test_what_was_measured_is_suggested(prometheus: Prometheus, capsys: pytest.CaptureFixture[str]) -> None:
    watched(prometheus)
    assert run(prometheus, "--suggest") == 0
    assert capsys.readouterr().out == (
        "courses:\n"
        "  python-intro:\n"
        "    # students, 23 servers in 14 days: 95 % within 0.31 CPU and 1200M, the most 1.70 CPU and 2900M\n"
        "    resources: {cpu: 2.5, memory: 3840M, guarantee: {cpu: 0.35, memory: 1216M}}\n"
        "general:\n"
        "  # general use, 7 servers in 14 days: 95 % within 0.05 CPU and 150M, the most 1.00 CPU and 512M\n"
        "  resources: {cpu: 1.5, memory: 768M, guarantee: {cpu: 0.05, memory: 192M}}\n"
    )


def test_without_suggest_it_is_a_line_for_each(prometheus: Prometheus, capsys: pytest.CaptureFixture[str]) -> None:
    watched(prometheus)
    assert run(prometheus) == 0
    assert capsys.readouterr().out.splitlines() == [
        "general use, 7 servers in 14 days: 95 % within 0.05 CPU and 150M, the most 1.00 CPU and 512M",
        "python-intro (student), 23 servers in 14 days: 95 % within 0.31 CPU and 1200M, the most 1.70 CPU and 2900M",
    ]


def test_as_json_a_script_finds_both(prometheus: Prometheus, capsys: pytest.CaptureFixture[str]) -> None:
    watched(prometheus)
    assert run(prometheus, "--json") == 0
    first: dict[str, Any] = json.loads(capsys.readouterr().out)[0]
    assert (first["course"], first["servers"], first["cpu"]) == ("python-intro", 23, 0.31)
    assert first["resources"]["guarantee"] == {"cpu": 0.35, "memory": "1216M"}


def test_a_course_whose_cpu_is_not_known_yet_is_no_course_that_needs_none(
    prometheus: Prometheus, capsys: pytest.CaptureFixture[str]
) -> None:
    watched(prometheus)
    prometheus.answers = [(words, rows) for words, rows in prometheus.answers if "cpu" not in words]
    prometheus.answers.append((("count(last_over_time(",), [("", "", 5.0)]))
    assert run(prometheus, "--suggest") == 1
    assert "was measured in the last 14 days" in capsys.readouterr().err


@pytest.mark.parametrize(("days", "span"), [("1", "[1d:1m]"), ("14", "[14d:5m]"), ("120", "[120d:43m]")])
def test_days_namespace_and_course_are_in_each_question(prometheus: Prometheus, days: str, span: str) -> None:
    watched(prometheus)
    assert run(prometheus, "--days", days, "--namespace", "teaching", "--course", "python-intro") == 0
    for query in prometheus.queries:
        for words in (span, 'namespace="teaching"', 'server_namespace="teaching"', 'course="python-intro"'):
            assert words in query


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        pytest.param(
            [],
            "has no container_memory_working_set_bytes of servers in namespace coursehub; have it scrape",
            id="nodes",
        ),
        pytest.param(
            [(("count(last_over_time(container",), [("", "", 5.0)])],
            "has no coursehub_server_info of namespace coursehub; have it scrape the hub's /hub/metrics",
            id="hub",
        ),
        pytest.param(
            [(("count(last_over_time(",), [("", "", 5.0)])],
            "no server of python-intro was measured in the last 14 days; ask for more --days, or later",
            id="servers",
        ),
    ],
)
def test_what_was_not_measured_is_said_with_what_to_do(
    prometheus: Prometheus, capsys: pytest.CaptureFixture[str], answers: Any, message: str
) -> None:
    prometheus.answers = answers
    assert run(prometheus, "--suggest", "--course", "python-intro") == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "text", "message"),
    [
        pytest.param(
            400, '{"status": "error", "error": "too many samples"}', "refused the question: too many", id="no"
        ),
        pytest.param(502, "<html>", "refused the question: HTTP 502", id="a proxy's page"),
        pytest.param(200, "<html>", "no Prometheus answers at", id="a page"),
        pytest.param(200, "[]", "answers, but not as a Prometheus does", id="another service"),
        pytest.param(200, '{"data": {"result": [1]}}', "answers, but not as a Prometheus does", id="another shape"),
    ],
)
def test_what_is_no_prometheus_is_a_sentence(
    prometheus: Prometheus, capsys: pytest.CaptureFixture[str], status: int, text: str, message: str
) -> None:
    prometheus.raw = (status, text)
    assert run(prometheus, "--suggest") == 1
    assert message in capsys.readouterr().err


def test_where_nobody_listens_the_way_to_a_prometheus_in_the_cluster_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main.main(["resources", "--suggest", "--prometheus", "http://127.0.0.1:9"]) == 1
    output = capsys.readouterr().err
    assert output.startswith("coursehub: no Prometheus answers at http://127.0.0.1:9 (")
    assert "port-forward" in output
