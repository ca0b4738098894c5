"""The files of values/: each renders, says whom it is for, and the demo site has the people and courses of the tour."""

from datetime import date
from typing import Any

import jsonschema  # type: ignore[import-untyped] # comes with JupyterHub, its stubs do not
import pytest
import yaml
from coursehub.config import settings

from tests.chart.given import IMAGE
from tests.chart.helm import ROOT, Chart, hub_values, merged, pod_spec, site_values

VALUES = ROOT / "values"
SITES = sorted(path.name for path in VALUES.glob("*.yaml") if path.name != "courses.yaml")
RECIPES = sorted(f"identity/{path.name}" for path in (VALUES / "identity").glob("*.yaml"))
CORE = ("hub", "proxy", "teaching-storage/coursehub-provisioner")
COURSES: dict[str, dict[str, Any]] = yaml.safe_load((VALUES / "courses.yaml").read_text())["courses"]
LOCAL: dict[str, Any] = yaml.safe_load((VALUES / "local.yaml").read_text())
UPSTREAM = ROOT.parent / "shared/z2jh-4.4.0"


@pytest.mark.parametrize("site", SITES)
def test_a_site_renders_with_the_demo_courses(chart: Chart, site: str) -> None:
    objects = chart.render(IMAGE, VALUES / site, courses={"main": VALUES / "courses.yaml"})
    assert site_values(objects)["general"]["image"] == "python"


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_of_the_people_renders_over_the_example_university(chart: Chart, recipe: str) -> None:
    objects = chart.render(IMAGE, VALUES / "example-university.yaml", VALUES / recipe)
    wanted = yaml.safe_load((VALUES / recipe).read_text())["jupyterhub"]["hub"]["config"]
    found = hub_values(objects)["hub"]["config"]
    assert {name: {**found[name], **traits} for name, traits in wanted.items()}.items() <= found.items()
    settings.load([("site.yaml", yaml.safe_dump(site_values(objects)))])


@pytest.mark.parametrize("file", [*SITES, *RECIPES, "courses.yaml"])
def test_a_file_opens_with_whom_it_is_for(file: str) -> None:
    lines = (VALUES / file).read_text().splitlines()
    first = next(line for line in lines if not line.startswith("# yaml-language-server:"))
    assert first.startswith("# ")
    assert " for " in first


@pytest.mark.parametrize("site", [*SITES, *RECIPES])
def test_no_file_holds_a_secret(site: str) -> None:
    words = ("password:", "secretToken", "client_secret", "cookie_secret", "auth_token", "apiToken")
    text = (VALUES / site).read_text()
    assert [word for word in words if word in text] == []


def test_the_example_university_speaks_https_and_mounts_its_server(chart: Chart) -> None:
    objects = chart.render(IMAGE, VALUES / "example-university.yaml")
    ports = {port["name"]: port["port"] for port in objects["Service", "proxy-public"]["spec"]["ports"]}
    assert ports == {"https": 443, "http": 80}
    (tls,) = pod_spec(objects, "proxy")["volumes"]
    assert tls["secret"]["secretName"] == "jupyter-example-edu-tls"
    assert objects["PersistentVolume", "teaching-coursehub-storage"]["spec"]["nfs"]["server"] == "nfs.example.edu"


def test_the_local_site_needs_no_registry_and_fits_two_cores(chart: Chart) -> None:
    objects = chart.render(IMAGE, VALUES / "local.yaml")
    cores = 0.0
    for deployment in CORE:
        (container,) = pod_spec(objects, deployment)["containers"]
        assert container["imagePullPolicy"] == "Never"
        cores += int(container["resources"]["requests"]["cpu"].removesuffix("m")) / 1000
    assert hub_values(objects)["singleuser"]["image"]["pullPolicy"] == "Never"
    # Ten servers, and what Kubernetes itself runs.
    assert cores + 10 * LOCAL["general"]["resources"]["guarantee"]["cpu"] < 1.7
    assert objects["Service", "proxy-public"]["spec"]["ports"][0]["nodePort"] == 30080


def test_the_local_people_are_students_instructors_an_admin_and_a_stranger() -> None:
    people: dict[str, dict[str, Any]] = LOCAL["identity"]["file"]["people"]
    people = {name: person for name, person in people.items() if name != "spawntest"}
    allowed = LOCAL["jupyterhub"]["hub"]["config"]["Authenticator"]["allowed_users"]
    assert [name for name in allowed if name not in people] == ["viktor"]
    assert set(people) < set(allowed)
    assert LOCAL["admins"] == ["sofia"]
    uids = [person["uid"] for person in people.values()]
    assert len(set(uids)) == len(uids)
    assert min(uids) == 20001
    assert all(person["gid"] == person["uid"] for person in people.values())


def test_one_instructor_is_listed_and_two_are_in_the_unix_group_of_their_course() -> None:
    people, groups = LOCAL["identity"]["file"]["people"], LOCAL["identity"]["file"]["groups"]
    by_group = {course["gid"]: slug for slug, course in COURSES.items() if "gid" in course}
    gids = {name: [groups[group] for group in each.get("groups", [])] for name, each in people.items()}
    member = {name: [by_group[gid] for gid in of if gid in by_group] for name, of in gids.items()}
    taught = {"peter": ["data-analysis"], "otto": ["data-analysis"]}
    assert {name: slugs for name, slugs in member.items() if slugs} == taught
    assert {name for course in COURSES.values() for name in course.get("instructors", [])} == {"anna"}


def test_the_demo_courses_are_one_of_each_kind() -> None:
    public, private, image_only, archived = COURSES.values()
    assert (public["students"], public["data"]) == ("everyone", "read-only")
    assert private["students"] == ["maria", "jonas", "ines", "tom"]
    assert "gid" not in image_only
    assert archived["archive"] < date(2026, 1, 1)
    keys = {"name", "gid", "instructors", "students", "open", "close", "archive", "image", "resources", "data"}
    assert {key for course in COURSES.values() for key in course} <= keys


@pytest.mark.parametrize("today", [date(2026, 1, 1), date(2030, 12, 31)])
def test_the_demo_holds_for_years(today: date) -> None:
    *live, archived = COURSES.values()
    for course in live:
        assert course.get("open", today) <= today <= course.get("close", today) < course.get("archive", date.max)
    assert archived["open"] < archived["close"] < archived["archive"] < today


@pytest.mark.parametrize("site", [None, *SITES], ids=str)
def test_what_we_set_of_upstream_is_right_by_upstreams_own_schema(site: str | None) -> None:
    if not UPSTREAM.exists():
        pytest.skip("upstream's schema is not at hand (../shared/z2jh-4.4.0)")
    values = yaml.safe_load((UPSTREAM / "values.yaml").read_text())
    for file in (ROOT / "chart/values.yaml", *([VALUES / site] if site else [])):
        values = merged(values, yaml.safe_load(file.read_text()).get("jupyterhub", {}))
    schema = yaml.safe_load((UPSTREAM / "values.schema.yaml").read_text())
    jsonschema.Draft7Validator(schema).validate(values)
