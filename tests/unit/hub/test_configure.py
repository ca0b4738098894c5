"""`configure(c)`: one line in the hub's configuration, which keeps what the site had there."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from coursehub.errors import InvalidFile, Reason, Refused
from coursehub.hub import executions, spawn_test
from coursehub.hub.configure import configure
from coursehub.hub.hooks import Forbidden
from coursehub.hub.notices import feed
from coursehub.hub.pages import grading, handler
from coursehub.hub.proxy import Routes
from coursehub.hub.spawner import CoursehubSpawner
from coursehub.hub.volume.directories import Directories
from coursehub.live.kept import Folder
from coursehub.live.snapshot import Site
from coursehub.version import VERSION
from traitlets.config import Config

from tests.support import COURSES, SITE
from tests.unit.conftest import Prepared, Spawner, start
from tests.unit.pods import AWAY

UID = os.getuid() or 20001


@pytest.fixture(autouse=True)
def _no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that follows the files lives as long as its process, and would see what later tests change."""
    monkeypatch.setattr(Site, "follow", lambda _: None)


@pytest.fixture(autouse=True)
def _prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here nobody looks at a share."""
    monkeypatch.setattr(Directories, "prepare", Prepared.prepare)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The hub's values and courses."""
    for name in ("site", "courses"):
        (tmp_path / name).mkdir()
    (tmp_path / "site/site.yaml").write_text(SITE.replace("20001, gid", f"{UID}, gid").replace("20000", "1000"))
    (tmp_path / "courses/main.yaml").write_text(COURSES)
    return tmp_path


def configured(folder: Path, c: Config | None = None) -> Config:
    c = Config() if c is None else c
    configure(c, config=folder, place=Folder(folder / "state"), socket=folder / "door")
    return c


def test_the_log_of_a_hub_with_an_old_jupyterhub_begins_with_which_to_take(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    configured(folder)
    assert "holes are published" not in caplog.text
    monkeypatch.setattr("jupyterhub.__version__", "5.5.1")
    configured(folder)
    assert (
        "This hub runs JupyterHub 5.5.1, of which holes are published: make the hub's image with 5.5.4." in caplog.text
    )


@pytest.mark.parametrize(("module", "version"), [("jupyterhub", "6.2.0"), ("kubespawner", "7.2.0")])
def test_the_log_of_a_hub_outside_the_range_that_is_tested_names_the_range(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, module: str, version: str
) -> None:
    configured(folder)
    assert "is tested with" not in caplog.text
    monkeypatch.setattr(f"{module}.__version__", version)
    configured(folder)
    (line,) = [record for record in caplog.records if "is tested with" in record.getMessage()]
    assert line.levelname == "WARNING"
    assert version in line.getMessage()
    assert line.getMessage().endswith(
        "coursehub is tested with JupyterHub 5.5 and 6.1, KubeSpawner 7.0 and 7.1: make the hub's image with these."
    )


def test_the_hub_gets_the_form_the_hooks_and_the_admins(folder: Path) -> None:
    c = configured(folder)
    assert c.JupyterHub.spawner_class is CoursehubSpawner
    assert c.JupyterHub.allow_named_servers is False
    assert c.Authenticator.admin_users == {"sofia"}
    assert {name for name in c.KubeSpawner if callable(c.KubeSpawner[name])} == {
        *("options_form", "options_from_form", "apply_user_options"),
        *("pre_spawn_hook", "modify_pod_hook", "after_pod_created_hook"),
    }


def test_the_proxys_word_on_activity_counts_nowhere_unless_the_site_has_a_proxy_of_its_own(folder: Path) -> None:
    assert configured(folder).JupyterHub.proxy_class is Routes
    c = Config()
    c.JupyterHub.proxy_class = "traefik_etcd"
    assert configured(folder, c).JupyterHub.proxy_class == "traefik_etcd"


OURS = str(Path(handler.__file__).parent)


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        pytest.param(None, [OURS, "jupyterhub's"], id="none"),
        pytest.param(["site"], ["site", OURS], id="set, as z2jh does"),
    ],
)
def test_our_pages_go_after_the_sites_and_before_jupyterhubs(
    folder: Path, given: list[str] | None, paths: list[str]
) -> None:
    c = Config()
    if given is not None:
        c.JupyterHub.template_paths = given
    found = configured(folder, c).JupyterHub.template_paths
    assert (found if isinstance(found, list) else found.get_value(["jupyterhub's"])) == paths


def test_people_land_on_the_page_unless_the_site_says_where(folder: Path) -> None:
    request = SimpleNamespace(hub=SimpleNamespace(base_url="/teaching/hub/"))
    assert configured(folder).JupyterHub.default_url(request) == "/teaching/hub/courses"
    c = Config()
    c.JupyterHub.default_url = "/hub/home"
    assert configured(folder, c).JupyterHub.default_url == "/hub/home"


def test_handlers_of_the_site_stay(folder: Path) -> None:
    c = Config()
    c.JupyterHub.extra_handlers = [("/theirs", object)]
    paths = [path for path, *_ in configured(folder, c).JupyterHub.extra_handlers]
    assert paths == ["/theirs", feed.PATH, handler.COURSES, spawn_test.PATH, executions.PATH, grading.PATH]


