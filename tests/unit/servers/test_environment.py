"""What a course file says reaches its servers byte for byte: no template, variable or shell makes anything of it."""

import asyncio
import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
import yaml
from coursehub.config import catalog as courses
from coursehub.config.catalog import Catalog
from coursehub.config.languages import LANGUAGES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from traitlets import HasTraits, List
from traitlets.config import Config

from tests import kubelet
from tests.support import ANNA, MARIA, site
from tests.unit.conftest import Spawner, hooks, start

SINGLEUSER = Path(__file__).parents[3] / "images/singleuser"
NBGRADER = SINGLEUSER / "rootfs/etc/jupyter/nbgrader_config.py"
STUBS: dict[str, str] = runpy.run_path(str(SINGLEUSER / "nbgrader_stubs.py"))["STUBS"]
Test = TypeVar("Test", bound=Callable[..., Any])
NASTY = [
    "$(id>/x)",
    "`id`",
    "'; id; '",
    '"; id; "',
    "a\nb\r\n",
    "$(HOME)$$(HOME)$$$(HOME)",
    "$",
    "$$",
    "$(",
    "$(HOME",
    "${HOME}",
    "{x}",
    "{unescaped_username.__class__}",
    "{0}",
    "{",
    "}",
    "{{7*7}}",
    "{% raw %}",
    "%s %(x)s %",
    "\\n",
    "ends in -",
    "--",
    "",
]
# YAML holds no other characters, and NUL ends a variable.
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]) | st.sampled_from("\t\n"), max_size=60)
tricky = texts | st.text("${}()% \n'\"`\\HOME-", max_size=30)
some = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("$(A)", "1"),
        ("$$(A)_$(A)", "$(A)_1"),
        ("$$$$$$$(A)", "$$$1"),
        ("$$$$$$(A)", "$$$(A)"),
        ("$(NONE)", "$(NONE)"),
        ("$(x$$y)", "$(x$$y)"),
        ("$(A$(A))", "$(A$(A))"),
        ("$A ${A} $? $", "$A ${A} $? $"),
        ("$(A)___$(B", "1___$(B"),
        ("--$($($(--", "--$($($(--"),
        ("$()", "$()"),
        ("\n$(A)\n", "\n1\n"),
    ],
)
def test_these_tests_expand_as_kubelet_does(text: str, wanted: str) -> None:
    assert kubelet.expanded(text, {"A": "1"}) == wanted


def catalog(**keys: object) -> Catalog:
    """One course with these keys, written and read as YAML."""
    given = {"courses": {"c": {"name": "C", "students": "everyone", "instructors": ["anna"], **keys}}}
    loaded = courses.load([("courses.yaml", yaml.safe_dump(given, allow_unicode=True))], site())
    assert not loaded.problems, loaded.problems
    return loaded.catalog


def seen(spawner: Spawner, live: Catalog, profile: str = "c") -> dict[str, str]:
    """What the server's container sees."""
    person = MARIA if profile == "c" else ANNA
    pod = asyncio.run(start(hooks(live), spawner(person, profile)))
    (container,) = pod["spec"]["containers"]
    return kubelet.environment(container["env"])


def each(nasty: list[str]) -> Callable[[Test], Test]:
    """Tries each of these first."""

    def decorate(test: Test) -> Test:
        for text in nasty:
            test = example(text)(test)
        return test

    return decorate


@some
@each(NASTY)
@given(tricky)
def test_y19_y20_a_variable_is_seen_as_it_is_written(spawner: Spawner, text: str) -> None:
    live = catalog(environment={"COURSE_A": "first", "COURSE_TEXT": text, "COURSE_Z": f"$(COURSE_A){text}"})
    found = seen(spawner, live)
    assert (found["COURSE_TEXT"], found["COURSE_Z"]) == (text, f"$(COURSE_A){text}")
    assert found["HOME"] == "/home/maria"


