"""The course file reaches the hub byte by byte."""

from pathlib import Path
from typing import Any

import pytest

from tests.chart.helm import ROOT, Chart, Values, at, on_a_claim, pod_spec

TEXTS: dict[str, bytes] = {
    "comments": b"# for staff\ncourses:  # all of them\n  # one\n  a: {}\n",
    "duplicate-keys": b"courses:\n  a: {}\n  a: {name: again}\n",
    "unicode": "courses: {a: {name: 'Jämför λ 数学 🎓 e\u0301 \u2028 \u200f'}}\n".encode(),
    "trailing-spaces": b"courses:   \n  a: {}\t\n   \n",
    "windows-lines": b"courses:\r\n  a: {}\r\n",
    "mixed-lines": b"courses:\n  a: {}\r\n\r\n",
    "tabs": b"courses:\n\ta: {}\n",
    "no-last-newline": b"courses: {}",
    "many-last-newlines": b"courses: {}\n\n\n\n",
    "leading-lines": b"\n\n  # indented\ncourses: {}\n",
    "documents": b"---\ncourses: {}\n---\ncourses: {}\n...\n",
    "template": b"courses: {a: {name: '{{ .Values.admins }} {{- fail \"x\" }}'}}\n",
    "commas-and-quotes": b"courses: {a: {name: \"a,b=c\\\\d{e}\"}} # 'x'\n",
    "byte-order-mark": b"\xef\xbb\xbfcourses: {}\n",
    "not-yaml": b"courses: [}\n: : :\n",
    "empty": b"",
    "newline": b"\n",
    "long-line": b"courses: {} # " + b"word " * 400 + b"\n",
    "looks-like-a-number": b"0x1f",
}


@pytest.fixture(scope="module")
def data(chart: Chart, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The ConfigMap of one rendering with all texts."""
    folder = tmp_path_factory.mktemp("courses")
    for name, text in TEXTS.items():
        (folder / name).write_bytes(text)
    objects = chart.render(courses={name: folder / name for name in TEXTS})
    found: dict[str, str] = objects["ConfigMap", "coursehub-courses"]["data"]
    return found


def test_each_file_is_one_key(data: dict[str, str]) -> None:
    assert set(data) == {f"{name}.yaml" for name in TEXTS}


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_is_the_same_byte_by_byte(data: dict[str, str], name: str) -> None:
    assert data[f"{name}.yaml"].encode() == TEXTS[name]


@pytest.mark.parametrize("name", ["many-last-newlines", "trailing-spaces", "windows-lines"])
def test_the_last_file_keeps_its_end(chart: Chart, tmp_path: Path, name: str) -> None:
    # Helm cuts white space off the end of an object, so it matters what comes last.
    (tmp_path / "z").write_bytes(TEXTS[name])
    objects = chart.render(courses={"z": tmp_path / "z"})
    assert objects["ConfigMap", "coursehub-courses"]["data"]["z.yaml"].encode() == TEXTS[name]


def test_the_demo_courses_arrive_as_they_are(chart: Chart) -> None:
    path = ROOT / "values/courses.yaml"
    objects = chart.render(courses={"main": path})
    assert objects["ConfigMap", "coursehub-courses"]["data"] == {"main.yaml": path.read_text()}


def names(chart: Chart, values: Values) -> tuple[list[str], list[str]]:
    """Which ConfigMaps hold course files: as the hub is told, and as the Role lets it read."""
    objects = chart.render(values)
    (rule,) = objects["Role", "coursehub-configmaps"]["rules"]
    assert (rule["apiGroups"], rule["resources"], rule["verbs"]) == ([""], ["configmaps"], ["get", "list", "watch"])
    assert set(rule) == {"apiGroups", "resources", "resourceNames", "verbs"}
    return objects["ConfigMap", "coursehub-site"]["data"]["courses"].split(), rule["resourceNames"]


@pytest.mark.parametrize(
    ("values", "of_courses"),
    [
        pytest.param({}, ["coursehub-courses"], id="the chart's own alone"),
        pytest.param(
            at("courses.existingConfigMaps", ["algebra", "faculty.of.law"]),
            ["coursehub-courses", "algebra", "faculty.of.law"],
            id="and the site's",
        ),
        pytest.param(at("courses.existingConfigMaps", None), ["coursehub-courses"], id="values of an earlier version"),
        pytest.param(on_a_claim("course-files"), [], id="on a volume: none"),
    ],
)
def test_the_hub_is_told_which_config_maps_hold_course_files_and_may_read_these_alone(
    chart: Chart, values: Values, of_courses: list[str]
) -> None:
    assert names(chart, values) == (of_courses, ["coursehub-site", *of_courses])


@pytest.mark.parametrize(
    ("account", "name"),
    [
        pytest.param({}, "hub", id="upstream's"),
        pytest.param({"name": "jupyter"}, "jupyter", id="by another name"),
        pytest.param({"create": False, "name": "ours"}, "ours", id="the site's own"),
        pytest.param({"create": False}, "default", id="none"),
    ],
)
def test_the_role_is_bound_to_the_hubs_account_whatever_its_name(
    chart: Chart, account: dict[str, Any], name: str
) -> None:
    objects = chart.render(at("jupyterhub.hub.serviceAccount", account))
    binding = objects["RoleBinding", "coursehub-configmaps"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": "teaching"}]
    assert binding["roleRef"]["name"] == "coursehub-configmaps"
    assert pod_spec(objects, "hub")["serviceAccountName"] == name
