"""The course file reaches the hub byte by byte."""

from pathlib import Path

import pytest

from tests.chart.helm import ROOT, Chart

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


def test_900_kib_fit(chart: Chart, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("# " + "x" * (450 * 1024 - 3) + "\n")
    objects = chart.render(courses={name: tmp_path / name for name in ("a", "b")})
    assert sum(len(text) for text in objects["ConfigMap", "coursehub-courses"]["data"].values()) == 900 * 1024
