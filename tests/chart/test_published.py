"""The chart as it is published: where it comes from, what its page says, and the image that it names."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from coursehub.version import VERSION

from ci import changelog, published
from ci.chart import helm
from tests.chart.helm import ROOT, SITE, Chart, Object, at, merged

SOURCE, REGISTRY = "https://forge.example.org/somebody/coursehub", "registry.example.org/somebody"
README = (ROOT / "chart/README.md").read_text()
EXAMPLES = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart, packaged for a registry with what passes for upstream's chart in it."""
    folder = tmp_path_factory.mktemp("published")
    upstream = folder / "jupyterhub"
    subprocess.run(["cp", "-r", ROOT / "ci/z2jh-standin", upstream], check=True)
    about = yaml.safe_load((upstream / "Chart.yaml").read_text())
    del about["annotations"]
    (upstream / "Chart.yaml").write_text(yaml.safe_dump(about))
    done = subprocess.run(
        [sys.executable, "-m", "ci.chart", "package", folder / "dist"],
        cwd=ROOT,
        env=os.environ
        | {"HELM": helm(), "Z2JH_CHART": str(upstream), "COURSEHUB_SOURCE": SOURCE, "COURSEHUB_REGISTRY": REGISTRY},
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(done.stdout.strip())


def _helm(*arguments: str | Path, given: object = None) -> str:
    done = subprocess.run(
        [helm(), *arguments], input=yaml.safe_dump(given), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_helm_lint_has_nothing_to_say_of_the_archive(archive: Path) -> None:
    assert "[" not in _helm("lint", "--strict", archive).replace("[INFO]", "").replace(str(archive), "")


def test_the_archive_says_where_it_comes_from(archive: Path) -> None:
    about: Object = yaml.safe_load(_helm("show", "chart", archive))
    assert about["home"] == about["sources"][0] == about["maintainers"][0]["url"] == SOURCE
    assert about["icon"] == f"{SOURCE}/raw/main/docs/icon.svg"
    annotations = {key: yaml.safe_load(said) for key, said in about["annotations"].items()}
    assert annotations["artifacthub.io/images"] == [
        {"name": name, "image": f"{REGISTRY}/coursehub-{name}:{VERSION}"} for name in ("hub", "singleuser")
    ]
    assert annotations["artifacthub.io/prerelease"] is True
    for each in annotations["artifacthub.io/links"] + annotations["artifacthub.io/screenshots"]:
        assert each["url"].startswith(f"{SOURCE}/")


def test_no_placeholder_is_left_in_its_page(archive: Path) -> None:
    page = _helm("show", "readme", archive)
    assert [word for word in (published.SOURCE, published.REGISTRY, " VERSION") if word in page] == []
    assert f"oci://{REGISTRY}/charts/coursehub --version {VERSION}" in page


def test_the_archive_installs_with_the_site_of_its_page_alone(archive: Path) -> None:
    site = EXAMPLES[0]
    for token in SITE["jupyterhub"]["hub"]["services"]:  # as helm makes at an install
        site = merged(site, at(f"jupyterhub.hub.services.{token}.apiToken", "d" * 64))
    rendered = _helm("template", "coursehub", archive, "--namespace=teaching", "--values=-", given=site)
    (hub,) = (
        each
        for each in yaml.safe_load_all(rendered)
        if each and (each["kind"], each["metadata"]["name"]) == ("Deployment", "hub")
    )
    assert hub["spec"]["template"]["spec"]["containers"][0]["image"] == f"{REGISTRY}/coursehub-hub:{VERSION}"


def test_the_site_of_the_page_renders_in_a_checkout_once_it_names_the_image(chart: Chart) -> None:
    values: dict[str, Any] = merged(EXAMPLES[0], at("jupyterhub.hub.image", SITE["jupyterhub"]["hub"]["image"]))
    assert ("Deployment", "hub") in chart.render(values)


def test_the_courses_of_the_page_are_right(tmp_path: Path) -> None:
    (tmp_path / "courses.yaml").write_text(yaml.safe_dump(EXAMPLES[1]))
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(EXAMPLES[0]))
    command = [sys.executable, "-m", "coursehub.cli", "check", "--site", str(tmp_path / "site.yaml")]
    done = subprocess.run([*command, str(tmp_path / "courses.yaml")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


def test_a_release_leads_to_its_own_pages() -> None:
    link = f"{published.SOURCE}/blob/main/docs/admins.md"
    assert published.text(link, "0.2.0", {}) == f"{published.SOURCE}/blob/v0.2.0/docs/admins.md"
    assert published.text(link, "0.2.0-c0123456789ab", {}) == link
    assert "prerelease" not in published.about("", "0.2.0", [], {})


def test_what_changed_is_said_in_a_few_words(tmp_path: Path) -> None:
    path = tmp_path / "CHANGELOG.md"
    path.write_text(
        "# Changelog\n\n## 0.3.0\n\n- **A queue**: people\n  wait.\n- The `key` is\n  gone: write another.\n"
        "\n## 0.2.0 (2026-12-01)\n\n- Old.\n"
    )
    assert changelog.changes(changelog.section("0.3.0", path)) == ["A queue"]
    assert changelog.section("0.2.0", path) == "- Old.\n"
    assert changelog.changes("- Old.\n- The `key` is\n  gone: write another.\n") == ["Old", "The key is gone"]
    assert changelog.section("0.2", path) == ""


def test_the_icon_is_a_small_picture_that_loads_nothing() -> None:
    icon = ROOT / "docs/icon.svg"
    assert icon.stat().st_size < 4096
    names = {each.tag.rpartition("}")[2] for each in ElementTree.parse(icon).iter()}  # noqa: S314 - ours
    assert names <= {"svg", "title", "g", "path", "rect", "circle"}


def test_each_page_that_the_chart_links_to_is_there() -> None:
    texts = README + (ROOT / "chart/Chart.yaml").read_text()
    for path in re.findall(rf"{re.escape(published.SOURCE)}/(?:blob|raw)/main/([^\s)#]+)", texts):
        assert (ROOT / path).exists(), path