@pytest.mark.parametrize("section", ["Spawner", "KubeSpawner"])
async def test_the_sites_own_hooks_are_called_before_ours(folder: Path, spawner: Spawner, section: str) -> None:
    called = []

    def before(used: Any) -> None:
        called.append("pre_spawn_hook")

    def modify(used: Any, pod: Any) -> Any:
        called.append("modify_pod_hook")
        return pod

    c = Config()
    c[section].pre_spawn_hook = before
    c[section].modify_pod_hook = modify
    values = configured(folder, c).KubeSpawner
    pod = await start_with(values, spawner)
    assert called == ["pre_spawn_hook", "modify_pod_hook"]
    assert pod["spec"]["securityContext"]["runAsUser"] == UID


async def test_a_hook_of_the_site_that_bends_the_pod_is_stopped(folder: Path, spawner: Spawner) -> None:
    def modify(used: Any, pod: Any) -> Any:
        pod.spec.host_network = True
        return pod

    c = Config()
    c.KubeSpawner.modify_pod_hook = modify
    with pytest.raises(Forbidden, match="Please tell the administrators"):
        await start_with(configured(folder, c).KubeSpawner, spawner)


async def test_a_home_that_is_missing_refuses_before_anything_is_set(
    folder: Path, spawner: Spawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def missing(*_: object) -> None:
        raise Refused("Your home directory does not exist yet", Reason.DIRECTORIES)

    monkeypatch.setattr(Directories, "prepare", missing)
    c = configured(folder)
    used = spawner("jonas", "general", **c.KubeSpawner)
    with pytest.raises(Forbidden, match="Your home directory does not exist yet"):
        await used.run_pre_spawn_hook()
    assert used.volumes == []


def test_a_hub_with_broken_values_does_not_start_and_says_where(folder: Path) -> None:
    (folder / "site/site.yaml").write_text("general: {image: x}\n")
    with pytest.raises(InvalidFile, match=r"site.yaml:1:18: general.image: x is not in images"):
        configured(folder)


def test_a_hub_of_another_version_than_the_charts_does_not_start_and_says_which_image_to_take(folder: Path) -> None:
    values = (folder / "site/site.yaml").read_text()
    (folder / "site/site.yaml").write_text(f"{values}version: 9.9.9\nservers: {{newer: 1}}\n")
    with pytest.raises(SystemExit) as ended:
        configured(folder)
    assert f"this hub image holds version {VERSION}, and the chart is version 9.9.9" in str(ended.value)
    assert "Set jupyterhub.hub.image to the hub image of version 9.9.9" in str(ended.value)
    (folder / "site/site.yaml").write_text(f"{values}version: {VERSION}\n")
    configured(folder)


async def start_with(values: Any, spawner: Spawner, profile: str = "general") -> dict[str, Any]:
    """The pod that a spawner with these values of c.KubeSpawner makes."""
    return await start(values.pre_spawn_hook.__self__, spawner("maria", profile, **values))


RELEASE = {"app": "jupyterhub", "release": "x", "chart": "jupyterhub-4.4.0", "app.kubernetes.io/instance": "x"}
OPENING = {"hub.jupyter.org/network-access-proxy-api": "true"}


async def test_y13_the_releases_own_labels_are_on_the_pod(folder: Path, spawner: Spawner) -> None:
    c = Config()
    c.KubeSpawner.common_labels = RELEASE
    pod = await start_with(configured(folder, c).KubeSpawner, spawner)
    assert pod["metadata"]["labels"].items() >= RELEASE.items()


@pytest.mark.parametrize(
    "labels", [{**RELEASE, **OPENING}, {**RELEASE, "hub.jupyter.org/username": "anna"}], ids=["network", "another's"]
)
async def test_y13_a_label_that_no_release_has_is_stopped_whoever_configured_it(
    folder: Path, spawner: Spawner, labels: dict[str, str]
) -> None:
    c = Config()
    c.KubeSpawner.common_labels = labels
    with pytest.raises(Forbidden, match="Please tell the administrators"):
        await start_with(configured(folder, c).KubeSpawner, spawner)


async def test_where_upstreams_values_place_servers_stays_and_a_class_of_nodes_goes_over_it(
    folder: Path, spawner: Spawner
) -> None:
    c = Config()
    c.KubeSpawner.node_selector = {"kind": "teaching", "zone": "a"}
    c.KubeSpawner.tolerations = [{"key": "teaching", "operator": "Exists"}]
    c.KubeSpawner.priority_class_name = "servers"
    (folder / "courses/main.yaml").write_text(
        COURSES + "  deep: {name: Deep, students: everyone, resources: {node: gpu}}\n"
    )
    values = configured(folder, c).KubeSpawner
    for profile, kind, keys in (("general", "teaching", ["teaching"]), ("deep", "gpu", ["teaching", "gpu"])):
        spec = (await start_with(values, spawner, profile))["spec"]
        assert spec["nodeSelector"] == {"kind": kind, "zone": "a"}
        assert [each["key"] for each in spec["tolerations"] if each not in AWAY] == keys
        assert spec["priorityClassName"] == "servers"


async def test_annotations_of_upstreams_values_are_on_each_pod(folder: Path, spawner: Spawner) -> None:
    c = Config()
    c.KubeSpawner.extra_annotations = {"sidecar.istio.io/inject": "false"}
    pod = await start_with(configured(folder, c).KubeSpawner, spawner)
    assert pod["metadata"]["annotations"]["sidecar.istio.io/inject"] == "false"
