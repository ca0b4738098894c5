"""The JSON Schema says what the models say: one truth for editors, `coursehub check` and the hub."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped] # its stubs do not come with it
import pytest
import yaml
from coursehub.config import catalog, schema

ROOT = Path(__file__).parents[3]
SCHEMA = schema.course_file()
CHECK = jsonschema.Draft202012Validator(SCHEMA)
FILES = [ROOT / "values/courses.yaml", *sorted((ROOT / "docs/examples").glob("*.yaml"))]

Keys = tuple[str, ...]


def _keys(model: str = "Course", above: Keys = ()) -> Iterator[tuple[Keys, dict[str, Any]]]:
    for key, said in SCHEMA["$defs"][model]["properties"].items():
        yield (*above, key), said
        if "$ref" in said:
            yield from _keys(said["$ref"].rpartition("/")[2], (*above, key))


KEYS = dict(_keys())


def in_schema(text: str) -> bool:
    """Whether an editor that has the schema finds `text` right."""
    # To JSON and back, as the file reaches an editor: a day is text.
    return bool(CHECK.is_valid(json.loads(json.dumps(yaml.safe_load(text), default=str))))


def loads(text: str) -> bool:
    """Whether the hub takes every course in `text`."""
    return not catalog.load([("courses.yaml", text)]).problems


def course_with(keys: Keys, value: object) -> str:
    for key in reversed(keys):
        value = {key: value}
    assert isinstance(value, dict)
    return yaml.safe_dump({"courses": {"c": {"name": "C", "gid": 70101, **value}}})


def test_it_is_a_valid_schema_of_its_draft() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_what_the_hub_takes_an_editor_finds_right(file: Path) -> None:
    assert loads(file.read_text())
    assert in_schema(file.read_text())


@pytest.mark.parametrize("keys", KEYS, ids=".".join)
def test_a_key_says_what_it_is_and_each_of_its_examples_can_be_copied(keys: Keys) -> None:
    assert KEYS[keys]["description"].endswith(".")
    assert KEYS[keys]["examples"]
    a_day = "'format': 'date'" in str(KEYS[keys])
    for example in KEYS[keys]["examples"]:
        text = course_with(keys, date.fromisoformat(example) if a_day else example)
        assert loads(text), text
        assert in_schema(text), text


# A value of a type that the key cannot have.
WRONG: dict[Keys, object] = {
    **dict.fromkeys(KEYS, 5),
    **{keys: "5" for keys in KEYS if keys[-1] in ("gid", "cpu", "execute_timeout", "max_output_lines")},
}


@pytest.mark.parametrize("keys", KEYS, ids=".".join)
@pytest.mark.parametrize("kind", ["number or text", "list", "mapping", "truth"])
def test_a_value_of_a_wrong_type_is_refused_by_both(keys: Keys, kind: str) -> None:
    wrong = {"number or text": WRONG[keys], "list": [["x"]], "mapping": {"no such key": []}, "truth": True}[kind]
    text = course_with(keys, wrong)
    assert not loads(text)
    assert not in_schema(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("course: {}", id="another key than courses"),
        pytest.param("courses: []", id="a list of courses"),
        pytest.param("courses: {c: {}}", id="a course without a name"),
        pytest.param("courses: {c: {name: C, slug: c}}", id="the slug as a key"),
        pytest.param("courses: {c: {name: C, kubespawner_override: {uid: 0}}}", id="Y10 override"),
        pytest.param("courses: {c: {name: C, nbgrader: {exec: x}}}", id="Y20 code"),
        pytest.param("courses: {c: {name: C, environment: {path: x}}}", id="Y21 name of a variable"),
        pytest.param("courses: {c: {name: C, environment: {COURSE_N: 5}}}", id="a variable that is no text"),
        pytest.param("courses: {c: {name: ' '}}", id="an empty name"),
        pytest.param('courses: {c: {name: "a\\nb"}}', id="Y18 a name of two lines"),
        pytest.param('courses: {c: {name: "a\\x1bb"}}', id="Y18 a name that clears a terminal"),
        pytest.param(
            "courses: {c: {name: C, nbgrader: {code_stub: "
            "{C: x, R: x, go: x, lua: x, sas: x, sql: x, bash: x, java: x, ruby: x}}}}",
            id="Y20 more code stubs than languages",
        ),
        pytest.param("courses: {c: {name: C, nbgrader: {code_stub: {r: x}}}}", id="G17 another language"),
        pytest.param("courses: {c: {name: C, nbgrader: {late: half}}}", id="G10 another penalty"),
        pytest.param("courses: {c: {name: C, students: maria}}", id="G15 no list"),
        pytest.param("courses: {c: {name: C, gid: 0}}", id="Y8 gid"),
        pytest.param("courses: {c: {name: C, students: all}}", id="another word than everyone"),
        pytest.param("courses: {c: {name: C, students: ['*']}}", id="Y22 star"),
        pytest.param("courses: {c: {name: C, instructors: ['@']}}", id="no group"),
        pytest.param("courses: {c: {name: C, gid: 70101, data: ro}}", id="data"),
        pytest.param("courses: {c: {name: C, umask: '0020'}}", id="umask"),
        pytest.param("courses: {c: {name: C, image: 'registry.example/evil:1'}}", id="Y15 reference"),
        pytest.param("courses: {c: {name: C, resources: {memory: 4GB}}}", id="Y24 unit"),
        pytest.param("courses: {c: {name: C, resources: {cpu: 0}}}", id="Y24 no cpu"),
        pytest.param("courses: {c: {name: C, cull: {idle: 1 hour}}}", id="span"),
        pytest.param("courses: {c: {name: C, groups: {student: [a b]}}}", id="Y10 group"),
        *(
            pytest.param(f"courses: {{'{slug}': {{name: C}}}}", id=f"Y1 slug {slug}")
            for slug in ("../a", "a--b", "CS1", "a-", "x" * 49, "general")
        ),
    ],
)
def test_what_the_hub_refuses_an_editor_marks(text: str) -> None:
    assert not loads(text)
    assert not in_schema(text)


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param("open: 2026-09-02, close: 2026-09-01", id="order of dates"),
        pytest.param("data: read-only", id="data without a gid"),
        pytest.param("cull: {idle: 31d}", id="a span out of range"),
        pytest.param("cull: {idle: 2h, max_age: 1h}", id="one span within another"),
        pytest.param("resources: {cpu: 1, guarantee: {cpu: 2}}", id="one amount within another"),
        pytest.param("resources: {memory: 1K}", id="a size out of range"),
        pytest.param("nbgrader: {timezone: Mars}", id="a time zone"),
        pytest.param("image: python@2026-13-01", id="a day within a text"),
    ],
)
def test_what_a_schema_has_no_words_for_the_command_refuses(keys: str) -> None:
    text = f"courses: {{c: {{name: C, {keys}}}}}"
    assert in_schema(text)
    assert not loads(text)
