"""`coursehub classes`: what is held, in which order, when the most people come at once, and whether there is room."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from coursehub.cli import common, kubectl

from tests.support import COURSES
from tests.unit.cli.command import run
from tests.unit.servers.test_room import node, pod

TERM = """\
courses:
  intro:
    name: Introduction
    open: 2026-09-01
    close: 2026-12-31
    classes:
      - {day: mon, from: "10:15", until: "12:00", expected: 120, except: [2026-10-26]}
      - {date: 2026-10-20, from: "08:15", until: "10:00", expected: 40}
  lab: {name: Lab, classes: [{day: mon, from: "10:15", until: "11:45", expected: 30}]}
  later: {name: Later, open: 2026-11-02, classes: [{day: mon, from: "11:00", until: "12:00", expected: 5}]}
"""
FILES = ("--site", "site.yaml", "term.yaml")


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no kubectl; `cluster` goes over it."""
    monkeypatch.setenv("PATH", "")


def cluster(monkeypatch: pytest.MonkeyPatch, *nodes: Any, pods: Any = ()) -> None:
    """What kubectl sees."""
    there = {"nodes": list(nodes), "pods": list(pods)}
    monkeypatch.setattr(kubectl, "look", lambda _namespace, kind, *_options: there[kind])


def server(slug: str, role: str, memory: str = "1Gi") -> dict[str, Any]:
    """A pod of this installation that runs on the node `a`."""
    labels = {"coursehub/course": slug, "coursehub/role": role}
    return pod(0.1, memory, on="a") | {"metadata": {"namespace": "coursehub", "labels": labels}}


@pytest.fixture
def term(files: Path) -> Path:
    """A site and its courses with classes."""
    (files / "term.yaml").write_text(TERM)
    return files


