"""Who must not get a server gets a sentence, and the hub does not notice otherwise."""

import os
from collections.abc import Callable

import pytest

from .cluster import Installation
from .person import Person, said

LogIn = Callable[[str], Person]
NOT_LISTED = "You are not on the list of 'Data Analysis'"


def by_form(person: Person, profile: str) -> str:
    answer = person.choose(profile)
    if answer.url.path.startswith("/hub/spawn-pending"):
        return str(person.progress())
    return said(answer)


def by_rest(person: Person, profile: str) -> str:
    answer = person.api("POST", f"/users/{person.name}/server", {"profile": profile})
    return str(person.progress()) if answer.status_code == 202 else said(answer)


def by_link(person: Person, profile: str) -> str:
    return said(person.form(f"?profile={profile}"))


@pytest.mark.parametrize("ask", [by_form, by_rest, by_link])
def test_a_private_course_is_refused_to_a_non_member(
    ask: Callable[[Person, str], str], log_in: LogIn, installation: Installation
) -> None:
    """P1, P3"""
    emma = log_in("emma")
    assert NOT_LISTED in ask(emma, "data-analysis")
    assert installation.pod_of("emma") is None


@pytest.mark.parametrize("ask", [by_form, by_rest, by_link])
def test_the_instructor_role_is_refused_to_a_student(
    ask: Callable[[Person, str], str], log_in: LogIn, installation: Installation
) -> None:
    """P2"""
    maria = log_in("maria")
    assert "You are not an instructor of 'Introduction to Programming'" in ask(maria, "python-intro--instructor")
    assert installation.pod_of("maria") is None


def test_an_archived_course_is_refused_to_students(log_in: LogIn, installation: Installation) -> None:
    maria = log_in("maria")
    assert "python-intro-2024" not in maria.choices()
    for ask in (by_form, by_rest, by_link):
        assert "has been archived since 2025-06-30" in ask(maria, "python-intro-2024"), ask.__name__
    assert installation.pod_of("maria") is None


def test_a_stranger_reads_why_there_is_no_server(log_in: LogIn, installation: Installation) -> None:
    """I1"""
    viktor = log_in("viktor")
    sentence = "The account 'viktor' is not known in the university's directory"
    assert sentence in said(viktor.form())
    for ask in (by_form, by_rest):
        assert sentence in ask(viktor, "general"), ask.__name__
    assert installation.pod_of("viktor") is None


def test_no_profile_at_all_is_general_use(log_in: LogIn) -> None:
    """P5"""
    emma = log_in("emma")
    emma.api("POST", "/users/emma/server", {})
    emma.wait()
    assert emma.terminal("id -G; ls -d /course /coursedata 2>/dev/null") == "20003 70001"


def test_ten_refusals_leave_the_hub_as_it_is_while_another_student_starts(
    log_in: LogIn, installation: Installation
) -> None:
    """P1, P6"""
    before = installation.hub()
    emma, jonas = log_in("emma"), log_in("jonas")
    jonas.choose("data-analysis")
    for attempt in range(10):
        ask = (by_form, by_rest)[attempt % 2]
        assert NOT_LISTED in ask(emma, "data-analysis")
    jonas.wait()
    assert jonas.terminal("id -u") == "20002"
    assert installation.hub() == before
    assert installation.pod_of("emma") is None


def test_the_running_hub_has_no_failure_limit(installation: Installation) -> None:
    limit = "import z2jh; print(z2jh.get_config('hub.consecutiveFailureLimit'))"
    script = f"import sys; sys.path.insert(0, '/usr/local/etc/jupyterhub'); {limit}"
    assert installation.kubectl("exec", "deployment/hub", "--", "python3", "-c", script).split()[-1] == "0"


def test_a_home_of_another_uid_is_refused(log_in: LogIn, installation: Installation) -> None:
    """I5"""
    emma = log_in("emma")
    home = installation.share / "home/03/emma"
    os.chown(home, 20099, 20003)
    try:
        assert "belongs to uid 20099" in by_rest(emma, "general")
        assert installation.pod_of("emma") is None
    finally:
        os.chown(home, 20003, 20003)


def test_the_namespace_refuses_what_is_not_restricted(installation: Installation) -> None:
    labels = installation.kubectl("get", "namespace", installation.namespace, "--output", "jsonpath={.metadata.labels}")
    assert '"pod-security.kubernetes.io/enforce":"restricted"' in labels
    refusal = installation.kubectl("run", "root", "--image=any", "--dry-run=server", check=False)
    assert 'violates PodSecurity "restricted' in refusal
