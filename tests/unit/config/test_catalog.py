"""The course file: one bad course never takes the others down, and every mistake has its place and remedy."""

import re
from datetime import date, time
from pathlib import Path

import pytest
import yaml
from coursehub.config import catalog as courses
from coursehub.config.catalog import Catalog, Loaded
from coursehub.config.course import Course
from coursehub.config.languages import LANGUAGES
from coursehub.names import PERSON_RULE
from coursehub.person import Group, Person
from hypothesis import assume, given
from hypothesis import strategies as st
from kubespawner import KubeSpawner

from tests.support import ANNA, COURSES, JONAS, MARIA, PETER, SITE, SOFIA, TODAY, catalog, course, site

KEYS = ", ".join(sorted(set(Course.model_fields) - {"slug"}))
RANGE = "courseGids: {minimum: 70100, maximum: 79999}\n"
GOOD = "courses:\n  good: {name: Good}\n"


def load(text: str, last: Catalog | None = None) -> Loaded:
    return courses.load([("courses.yaml", text)], site(), last)


def with_keys(keys: str) -> str:
    return GOOD + f"  bad: {{name: Bad, {keys}}}\n"


def test_a_course_is_read_with_all_its_keys() -> None:
    read = course(
        """
        description: For those who begin
        gid: 70101
        instructors: [anna, "@teaching-assistants"]
        students: [maria, "@python-intro"]
        open: 2026-09-01
        close: 2026-12-31
        archive: 2027-06-30
        classes:
          - {day: mon, from: "10:15", until: "12:00", expected: 120, except: [2026-12-21]}
          - {date: 2026-12-04, from: "14:15", until: "16:00", expected: 80}
        image: python
        resources: {cpu: 2, memory: 4G, scratch: 20G, guarantee: {cpu: 0.5}, node: gpu}
        data: read-only
        umask: "0022"
        cull: {idle: 30m, max_age: 8h}
        nbgrader:
          timezone: Europe/Helsinki
          late: zero
          execute_timeout: 240
          max_output_lines: 500
          code_stub: {python: "# here"}
          text_stub: Answer here
          gradebook: postgresql
        groups: {student: [licensed], instructor: [staff]}
        environment: {COURSE_TERM: autumn}
        instructor:
          image: r
          resources: {memory: 8G}
          cull: {idle: 2h}
          environment: {COURSE_TERM: always}
        """
    )
    assert read.model_dump() == {
        "name": "C",
        "description": "For those who begin",
        "gid": 70101,
        "instructors": ("anna", "@teaching-assistants"),
        "students": ("maria", "@python-intro"),
        "open": date(2026, 9, 1),
        "close": date(2026, 12, 31),
        "archive": date(2027, 6, 30),
        "classes": (
            {
                "day": "mon",
                "once": None,
                "start": time(10, 15),
                "until": time(12),
                "expected": 120,
                "left_out": (date(2026, 12, 21),),
            },
            {
                "day": None,
                "once": date(2026, 12, 4),
                "start": time(14, 15),
                "until": time(16),
                "expected": 80,
                "left_out": (),
            },
        ),
        "image": "python",
        "resources": {
            "cpu": 2.0,
            "memory": 4 * 2**30,
            "scratch": 20 * 2**30,
            "guarantee": {"cpu": 0.5, "memory": None, "scratch": None},
            "node": "gpu",
        },
        "data": "read-only",
        "umask": "0022",
        "cull": {"idle": 30 * 60, "max_age": 8 * 3600},
        "nbgrader": {
            "timezone": "Europe/Helsinki",
            "late": "zero",
            "execute_timeout": 240,
            "max_output_lines": 500,
            "code_stub": {"python": "# here"},
            "text_stub": "Answer here",
            "gradebook": "postgresql",
        },
        "groups": {"student": ("licensed",), "instructor": ("staff",)},
        "environment": {"COURSE_TERM": "autumn"},
        "instructor": {
            "image": "r",
            "resources": {
                "cpu": None,
                "memory": 8 * 2**30,
                "scratch": None,
                "guarantee": {"cpu": None, "memory": None, "scratch": None},
                "node": None,
            },
            "cull": {"idle": 2 * 3600, "max_age": None},
            "environment": {"COURSE_TERM": "always"},
        },
    }


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        pytest.param("nam: x", "3:20: course 'bad': unknown key 'nam'; did you mean 'name'?", id="misspelt key"),
        pytest.param(
            "colour: x",
            "3:20: course 'bad': unknown key 'colour'; known here: " + KEYS,
            id="unknown key",
        ),
        pytest.param("slug: x", "3:20: course 'bad': unknown key 'slug'; it is the key above", id="slug as a key"),
        pytest.param(
            "resources: {gpu: 1}", "3:32: course 'bad': unknown key 'gpu'; did you mean 'cpu'?", id="unknown resource"
        ),
        pytest.param(
            "resources: {guarantee: {disk: 1}}",
            "3:44: course 'bad': unknown key 'disk'; known here: cpu, memory, scratch",
            id="unknown guarantee",
        ),
        pytest.param(
            "gid: 70001",
            "3:25: course 'bad': gid: 70001 is the site's group 'teaching'; a course has its own",
            id="Y9 the site's group",
        ),
        pytest.param(
            "gid: 30001",
            "3:25: course 'bad': gid: 30001 is anna's own group; a course has its own",
            id="Y9 a person's group",
        ),
        pytest.param(
            'nbgrader: {code_stub: {C: "", R: "", go: "", lua: "", sas: "", sql: "", bash: "", java: "", ruby: ""}}',
            "3:42: course 'bad': nbgrader.code_stub: write 8 entries at most, not {'C': '', 'R': '', 'go': '', 'lua': "
            "'', 'sas': '', 'sql':...",
            id="Y20 more code stubs than languages",
        ),
        *(
            pytest.param(
                f"nbgrader: {{code_stub: {{{written}: x}}}}",
                f"3:{45 + len(written)}: course 'bad': nbgrader.code_stub.{written}: '{written}' is no language of "
                f"notebooks; {hint}known here: {', '.join(LANGUAGES)}",
                id=f"G17 {written} for a language",
            )
            for written, hint in (
                ("r", "did you mean 'R'? "),
                ("pyton", "did you mean 'python'? "),
                ("Python", "did you mean 'python'? "),
                ("xquery", ""),
            )
        ),
        *(
            pytest.param(
                f"nbgrader: {{late: {written}}}",
                f"3:37: course 'bad': nbgrader.late: write 'none' or 'zero', not {given}",
                id=f"G10 late: {written}",
            )
            for written, given in (("half", "'half'"), ("0", "0"), ("my_module.Plugin", "'my_module.Plugin'"))
        ),
        pytest.param("gid: 0", "3:25: course 'bad': gid: write 1000 or more, not 0", id="Y8 gid 0"),
        pytest.param("gid: 1", "3:25: course 'bad': gid: write 1000 or more, not 1", id="Y8 gid 1"),
        pytest.param("gid: 99", "3:25: course 'bad': gid: write 1000 or more, not 99", id="Y8 gid 99"),
        pytest.param("gid: '0'", "3:25: course 'bad': gid: write a whole number, not '0'", id="Y8 gid 0 as text"),
        pytest.param("gid: 1.0e+3", "3:25: course 'bad': gid: write a whole number, not 1000.0", id="Y8 gid 1.0e+3"),
        pytest.param("gid: [70200]", "3:25: course 'bad': gid: write a whole number, not [70200]", id="Y8 gid list"),
        pytest.param("gid: 100", "3:25: course 'bad': gid: write 1000 or more, not 100", id="Y8 gid 100"),
        pytest.param("gid: -1", "3:25: course 'bad': gid: write 1000 or more, not -1", id="Y8 gid -1"),
        pytest.param(
            "gid: 4294967296",
            "3:25: course 'bad': gid: write 2147483646 or less, not 4294967296",
            id="Y8 gid 2**32",
        ),
        pytest.param("gid: '70000'", "3:25: course 'bad': gid: write a whole number, not '70000'", id="Y8 gid as text"),
        pytest.param("gid: true", "3:25: course 'bad': gid: write a whole number, not True", id="Y8 gid true"),
        pytest.param("gid: 1e3", "3:25: course 'bad': gid: write a whole number, not '1e3'", id="Y8 gid 1e3"),
        pytest.param("gid: 0o17", "3:25: course 'bad': gid: write a whole number, not '0o17'", id="Y8 gid 0o17"),
        pytest.param(
            "gid: 017",
            "3:25: course 'bad': 017 is no plain number; write it in digits alone, or in quotes",
            id="Y8 gid 017",
        ),
        pytest.param(
            "students: all",
            "3:30: course 'bad': students: write 'everyone', not 'all'",
            id="another word than everyone",
        ),
        pytest.param(
            "students: null", "3:30: course 'bad': students: write a list as [one, two], not None", id="Y22 null"
        ),
        *(
            pytest.param(
                f"{key}: {written}",
                f"3:{25 + len(key) - 3}: course 'bad': {key}: write a list: {meant}",
                id=f"G15 {key}: {written}",
            )
            for key in ("students", "instructors")
            for written, meant in (
                ("maria", "[maria]"),
                ("maria.virtanen", "[maria.virtanen]"),
                ("maria jonas", "[maria, jonas]"),
                ("'maria, jonas'", "[maria, jonas]"),
                ("'@first-year'", '["@first-year"]'),
                ("'@Kurs Informatik 1, jonas'", '["@Kurs Informatik 1", jonas]'),
                ("5", '["5"]'),
                ("'no'", '["no"]'),
            )
        ),
        *(
            pytest.param(
                f"groups: {{{role}: licensed}}",
                f"3:{31 + len(role)}: course 'bad': groups.{role}: write a list: [licensed]",
                id=f"G15 groups of {role}",
            )
            for role in ("student", "instructor")
        ),
        pytest.param(
            "students: Everyone", "3:30: course 'bad': students: write 'everyone', not 'Everyone'", id="G15 everyone"
        ),
        pytest.param("students: true", "3:30: course 'bad': students: write a list as [one, two], not True", id="yes"),
        pytest.param(
            "students: ['*']",
            f"3:31: course 'bad': students.0: '*' is no login name: {PERSON_RULE}; write the name that the hub shows",
            id="Y22 star",
        ),
        pytest.param(
            "students: {maria: 1}",
            "3:30: course 'bad': students: write a list as [one, two], not {'maria': 1}",
            id="Y22 mapping",
        ),
        pytest.param(
            "students: [{maria: 1}]",
            "3:31: course 'bad': students.0: write text, not {'maria': 1}",
            id="Y22 mapping in the list",
        ),
        pytest.param("students: [null]", "3:31: course 'bad': students.0: write text, not None", id="Y22 null in it"),
        *(
            pytest.param(
                f'students: [maria, "{name}"]',
                f"3:38: course 'bad': students.1: {written!r} is no login name: {PERSON_RULE}; write the name "
                f"that the hub shows{hint}",
                id=f"Y22 {about}",
            )
            for about, name, written, hint in (
                ("upper case", "Maria", "Maria", ", 'maria'"),
                ("Cyrillic twin", "m\u0430ria", "m\u0430ria", ""),
                ("full width twin", "\uff4daria", "\uff4daria", ""),
                ("Kelvin twin", "mar\u212a", "mar\u212a", ""),
                ("a line's end", "maria\\n", "maria\n", ""),
                ("a space", "maria ", "maria ", ""),
            )
        ),
        pytest.param(
            "students: [7]", "3:31: course 'bad': students.0: write it in quotes, not 7", id="Y22 number in the list"
        ),
        pytest.param(
            "students: ['@a b', \"@a\\nb\"]",
            "3:39: course 'bad': students.1: '@a\\nb' is no group; write @ and the group's name as the directory "
            "has it",
            id="no group",
        ),
        pytest.param(
            "open: tomorrow", "3:26: course 'bad': open: write a day as 2026-09-01, not 'tomorrow'", id="no day"
        ),
        pytest.param(
            "open: 2026-09-01 10:00:00",
            "3:26: course 'bad': open: write a day as 2026-09-01, not 2026-09-01 10:00:00",
            id="a time of day",
        ),
        pytest.param(
            "open: 2026-09-02, close: 2026-09-01",
            "3:45: course 'bad': close (2026-09-01) is before open (2026-09-02); put the dates in order",
            id="closes before it opens",
        ),
        pytest.param(
            "open: 2026-09-02, archive: 2026-09-01",
            "3:47: course 'bad': archive (2026-09-01) is before open (2026-09-02); put the dates in order",
            id="archived before it opens",
        ),
        pytest.param(
            "archive: 2026-09-01, close: 2026-09-02",
            "3:29: course 'bad': archive (2026-09-01) is before close (2026-09-02); put the dates in order",
            id="archived before it closes, which stands behind",
        ),
        pytest.param(
            "image: perl",
            "3:27: course 'bad': image: the site has no image 'perl'; take one of: history, python, r",
            id="Y15 image",
        ),
        pytest.param("image: [python]", "3:27: course 'bad': image: write text, not ['python']", id="Y15 image list"),
        pytest.param(
            "gid: 70209, data: ro",
            "3:38: course 'bad': data: write 'none', 'read-only' or 'read-write', not 'ro'",
            id="data",
        ),
        pytest.param(
            "data: read-only",
            "3:26: course 'bad': data needs the course's unix group; add gid, or leave data out",
            id="data without a group",
        ),
        pytest.param(
            "resources: {memory: 4}", "3:40: course 'bad': resources.memory: write a unit: 4M or 4G", id="Y24 no unit"
        ),
        pytest.param(
            "resources: {cpu: -1}", "3:37: course 'bad': resources.cpu: write more than 0.0, not -1", id="Y24 cpu"
        ),
        pytest.param(
            "resources: {memory: '1; rm'}",
            "3:40: course 'bad': resources.memory: write a number and a unit, as 512M or 4G",
            id="Y24 shell",
        ),
        pytest.param(
            "resources: {memory: 9999T}",
            "3:40: course 'bad': resources.memory: write 1125899906842624 or less, not '9999T'",
            id="Y24 memory",
        ),
        pytest.param(
            "resources: {cpu: 1, guarantee: {cpu: 2}}",
            "3:51: course 'bad': resources: the guarantee is above the limit; lower it",
            id="Y24 guarantee",
        ),
        pytest.param(
            "instructors: ['@']",
            "3:34: course 'bad': instructors.0: '@' is no group; write @ and the group's name as the directory has it",
            id="no group as instructor",
        ),
        pytest.param(
            "gid: 80000",
            "3:25: course 'bad': gid: 80000 is not for courses; the site keeps 70100 to 79999 for them",
            id="Y8 gid outside the site's range",
        ),
        pytest.param(
            "image: registry.example/evil:1",
            "3:27: course 'bad': image: 'registry.example/evil:1' is no image; write one of the site's names, or with "
            "a day, as python@2026-08-15",
            id="Y15 reference",
        ),
        pytest.param(
            "image: python:latest",
            "3:27: course 'bad': image: 'python:latest' is no image; write one of the site's names, or with a day, as "
            "python@2026-08-15",
            id="Y15 latest",
        ),
        pytest.param(
            "image: r@2026-01-01",
            "3:27: course 'bad': image: the site keeps no history of 'r'; write it without the day",
            id="image without a history",
        ),
        pytest.param(
            "image: history@2025-01-01",
            "3:27: course 'bad': image: 'history' begins on 2026-02-01; write that day or a later one",
            id="image before its first day",
        ),
        pytest.param(
            "image: python@2026-13-01",
            "3:27: course 'bad': image: 'python@2026-13-01' holds no day; write one as python@2026-08-15",
            id="image of no day",
        ),
        pytest.param(
            "instructor: {image: perl}",
            "3:40: course 'bad': instructor.image: the site has no image 'perl'; take one of: history, python, r",
            id="Y15 instructors' image",
        ),
        pytest.param(
            "resources: {node: tpu}",
            "3:38: course 'bad': resources.node: the site has no nodes 'tpu'; take one of: gpu",
            id="Y14 node class",
        ),
        pytest.param(
            "resources: {node_selector: {a: b}}",
            "3:32: course 'bad': unknown key 'node_selector'; known here: cpu, guarantee, memory, node, scratch",
            id="Y14 node selector",
        ),
        pytest.param(
            "groups: {student: [wheel]}",
            "3:39: course 'bad': groups.student: the site has no group 'wheel'; take one of: licensed, staff, teaching",
            id="Y10 group of no site",
        ),
        pytest.param(
            "groups: {student: [0]}",
            "3:39: course 'bad': groups.student.0: write it in quotes, not 0",
            id="Y10 raw gid",
        ),
        pytest.param(
            'umask: "0020"',
            "3:27: course 'bad': umask: write four digits in quotes, the last 2, 3, 6 or 7, as \"0027\", not '0020'",
            id="umask that lets others write",
        ),
        pytest.param(
            "umask: 0027",
            "3:27: course 'bad': 0027 is no plain number; write it in digits alone, or in quotes",
            id="umask as a number",
        ),
        pytest.param(
            "cull: {idle: 2h, max_age: 1h}",
            "3:46: course 'bad': cull: idle is longer than max_age; lower idle, or leave it out",
            id="cull",
        ),
        pytest.param(
            "cull: {idle: 60}",
            "3:33: course 'bad': cull.idle: write a number and a unit, as 30m, 8h or 2d",
            id="cull without a unit",
        ),
        pytest.param(
            "cull: {idle: 31d}", "3:33: course 'bad': cull.idle: write 1m to 30d, not '31d'", id="cull too late"
        ),
        pytest.param(
            "nbgrader: {timezone: Mars}",
            "3:41: course 'bad': nbgrader.timezone: 'Mars' is no time zone; write one as Europe/Helsinki",
            id="nbgrader's time zone",
        ),
        pytest.param(
            "nbgrader: {exec: 'import os'}",
            "3:31: course 'bad': unknown key 'exec'; known here: code_stub, execute_timeout, gradebook, late, "
            "max_output_lines, text_stub, timezone",
            id="Y20 code for nbgrader",
        ),
        *(
            pytest.param(
                f"environment: {{{name}: x}}",
                f"3:{36 + len(name)}: course 'bad': environment: a course cannot set {name} here; it can set COURSE_…, "
                "OMP_NUM_THREADS",
                id=f"Y21 {name}",
            )
            for name in (
                *("LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONSTARTUP", "JUPYTERHUB_API_URL", "PATH"),
                *("JUPYTERHUB_API_TOKEN", "NB_UID", "HTTPS_PROXY", "BASH_ENV", "HOME", "USER", "COURSEHUB_UMASK"),
            )
        ),
        pytest.param(
            "instructor: {environment: {LD_PRELOAD: x}}",
            "3:59: course 'bad': instructor.environment: a course cannot set LD_PRELOAD here; it can set COURSE_…, "
            "OMP_NUM_THREADS",
            id="Y21 instructors' LD_PRELOAD",
        ),
        pytest.param(
            "environment: {path: x}",
            "3:40: course 'bad': environment.path: write a name in capitals, digits and _, as COURSE_TERM, not 'path'",
            id="Y21 name",
        ),
        pytest.param(
            "environment: {COURSE_N: 5}",
            "3:44: course 'bad': environment.COURSE_N: write it in quotes, not 5",
            id="environment number",
        ),
        pytest.param(
            "private: 'false'",
            "3:20: course 'bad': unknown key 'private'; known here: " + KEYS,
            id="Y25 truth as text",
        ),
        pytest.param(
            "archive: 'false'",
            "3:29: course 'bad': archive: write a day as 2026-09-01, not 'false'",
            id="Y25 archive as text",
        ),
        pytest.param(
            "archive: false", "3:29: course 'bad': archive: write a day as 2026-09-01, not False", id="Y25 archive"
        ),
        pytest.param(
            "kubespawner_override: {uid: 0}",
            "3:20: course 'bad': unknown key 'kubespawner_override'; known here: " + KEYS,
            id="Y10 override",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_and_remedy_and_the_other_course_stays(keys: str, message: str) -> None:
    loaded = load(with_keys(keys))
    assert [str(problem) for problem in loaded.problems] == [f"courses.yaml:{message}"]
    assert list(loaded.catalog.courses) == ["good"]


@pytest.mark.parametrize(
    "slug",
    [
        *(pytest.param(slug, id=f"Y1 {slug}") for slug in ("../../admin", "a/../b", "/etc", "a%2f..", "a\\\\b")),
        *(
            pytest.param(slug, id=f"Y2 {name}")
            for name, slug in {
                "dot": ".",
                "dots": "..",
                "nothing": "",
                "space": "a b",
                "a line's end": "a\\n",
                "two lines": "a\\nb",
                "NUL": "a\\0",
                "right to left": "a\u202eb",
                "emoji": "a\U0001f600",
                "Cyrillic a": "\u0430b",
                "full width": "\uff41",
                "hyphen at the end": "a-",
                "hyphen at the beginning": "-a",
                "template": "{x}",
            }.items()
        ),
        *(pytest.param(slug, id=f"Y3 {slug[:9]}") for slug in ("CS1", "x" * 49, "x" * 64, "x" * 500)),
        pytest.param("foo--instructor", id="Y5 the name of a role"),
    ],
)
def test_y1_y2_y3_y5_an_unsafe_slug_is_refused_by_name_and_the_other_course_stays(slug: str) -> None:
    loaded = load(GOOD + f'  "{slug}": {{name: Bad}}\n')
    (problem,) = loaded.problems
    assert "the slug may hold a-z, 0-9 and single '-' inside" in problem.message
    assert (problem.line, problem.column) == (3, 3)
    assert list(loaded.catalog.courses) == ["good"]


def test_y3_of_twins_that_differ_in_case_the_one_in_lower_case_is_taken_and_the_other_named() -> None:
    loaded = load("courses:\n  CS1: {name: Upper}\n  cs1: {name: Lower}\n")
    assert [(problem.line, problem.course) for problem in loaded.problems] == [(2, "CS1")]
    assert {slug: each.name for slug, each in loaded.catalog.courses.items()} == {"cs1": "Lower"}


@given(st.text(max_size=60) | st.text("aA1-._/\n", max_size=60))
def test_y1_y2_y3_whatever_slug_is_taken_is_one_folder_of_its_own_and_all_others_are_named(slug: str) -> None:
    assume(slug != "good")
    loaded = load(yaml.safe_dump({"courses": {"good": {"name": "Good"}, slug: {"name": "C"}}}))
    taken = set(loaded.catalog.courses) - {"good"}
    assert taken <= {slug}
    assert bool(taken) != bool(loaded.problems)
    for each in taken:
        assert re.fullmatch(r"[a-z0-9](?:-?[a-z0-9])*", each)
        assert len(each) <= 48


# What KubeSpawner can be told, and a course therefore must not.
TRAITS = sorted(set(KubeSpawner.class_traits(config=True)) - set(Course.model_fields))


@pytest.mark.parametrize("trait", TRAITS)
def test_y10_y11_y12_y13_y14_no_trait_of_kubespawner_is_a_key_of_a_course(trait: str) -> None:
    for keys, column in ((f"{trait}: x", 20), (f"resources: {{{trait}: x}}", 32), (f"instructor: {{{trait}: x}}", 33)):
        (problem,) = load(with_keys(keys)).problems
        assert (problem.line, problem.column) == (3, column)
        assert problem.message.startswith(f"unknown key '{trait}'; ")


def test_the_traits_of_the_attacks_are_among_those() -> None:
    assert set(TRAITS) >= {
        *("uid", "fs_gid", "supplemental_gids", "pod_security_context", "container_security_context"),
        *("volumes", "volume_mounts", "service_account", "automount_service_account_token", "privileged"),
        *("extra_pod_config", "extra_containers", "init_containers", "lifecycle_hooks", "cmd", "args"),
        *("extra_labels", "common_labels", "component_label", "namespace", "pod_name_template"),
        *("priority_class_name", "node_selector", "tolerations", "modify_pod_hook", "profile_list"),
    }
    assert {*KubeSpawner.class_traits(config=True)} & {*Course.model_fields} == {"environment", "gid", "image"}


@pytest.mark.parametrize(
    "keys",
    [
        *(f"{key}: '{path}'" for key in ("coursedir", "path", "directory") for path in ("../../u", "/etc", "..%2f")),
        "coursedir: other",
        "shared_with: [good]",
        "data: ../good/data",
        "exchange: good",
        "nbgrader: {root: /srv/nbgrader/exchange/good}",
        "nbgrader: {course_id: good}",
    ],
)
def test_y6_y7_no_key_of_a_course_names_a_directory(keys: str) -> None:
    loaded = load(with_keys(keys))
    assert len(loaded.problems) == 1
    assert list(loaded.catalog.courses) == ["good"]


@pytest.mark.parametrize(
    "name", ["a\\nplanned: user=root", "a\\rb", "a\\x1b[2Jb", "a\\0", "\\u2028a\\u2028b", "a\\x85b"]
)
def test_y18_a_courses_name_is_one_line_also_in_the_log(name: str) -> None:
    loaded = load(GOOD + f'  bad: {{name: "{name}"}}\n')
    assert [str(problem) for problem in loaded.problems] == [
        "courses.yaml:3:15: course 'bad': name: write one line, without control characters"
    ]


def test_a_courses_name_may_end_in_a_line_break_as_yaml_puts_there() -> None:
    assert load("courses:\n  a:\n    name: |\n      Introduction\n").catalog.courses["a"].name == "Introduction"


def test_no_course_can_be_called_general_since_that_is_the_choice_outside_courses() -> None:
    loaded = load(GOOD + "  general: {name: Bad}\n")
    assert [str(problem) for problem in loaded.problems] == [
        "courses.yaml:3:3: course 'general': 'general' is the choice outside courses; take another slug"
    ]
    assert list(loaded.catalog.courses) == ["good"]


def test_every_mistake_of_a_file_is_told_at_once_in_the_files_order() -> None:
    loaded = load("courses:\n  a: {name: 5, gid: 1}\n  b: {data: x}\n  a: {name: A}\n")
    assert [(problem.line, problem.course) for problem in loaded.problems] == [
        (2, "a"),
        (2, "a"),
        (3, "b"),
        (3, "b"),
        (4, "a"),
    ]


def test_a_course_with_a_mistake_stays_as_it_was_and_a_repaired_one_is_taken() -> None:
    first = load("courses:\n  a: {name: Old A}\n  b: {name: Old B}\n").catalog
    broken = load("courses:\n  a: {name: New A, gid: 0}\n  b: {name: New B}\n", first)
    assert {slug: each.name for slug, each in broken.catalog.courses.items()} == {"a": "Old A", "b": "New B"}
    repaired = load("courses:\n  a: {name: New A}\n  b: {name: New B}\n", broken.catalog)
    assert {slug: each.name for slug, each in repaired.catalog.courses.items()} == {"a": "New A", "b": "New B"}
    assert not repaired.problems


def test_a_new_course_with_a_mistake_is_not_there() -> None:
    first = load(GOOD).catalog
    assert list(load(GOOD + "  bad: {}\n", first).catalog.courses) == ["good"]


def test_a_course_that_was_taken_out_of_the_file_is_gone() -> None:
    first = load("courses:\n  a: {name: A}\n  b: {name: B}\n").catalog
    assert list(load("courses:\n  b: {name: B}\n", first).catalog.courses) == ["b"]


@pytest.mark.parametrize("text", ["", "courses:\n", "courses: [a]\n", "courses:\n  a: {name: A\n", "course: {}\n"])
def test_y23_a_file_that_is_no_course_file_leaves_every_course_as_it_was(text: str) -> None:
    first = load("courses:\n  a: {name: A}\n  b: {name: B}\n").catalog
    loaded = load(text, first)
    assert loaded.catalog.courses == first.courses
    assert loaded.problems


def test_of_a_values_file_with_course_files_in_it_the_way_to_look_at_one_is_told() -> None:
    loaded = load((Path(__file__).parents[3] / "docs/examples/gitops/courses.yaml").read_text())
    (problem,) = loaded.problems
    assert "write one out, and look at that: yq .courses.files.main " in problem.message


def test_a_broken_file_leaves_the_courses_of_the_other_files() -> None:
    files = [("a.yaml", "courses: {"), ("b.yaml", GOOD)]
    assert list(courses.load(files, site()).catalog.courses) == ["good"]


def test_a_broken_file_keeps_its_courses_while_another_file_changes() -> None:
    first = courses.load([("a.yaml", "courses: {a: {name: A}}"), ("b.yaml", "courses: {b: {name: B}}")], site()).catalog
    now = courses.load([("a.yaml", "courses: {"), ("b.yaml", "courses: {b: {name: New B}}")], site(), first)
    assert {slug: each.name for slug, each in now.catalog.courses.items()} == {"a": "A", "b": "New B"}


def test_y4_a_slug_in_two_files_is_refused_in_the_second() -> None:
    loaded = courses.load([("a.yaml", GOOD), ("b.yaml", GOOD)], site())
    assert [str(problem) for problem in loaded.problems] == [
        "b.yaml:2:3: course 'good': also in a.yaml; a slug is one course"
    ]
    assert list(loaded.catalog.courses) == ["good"]


@pytest.mark.parametrize(
    ("kept", "gid", "message"),
    [
        ("", 30001, "the site keeps no gids for courses; ask its admins to set courseGids, or leave gid out"),
        ("", 70101, "the site keeps no gids for courses; ask its admins to set courseGids, or leave gid out"),
        (RANGE, 30001, "30001 is not for courses; the site keeps 70100 to 79999 for them"),
        (RANGE, 70001, "70001 is the site's group 'teaching'; a course has its own"),
        (RANGE, 65533, "65533 is that of autograding, which is nobody's; a course has its own"),
    ],
)
def test_y9_where_nobody_can_list_the_people_a_course_has_a_gid_that_is_kept_for_courses(
    kept: str, gid: int, message: str
) -> None:
    ldap = "identity: {provider: ldap, ldap: {servers: ['ldaps://a'], users: {base: dc=a}}}\n"
    values = site(SITE[: SITE.index("identity:")].replace(RANGE, kept) + ldap)
    loaded = courses.load([("courses.yaml", with_keys(f"gid: {gid}"))], values)
    assert [str(problem) for problem in loaded.problems] == [f"courses.yaml:3:25: course 'bad': gid: {message}"]


def test_y9_two_courses_never_share_a_unix_group() -> None:
    loaded = load("courses:\n  a: {name: A, gid: 70209}\n  b: {name: B, gid: 70209}\n")
    assert [str(problem) for problem in loaded.problems] == [
        "courses.yaml:3:21: course 'b': gid: 70209 is the unix group of course 'a'; each course has its own"
    ]
    assert list(loaded.catalog.courses) == ["a"]


@pytest.mark.parametrize(
    ("before", "after", "gids"),
    [
        pytest.param(
            "courses:\n  b: {name: B, gid: 70209}\n",
            "courses:\n  a: {name: A, gid: 70209}\n  b: {name: B, gid: 70209}\n",
            {"b": 70209},
            id="a new course above takes a live one's",
        ),
        pytest.param(
            "courses:\n  b: {name: B, gid: 70209}\n",
            "courses:\n  a: {name: A, gid: 70209}\n  b: {name: 5, gid: 70210}\n",
            {"b": 70209},
            id="a new course takes that of one that stays as it was",
        ),
        pytest.param(
            "courses:\n  a: {name: A, gid: 70211}\n  b: {name: B, gid: 70202}\n  c: {name: C, gid: 70203}\n",
            "courses:\n  a: {name: A, gid: 70202}\n  b: {name: B, gid: 70202}\n  c: {name: C, gid: 70211}\n",
            {"a": 70211, "b": 70202, "c": 70203},
            id="one falls back onto another's",
        ),
    ],
)
def test_y9_a_live_courses_unix_group_is_never_taken_over(before: str, after: str, gids: dict[str, int]) -> None:
    loaded = load(after, load(before).catalog)
    assert {slug: each.gid for slug, each in loaded.catalog.courses.items()} == gids
    assert loaded.problems


def test_without_the_sites_values_images_are_not_looked_at() -> None:
    assert not courses.load([("courses.yaml", with_keys("image: anything"))]).problems


@pytest.mark.parametrize(
    ("person", "slugs"),
    [
        pytest.param(MARIA, ["python-intro", "data-analysis", "statistics-lab", "old-course"], id="by name"),
        pytest.param(JONAS, ["python-intro", "statistics-lab", "old-course"], id="public ones"),
        pytest.param(ANNA, ["python-intro", "statistics-lab", "old-course"], id="instructor by name"),
        pytest.param(PETER, ["python-intro", "data-analysis", "statistics-lab", "old-course"], id="by unix group"),
        pytest.param(SOFIA, ["python-intro", "data-analysis", "statistics-lab", "old-course"], id="admin"),
    ],
)
def test_a_persons_courses_are_found_in_the_files_order(person: Person, slugs: list[str]) -> None:
    assert [each.slug for each in catalog().of(person)] == slugs


def test_members_of_a_listed_group_find_the_course() -> None:
    found = catalog("courses:\n  a: {name: A, students: ['@team']}\n  b: {name: B}\n")
    assert [each.slug for each in found.of(Person("x", 1, 1, (Group("team", 5),)))] == ["a"]
    assert not list(found.of(Person("x", 1, 1, (Group("other", 5),))))


def test_a_course_is_archived_from_its_archive_date_on() -> None:
    read = course("archive: 2026-10-01")
    assert not read.is_archived(date(2026, 9, 30))
    assert read.is_archived(date(2026, 10, 1))
    assert not course("students: everyone").is_archived(TODAY)


def test_y22_a_thousand_courses_with_a_hundred_thousand_names_load() -> None:
    text = "courses:\n" + "".join(
        f"  c{n}:\n    name: Course {n}\n    gid: {71000 + n}\n"
        f"    students: [{', '.join(f'user{n + m:06}' for m in range(100))}]\n"
        for n in range(1000)
    )
    loaded = load(text)
    assert len(loaded.catalog.courses) == 1000
    assert not loaded.problems


def test_the_example_of_the_tests_holds_no_mistake() -> None:
    assert not load(COURSES).problems
    assert re.search("archive: 2026-06-30", COURSES)
