"""The hub's database: a file on a volume of its own, or a server of the site's; never a file elsewhere."""

import re

import pytest
import yaml

from tests.chart.helm import ROOT, Chart, Values, at, pod_spec
from tests.chart.policies import pod, reaches

URL = "postgresql+psycopg2://coursehub@db.example.edu/coursehub"


def database(kind: str, url: str | None = None) -> Values:
    """The hub with another database."""
    return at("jupyterhub.hub.db", {"type": kind, "url": url})


def upstreams(chart: Chart) -> Chart:
    """Upstream's, or a skip: the stand-in knows a file and PostgreSQL only."""
    if chart.kind != "upstream":
        pytest.skip("upstream's chart is not at hand; name it by Z2JH_CHART")
    return chart


def page() -> Values:
    """What the admins' page gives for PostgreSQL, as it stands."""
    text = (ROOT / "docs/admins/database.md").read_text()
    blocks = re.findall(r"```yaml\n(jupyterhub:\n.*?)```", text, re.DOTALL)
    (values,) = (values for values in map(yaml.safe_load, blocks) if "db" in values["jupyterhub"].get("hub", {}))
    return dict(values)


def test_on_postgresql_as_the_admins_page_has_it_the_hub_needs_no_volume_and_its_password_is_in_a_secret(
    chart: Chart,
) -> None:
    objects = chart.render(page())
    hub = pod_spec(objects, "hub")
    (container,) = hub["containers"]
    assert ("PersistentVolumeClaim", "hub-db-dir") not in objects
    assert not [volume for volume in hub["volumes"] if volume["name"] == "pvc"]
    assert "/srv/jupyterhub" not in [mount["mountPath"] for mount in container["volumeMounts"]]
    reference = {"secretKeyRef": {"name": "coursehub-database", "key": "password"}}
    assert {"name": "PGPASSWORD", "valueFrom": reference} in container["env"]
    assert reaches(objects, pod(objects, "Deployment", "hub"), "10.9.8.7", 5432)


def test_a_volume_of_the_database_may_be_shared_by_folder(chart: Chart) -> None:
    """subPath: the entrypoint sees the same folder as the hub."""
    (hub,) = pod_spec(upstreams(chart).render(at("jupyterhub.hub.db.pvc.subPath", "hub")), "hub")["containers"]
    assert {"name": "pvc", "mountPath": "/srv/jupyterhub", "subPath": "hub"} in hub["volumeMounts"]


def test_a_database_file_elsewhere_has_no_copies(chart: Chart) -> None:
    said = "- jupyterhub.hub.db.url: a file of SQLite elsewhere has no copies, and on a network share it gets damaged"
    assert said in upstreams(chart).refusal(database("other", "sqlite:////srv/coursehub/share/hub.sqlite"))


@pytest.mark.parametrize(
    ("kind", "write"),
    [
        ("postgres", "postgresql+psycopg2://USER@HOST/DATABASE"),
        ("mysql", "mysql+pymysql://USER@HOST/DATABASE"),
        ("other", "postgresql+psycopg2://USER@HOST/DATABASE"),
    ],
)
def test_a_database_server_without_an_address_would_be_a_file_that_goes_with_the_pod(
    chart: Chart, kind: str, write: str
) -> None:
    said = f"- jupyterhub.hub.db.url: type {kind} needs it, since without it the database is a file in the hub's"
    refusal = (chart if kind == "postgres" else upstreams(chart)).refusal(database(kind))
    assert said in refusal
    assert f"write {write}." in refusal


def test_the_address_may_lie_in_a_secret_of_the_sites(chart: Chart) -> None:
    hub = {"db": {"type": "postgres"}, "existingSecret": "hub-values"}
    upstreams(chart).render(at("jupyterhub.hub", hub))


@pytest.mark.parametrize("url", ["postgres://hub@db/hub", "postgres+psycopg2://hub@db/hub"])
def test_a_name_that_the_hub_does_not_know_is_refused_with_the_one_that_it_does(chart: Chart, url: str) -> None:
    said = "- jupyterhub.hub.db.url: the hub knows no database of the name postgres; write postgresql+psycopg2://"
    assert said in chart.refusal(database("postgres", url))


def test_a_claim_where_a_database_file_would_be_is_refused_with_why_none_is_needed(chart: Chart) -> None:
    hub = {
        "db": {"type": "postgres", "url": URL},
        "extraVolumes": [{"name": "state", "persistentVolumeClaim": {"claimName": "state"}}],
        "extraVolumeMounts": [{"name": "state", "mountPath": "/srv/jupyterhub/coursehub"}],
    }
    assert (
        "- jupyterhub.hub.extraVolumeMounts: state cannot be at /srv/jupyterhub/coursehub, which is for a database "
        "that is a file; all that the hub keeps is in its database, so leave it out."
    ) in chart.refusal(at("jupyterhub.hub", hub))


def test_a_database_in_memory_is_said_after_the_install(chart: Chart) -> None:
    said = "The hub's database is in memory (jupyterhub.hub.db.type sqlite-memory): a restart of the hub forgets"
    assert said in upstreams(chart).notes(database("sqlite-memory"))
    assert said not in chart.notes()
