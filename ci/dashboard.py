"""The Grafana dashboard as code: python -m ci.dashboard [--check]

chart/files/dashboard.json comes from the rows below: courses, pods, nodes. Its queries ask the hub's own metrics, what
kubelet says of containers (/metrics/cadvisor), and node-exporter; nothing else has to run.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OUT = Path(__file__).resolve().parent.parent / "chart/files/dashboard.json"
_WIDTH, _HEIGHT = 8, 8
_SOURCE = {"type": "prometheus", "uid": "${source}"}
# Of the release that is looked at, and of the pods in its namespace.
_HUB = 'job="coursehub-hub", namespace="$namespace"'
# Of whole pods: every kubelet says whose they are, and containers have no name where it does not know the runtime.
_SERVERS = 'namespace="$namespace", pod=~"jupyter-.+", container=""'
_OTHERS = 'namespace=~"$namespace(-storage)?", pod!~"|jupyter-.+", container=""'
_DISKS = '{mountpoint="/"}'


@dataclass(frozen=True)
class Panel:
    """A graph over time of each query, which is named by its legend; `now`: a number or a table of the present."""

    title: str
    queries: dict[str, str]
    unit: str = "short"
    now: bool = False


def _hub(name: str, more: str = "") -> str:
    return f"{name}{{{_HUB}{', ' if more else ''}{more}}}"


def _share(quantile: float, name: str, by: str, more: str = "") -> str:
    bucket = _hub(f"{name}_bucket", more)
    return f"histogram_quantile({quantile}, sum by ({by}) (rate({bucket}[$__rate_interval])))"


def _increase(name: str, by: str, more: str = "") -> str:
    return f"sum by ({by}) (increase({_hub(name, more)}[1h]))"


_STARTED = ("jupyterhub_server_spawn_duration_seconds", "le", 'status="success"')
ROWS: dict[str, tuple[Panel, ...]] = {
    "Courses": (
        Panel("Servers that run", {"servers": _hub("jupyterhub_running_servers")}),
        Panel(
            "Starts in an hour, by course", {"{{course}} {{role}}": _increase("coursehub_spawns_total", "course, role")}
        ),
        Panel(
            "Refused in an hour, by course and reason",
            {"{{course}} {{reason}}": _increase("coursehub_refusals_total", "course, reason")},
        ),
        Panel(
            "How long a start takes",
            {"half of them": _share(0.5, *_STARTED), "nine of ten": _share(0.9, *_STARTED)},
            "s",
        ),
        Panel(
            "Of which in the hub, by step (nine of ten)",
            {"{{step}}": _share(0.9, "coursehub_hook_seconds", "step, le")},
            "s",
        ),
        Panel(
            "Failed in an hour, by step",
            {"{{step}}": _increase("coursehub_hook_seconds_count", "step", 'outcome="failed"')},
        ),
        Panel(
            "Course files",
            {
                "live courses": _hub("coursehub_courses"),
                "mistakes": _hub("coursehub_course_file_problems"),
                "generation": _hub("coursehub_courses_generation"),
            },
            now=True,
        ),
        Panel(
            "The spawn test: 1 is well",
            {"{{course}}": _hub("coursehub_spawn_test_success")},
            now=True,
        ),
        Panel(
            "Room used by a course",
            {"{{course}}": f"{_hub('coursehub_course_usage_bytes')} / {_hub('coursehub_course_limit_bytes')}"},
            "percentunit",
        ),
    ),
    "Pods": (
        Panel(
            "Memory of all servers",
            {"servers": f"sum(container_memory_working_set_bytes{{{_SERVERS}}})"},
            "bytes",
        ),
        Panel(
            "CPU of all servers",
            {"servers": f"sum(rate(container_cpu_usage_seconds_total{{{_SERVERS}}}[$__rate_interval]))"},
        ),
        Panel(
            "The ten servers with the most memory",
            {"{{pod}}": f"topk(10, max by (pod) (container_memory_working_set_bytes{{{_SERVERS}}}))"},
            "bytes",
        ),
        Panel(
            "Memory of the hub, the proxy and others",
            {"{{pod}}": f"max by (pod) (container_memory_working_set_bytes{{{_OTHERS}}})"},
            "bytes",
        ),
        Panel(
            "CPU of the hub, the proxy and others",
            {"{{pod}}": f"max by (pod) (rate(container_cpu_usage_seconds_total{{{_OTHERS}}}[$__rate_interval]))"},
        ),
        Panel(
            "How long the hub stops for others (99 of 100)",
            {"event loop": _share(0.99, "jupyterhub_event_loop_interval_seconds", "le")},
            "s",
        ),
    ),
    "Nodes": (
        Panel(
            "CPU in use",
            {"{{instance}}": '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))'},
            "percentunit",
        ),
        Panel(
            "Memory in use",
            {"{{instance}}": "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes"},
            "percentunit",
        ),
        Panel(
            "Disk in use",
            {"{{instance}}": f"1 - node_filesystem_avail_bytes{_DISKS} / node_filesystem_size_bytes{_DISKS}"},
            "percentunit",
        ),
    ),
}


def dashboard() -> dict[str, Any]:
    """What Grafana imports."""
    return {
        "uid": "coursehub",
        "title": "coursehub",
        "tags": ["jupyterhub"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": list(_variables())},
        "panels": list(_panels()),
    }


def _variables() -> Iterator[dict[str, Any]]:
    yield {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    query = 'label_values(jupyterhub_running_servers{job="coursehub-hub"}, namespace)'
    yield {"name": "namespace", "type": "query", "datasource": _SOURCE, "query": query, "refresh": 2}


def _panels() -> Iterator[dict[str, Any]]:
    number, top = 0, 0
    for title, panels in ROWS.items():
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "gridPos": {"x": 0, "y": top, "w": 24, "h": 1},
            "panels": [],
        }
        top += 1
        for place, panel in enumerate(panels):
            number += 1
            line, column = divmod(place, 24 // _WIDTH)
            where = {"x": column * _WIDTH, "y": top + line * _HEIGHT, "w": _WIDTH, "h": _HEIGHT}
            yield _panel(panel, number) | {"gridPos": where}
        top += -(-len(panels) // (24 // _WIDTH)) * _HEIGHT


def _panel(panel: Panel, number: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": "stat" if panel.now else "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": _SOURCE, "expr": query, "legendFormat": legend}
            for place, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def main() -> int:
    """0 fine, 1 out of date."""
    parser = argparse.ArgumentParser(prog="python -m ci.dashboard", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether it is up to date")
    text = json.dumps(dashboard(), indent=1) + "\n"
    if parser.parse_args().check:
        if not OUT.exists() or OUT.read_text() != text:
            print("chart/files/dashboard.json is out of date; run `make docs` and commit it", file=sys.stderr)
            return 1
    else:
        OUT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
