"""The values file of a chart around this one, wherever a command takes a site's."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from coursehub.cli import values
from coursehub.config import budget, settings
from coursehub.errors import InvalidFile

OWN: dict[str, Any] = {
    "images": {"python": "x:1"},
    "general": {"image": "python"},
    "courses": {"existingClaim": "courses"},
    "jupyterhub": {"hub": {"existingSecret": "secrets"}},
}
# Other charts have keys of the same names.
AROUND = {"global": {}, "images": {}, "monitoring": {"storage": 1}, "coursehub": {"enabled": True, **OWN}}


def mistakes(text: str) -> list[str]:
    """What is wrong with a values file, which each way to read it finds."""
    with pytest.raises(InvalidFile) as read:
        settings.load([("uni.yaml", text)])
    with pytest.raises(InvalidFile):
        settings.plain([("uni.yaml", text)])
    return [str(problem) for problem in read.value.problems]


def test_what_is_below_the_charts_name_is_the_site(tmp_path: Path) -> None:
    (tmp_path / "uni.yaml").write_text(text := yaml.safe_dump(AROUND))
    given = [("uni.yaml", text)]
    assert settings.load(given) == settings.load([("site.yaml", yaml.safe_dump(OWN))])
    assert settings.plain(given) == {"enabled": True, **OWN}
    assert values.of([tmp_path / "uni.yaml"])["general"]["image"] == "python"
    large = [("courses.yaml", "#" * (budget.KIB + 1) * 1024)]
    assert not budget.problems(given, large)


def test_it_goes_over_a_file_of_this_chart_and_below_another() -> None:
    around = "coursehub: {timezone: Asia/Tokyo, minimumUid: 2000}"
    given = [("one.yaml", yaml.safe_dump(OWN)), ("two.yaml", around), ("three.yaml", "minimumUid: 3000")]
    read = settings.load(given)
    assert (read.timezone, read.minimum_uid) == ("Asia/Tokyo", 3000)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "coursehub:\n  images: {python: x:1}\n  general: {image: python}\n  timezone: Helsinki\n",
            "uni.yaml:4:13: timezone: 'Helsinki' is no time zone; write one as Europe/Helsinki",
            id="value",
        ),
        pytest.param("a: 1\ncoursehub:\n  images: {}\n", "uni.yaml:2:1: 'general' is missing; add it", id="missing"),
    ],
)
def test_a_mistake_below_the_charts_name_has_its_line(text: str, message: str) -> None:
    with pytest.raises(InvalidFile) as invalid:
        settings.load([("uni.yaml", text)])
    assert [str(problem) for problem in invalid.value.problems] == [message]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "global: {}\ncoursehub: null\n",
            "uni.yaml:2:12: coursehub: this chart's values belong below it; write them as `key: value` lines",
            id="empty",
        ),
        pytest.param(
            "coursehub: &anchor {images: {}}\n",
            "uni.yaml:1:12: anchors (`&anchor`) are not allowed; remove it",
            id="anchor",
        ),
        pytest.param(
            "coursehub: {images: {}}\ncoursehub: {general: {image: python}}\n",
            "uni.yaml:2:1: 'coursehub' is here twice (first in line 1); remove one",
            id="twice",
        ),
        pytest.param(
            "database: {size: 1}\nteaching: {images: {}}\n",
            "uni.yaml:1:1: no key of this chart stands here, but some below 'teaching'; a chart around this one has "
            "them below `coursehub:`; where yours has another name for it, give what is below that, as `yq "
            ".teaching FILE` writes it",
            id="another name",
        ),
        pytest.param(
            "global: {coursehub: {}}\nplatform: {coursehub: {images: {}}}\n",
            "uni.yaml:1:1: no key of this chart stands here, but some below 'platform'; a chart around this one has "
            "them below `coursehub:`; where yours has another name for it, give what is below that, as `yq "
            ".platform FILE` writes it",
            id="a chart around a chart around it",
        ),
    ],
)
def test_what_leaves_open_where_the_values_are_is_refused(text: str, message: str) -> None:
    assert mistakes(text) == [message]


@pytest.mark.parametrize("text", ["coursehub: []", "teaching: {images: {}}"])
def test_so_it_is_where_files_are_read_as_helm_reads_them(text: str, tmp_path: Path) -> None:
    (tmp_path / "uni.yaml").write_text(text)
    with pytest.raises(InvalidFile):
        values.of([tmp_path / "uni.yaml"])


def test_a_file_that_has_nothing_of_this_charts_changes_nothing() -> None:
    own = ("site.yaml", yaml.safe_dump(OWN))
    assert settings.load([own, ("more.yaml", "database: {size: 1}")]) == settings.load([own])