def test_two_days_in_the_order_of_time_and_when_the_most_come(term: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("classes", "--from", "2026-10-19", *FILES) == 0
    assert capsys.readouterr().out == (
        "day                   from   until  expected  at once  course\n"
        "Monday 2026-10-19     10:15  11:45        30      150  lab\n"
        "Monday 2026-10-19     10:15  12:00       120      150  intro\n"
        "Tuesday 2026-10-20    08:15  10:00        40       40  intro\n"
        "most at once: 150, Monday 2026-10-19 10:15 to 11:45\n"
    )


def test_a_week_is_a_table_by_the_hour_also_where_clocks_change(term: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("classes", "--week", "--from", "2026-10-20", *FILES) == 0
    assert capsys.readouterr().out == (
        "       Tue 10-20  Wed 10-21  Thu 10-22  Fri 10-23  Sat 10-24  Sun 10-25  Mon 10-26\n"
        "08:00         40          -          -          -          -          -          -\n"
        "09:00         40          -          -          -          -          -          -\n"
        "10:00          -          -          -          -          -          -         30\n"
        "11:00          -          -          -          -          -          -         30\n"
        "most at once: 40, Tuesday 2026-10-20 08:15 to 10:00\n"
    )


def test_a_script_gets_the_same_as_json(term: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("classes", "--json", "--from", "2026-10-25", *FILES) == 0
    lab = {"from": "2026-10-26T10:15+02:00", "until": "2026-10-26T11:45+02:00", "expected": 30}
    assert json.loads(capsys.readouterr().out) == {
        "timezone": "Europe/Helsinki",
        "from": "2026-10-25",
        "through": "2026-10-26",
        "classes": [{"course": "lab", **lab, "atOnce": 30, "room": None}],
        "most": lab,
    }


def test_without_a_day_it_is_today_at_the_site(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(datetime):
        """An hour at which it is the next day in Helsinki."""

        @classmethod
        def now(cls, tz: object = None) -> "Late":
            return cls(2026, 10, 18, 22, tzinfo=UTC)

    monkeypatch.setattr(common, "datetime", Late)
    (files / "term.yaml").write_text(TERM)
    assert run("classes", *FILES) == 0
    assert "\nMonday 2026-10-19  " in capsys.readouterr().out


@pytest.mark.parametrize("week", [(), ("--week",)], ids=["list", "table"])
def test_without_a_class_it_says_so(files: Path, capsys: pytest.CaptureFixture[str], week: tuple[str, ...]) -> None:
    (files / "term.yaml").write_text(COURSES)
    assert run("classes", *week, "--from", "2026-10-19", *FILES) == 0
    last = "2026-10-25" if week else "2026-10-20"
    assert capsys.readouterr().out == f"no class from 2026-10-19 through {last}\n"
    assert run("classes", *week, "--json", "--from", "2026-10-19", *FILES) == 0
    assert json.loads(capsys.readouterr().out)["most"] is None


@pytest.mark.parametrize("day", ["tomorrow", "0001-01-01", "9999-12-31", "2026-02-30"])
def test_another_word_than_a_day_is_wrong_usage(term: Path, capsys: pytest.CaptureFixture[str], day: str) -> None:
    assert run("classes", "--from", day, *FILES) == 2
    assert f"{day!r} is no day from 2000 to 2999; write one as 2027-01-11" in capsys.readouterr().err


def test_a_file_with_a_mistake_is_told_with_its_place(term: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (term / "term.yaml").write_text(TERM.replace("day: mon", "day: moon", 1))
    assert run("classes", *FILES) == 1
    assert capsys.readouterr().err.startswith("term.yaml:7:15: course 'intro': classes.0.day: write 'mon', ")


def test_it_says_for_how_many_of_each_class_nodes_have_room(
    term: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # 101 servers of 512M; of 150 people 49 have no room.
    cluster(monkeypatch, node("a", "32", "25600Mi"), node("b", "32", "26112Mi"))
    assert run("classes", "--from", "2026-10-19", *FILES) == 1
    assert capsys.readouterr().out == (
        "day                   from   until  expected  at once  room  course\n"
        "Monday 2026-10-19     10:15  11:45        30      150    30  lab\n"
        "Monday 2026-10-19     10:15  12:00       120      150    71  intro\n"
        "Tuesday 2026-10-20    08:15  10:00        40       40    40  intro\n"
        "most at once: 150, Monday 2026-10-19 10:15 to 11:45\n"
        "intro, Monday 2026-10-19 10:15: 49 of 120 have no room; add nodes before, or lower the course's guarantee\n"
    )


def test_with_an_autoscaler_it_is_no_problem_and_said_all_the_same(
    term: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster(monkeypatch)
    with (term / "site.yaml").open("a") as site:
        site.write("classes: {autoscaler: true}\n")
    assert run("classes", "--week", "--from", "2026-10-20", *FILES) == 0
    assert capsys.readouterr().out.endswith(
        "intro, Tuesday 2026-10-20 08:15: 40 of 40 have no room on the nodes of now; the autoscaler has to add some\n"
        "lab, Monday 2026-10-26 10:15: 30 of 30 have no room on the nodes of now; the autoscaler has to add some\n"
    )


def test_servers_of_other_courses_are_in_the_way_and_the_classs_own_and_placeholders_are_not(
    term: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = node("a", "8", "21Gi")
    give_way = [server("intro", "student"), server("lab", "placeholder")]
    cluster(monkeypatch, there, pods=give_way)
    assert run("classes", "--from", "2026-10-20", *FILES) == 0
    assert capsys.readouterr().out.endswith("the nodes have room for all of them\n")
    taken = [server("intro", "instructor"), server("lab", "student")]
    cluster(monkeypatch, there, pods=[*give_way, *taken])
    assert run("classes", "--from", "2026-10-20", *FILES) == 1
    assert "intro, Tuesday 2026-10-20 08:15: 2 of 40 have no room; " in capsys.readouterr().out


def test_the_sites_own_nodes_for_servers_are_those_that_count(
    term: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    taints = [{"key": "hub.jupyter.org/dedicated", "value": "user", "effect": "NoSchedule"}]
    labels = {"hub.jupyter.org/node-purpose": "user", "for": "teaching"}
    cluster(monkeypatch, node("core", "64", "256Gi"), node("a", "64", "5Gi", taints=taints, labels=labels))
    with (term / "site.yaml").open("a") as site:
        site.write(
            "jupyterhub:\n  singleuser: {nodeSelector: {for: teaching}}\n"
            "  scheduling: {userPods: {nodeAffinity: {matchNodePurpose: require}}}\n"
        )
    assert run("classes", "--from", "2026-10-20", *FILES) == 1
    assert "30 of 40 have no room; " in capsys.readouterr().out


def test_where_no_cluster_can_be_looked_at_the_files_say_the_rest(
    term: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("classes", "--from", "2026-10-20", *FILES) == 0
    said = capsys.readouterr()
    assert "10:00        40       40  intro\n" in said.out
    assert said.err == "coursehub: whether nodes have room is not known: kubectl is not on the PATH; install it\n"
    assert run("classes", "--no-room", "--from", "2026-10-20", *FILES) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(kubectl, "look", lambda *_: None)
    assert run("classes", "--from", "2026-10-20", *FILES) == 0
    assert "this account may not list nodes, and pods of all namespaces" in capsys.readouterr().err