@some
@each(NASTY)
@given(tricky)
def test_y19_y20_nbgrader_in_the_container_is_told_what_is_written(spawner: Spawner, text: str) -> None:
    live = catalog(nbgrader={"code_stub": {"python": text, "R": text[::-1]}, "text_stub": text, "execute_timeout": 60})
    c = nbgrader(seen(spawner, live, "c--instructor"))
    assert c.ClearSolutions.code_stub == {**STUBS, "python": text, "R": text[::-1]}
    assert c.ClearSolutions.text_stub == text
    assert c.ExecutePreprocessor.timeout == 60
    assert c.CourseDirectory.course_id == "c"
    assert c.Autograde.sanitize_preprocessors == [dict, "nbgrader_handed_in.Restored"]
    steps = [dict, "nbgrader_execute.ExecuteApart", "nbgrader_handed_in.Save"]
    assert c.Autograde.autograde_preprocessors == steps


def test_g17_each_language_that_a_course_can_name_has_a_stub_in_the_image_and_no_other() -> None:
    assert set(STUBS) == set(LANGUAGES)


@pytest.mark.parametrize(
    ("keys", "zone"),
    [
        pytest.param({}, str(site().timezone), id="the site's"),
        pytest.param({"timezone": "Asia/Tokyo"}, "Asia/Tokyo", id="the course's"),
    ],
)
def test_g2_people_see_the_courses_zone_else_the_sites(spawner: Spawner, keys: dict[str, str], zone: str) -> None:
    for role in ("c", "c--instructor", "c--grading"):
        c = nbgrader(seen(spawner, catalog(gid=70101, nbgrader=keys), role))
        assert c.NbGraderAPI.timezone == zone
        assert "timezone" not in c.Exchange, "the exchange has another zone than UTC"


def test_g10_late_work_counts_alike_in_all_roles(spawner: Spawner) -> None:
    for role in ("c", "c--instructor", "c--grading"):
        assert (
            nbgrader(
                seen(spawner, catalog(gid=70101, nbgrader={"late": "zero"}), role)
            ).LateSubmissionPlugin.penalty_method
            == "zero"
        )


class Execute:
    """One of the steps of autograding."""


class SaveAutoGrades:
    """Another."""


class Autograde(HasTraits):
    """As much of nbgrader's as the configuration looks at."""

    sanitize_preprocessors = List([dict])
    autograde_preprocessors = List([dict, Execute, SaveAutoGrades])


def nbgrader(environment: dict[str, str]) -> Config:
    """nbgrader's configuration in the image, read in a container with this environment."""
    c = Config()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SINGLEUSER)
        patch.setitem(sys.modules, "nbgrader.converters", SimpleNamespace(Autograde=Autograde))
        patch.setitem(sys.modules, "nbgrader", SimpleNamespace())
        patch.setattr("coursehub_process.home", lambda: environment["HOME"])
        patch.setattr("os.environ", environment)
        exec(compile(NBGRADER.read_text(), NBGRADER, "exec"), {"get_config": lambda: c})  # noqa: S102 - the image's own
    return c


def test_nbgrader_is_told_of_a_gradebook_that_is_a_database_and_not_of_its_address(spawner: Spawner) -> None:
    live = catalog(gid=70101, nbgrader={"gradebook": "postgresql"})
    assert nbgrader(seen(spawner, live, "c--instructor")).CourseDirectory.db_url == "postgresql:"
    assert "db_url" not in nbgrader(seen(spawner, catalog(gid=70101), "c--instructor")).CourseDirectory


def test_y20_the_largest_stubs_fit_into_one_variable(spawner: Spawner) -> None:
    stubs = dict.fromkeys(sorted(LANGUAGES, key=len)[-8:], "\U0001f600" * 1000)
    live = catalog(nbgrader={"code_stub": stubs, "text_stub": "\U0001f600" * 1000})
    found = seen(spawner, live, "c--instructor")["COURSEHUB_NBGRADER"]
    assert json.loads(found)["ClearSolutions"]["code_stub"] == stubs
    # Linux takes no longer one: MAX_ARG_STRLEN.
    assert len(f"COURSEHUB_NBGRADER={found}") < 128 * 1024


@some
@each(NASTY)
@given(tricky)
def test_y19_no_name_or_description_of_a_course_is_anywhere_in_a_pod_or_stops_a_start(
    spawner: Spawner, text: str
) -> None:
    words = "Course " + " ".join(text.split())[:100] + " |"
    named = asyncio.run(start(hooks(catalog(name=words, description=words)), spawner(MARIA, "c")))
    assert named == asyncio.run(start(hooks(catalog()), spawner(MARIA, "c")))
