"""What the chart installs, and where each of our values ends up."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.helm import (
    ROOT,
    VERSION,
    Chart,
    Objects,
    Values,
    at,
    hub_values,
    look_up,
    merged,
    pod_spec,
    site_values,
)
from tests.chart.kinds import OURS, UPSTREAM


def test_the_least_site_installs_exactly_these_objects(objects: Objects) -> None:
    assert sorted(objects) == sorted(OURS + UPSTREAM)


@pytest.mark.parametrize("name", OURS, ids=" ".join)
def test_each_object_of_ours_carries_our_labels(objects: Objects, name: tuple[str, str]) -> None:
    labels = objects[name]["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "coursehub"
    assert labels["app.kubernetes.io/instance"] == "coursehub"
    assert labels["app.kubernetes.io/managed-by"] == "Helm"


VOLUME = {("PersistentVolume", "teaching-coursehub-storage"), ("PersistentVolumeClaim", "coursehub-storage")}

SITE_KEYS: dict[str, Any] = {
    "timezone": "Asia/Tokyo",
    "minimumUid": 5000,
    "admins": ["hanna"],
    "images.r": "registry.example.edu/r:2",
    "groups.teaching": 5001,
    "images.history": {"2026-08-15": "registry.example.edu/history:2", "2026-02-01": "registry.example.edu/history:1"},
    "nodes.gpu": {
        "nodeSelector": {"kind": "gpu"},
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "devices": {"nvidia.com/gpu": 1},
    },
    "courseGids": {"minimum": 70100, "maximum": 79999},
    "courseEnvironment": ["OMP_NUM_THREADS"],
    "siteModule": "university",
    "general.groups": ["teaching"],
    "general.resources.node": "gpu",
    "general.resources.cpu": 3,
    "general.resources.memory": "3G",
    "general.resources.scratch": "30G",
    "general.resources.guarantee.cpu": 0.5,
    "general.resources.guarantee.memory": "300M",
    "general.resources.guarantee.scratch": "3G",
    "maximum.cpu": 4,
    "maximum.memory": "40G",
    "maximum.scratch": "60G",
    "identity.provider": "nss",
    "identity.timeout": 3,
    "identity.cache": 60,
    "identity.file.groups.python-intro": 70101,
    "identity.file.people.hanna": {"uid": 30001, "gid": 30001, "groups": ["python-intro"]},
    "identity.ldap": {"servers": ["ldaps://ldap.example.edu"], "users": {"base": "dc=example,dc=edu"}},
    "identity.authState.uid": "uid",
    "identity.authState.gids.python-intro": 70101,
    "servers.activityInterval": 60,
    "servers.noticesInterval": 30,
    "classes": {"lead": "1h", "keep": "5m", "most": 40, "autoscaler": True, "priorityClass": False},
    "cull": {"idle": "2h", "maxAge": "never", "every": 30},
    "quotas.home.size": "10G",
    "usage.provider": "prometheus",
    "usage.warn": 80,
    "usage.interval": 300,
    "usage.prometheus": {"url": "http://prometheus-server.monitoring.svc:80/prometheus", "homes": {"job": "homes"}},
}


@pytest.fixture(scope="module")
def site(chart: Chart) -> dict[str, Any]:
    """site.yaml, where every key of ours is another than the default."""
    values: dict[str, Any] = {}
    for path, value in SITE_KEYS.items():
        values = merged(values, at(path, value))
    return site_values(chart.render(values))


@pytest.mark.parametrize("path", SITE_KEYS)
def test_a_value_of_ours_reaches_the_hub(site: dict[str, Any], path: str) -> None:
    assert look_up(site, path) == SITE_KEYS[path]


def test_every_key_of_ours_reaches_the_hub_or_an_object(site: dict[str, Any]) -> None:
    schema = yaml.safe_load((ROOT / "chart/values.schema.yaml").read_text())
    elsewhere = {
        *("storage", "courses", "network", "monitoring", "corePriority", "fixedIds"),
        *("acknowledgePlainHttp", "acknowledgeOneOrigin", "enabled", "global", "jupyterhub"),
    }
    assert set(site) == set(schema["properties"]) - elsewhere | {"version", "provisioner", "probe"}


HTTPS = {"enabled": True, "type": "secret", "secret": {"name": "coursehub-tls"}}
NAME = "h.example.edu"
NAMES = [NAME, f"*.{NAME}"]
ONE_ORIGIN = {"hub": {"config": {"JupyterHub": {"subdomain_host": ""}}}}


@pytest.mark.parametrize(
    ("values", "seen"),
    [
        pytest.param({}, None, id="TLS is off"),
        pytest.param(
            {"proxy": {"https": HTTPS}}, {"host": "proxy-public", "port": 443, "name": NAME}, id="at the proxy"
        ),
        pytest.param(
            {**ONE_ORIGIN, "proxy": {"https": HTTPS}}, {"host": "proxy-public", "port": 443}, id="without a name"
        ),
        pytest.param(
            {**ONE_ORIGIN, "proxy": {"https": {**HTTPS, "hosts": ["a.edu"]}}},
            {"host": "proxy-public", "port": 443, "name": "a.edu"},
            id="at the proxy, by its own name",
        ),
        pytest.param(
            {"proxy": {"https": {"enabled": True, "type": "offload", "hosts": [NAME]}}},
            {"host": NAME, "port": 443},
            id="in front of the proxy",
        ),
        pytest.param(
            {"ingress": {"enabled": True, "hosts": NAMES, "tls": [{"hosts": NAMES, "secretName": "tls"}]}},
            {"host": NAME, "port": 443},
            id="at an ingress",
        ),
        pytest.param({"ingress": {"enabled": True, "hosts": NAMES}}, None, id="an ingress without TLS"),
        pytest.param(
            {"proxy": {"https": {"enabled": True, "type": "offload"}}},
            {"host": NAME, "port": 443},
            id="by the name below which servers are",
        ),
        pytest.param(
            {**ONE_ORIGIN, "proxy": {"https": {"enabled": True, "type": "offload"}}}, None, id="under no name"
        ),
    ],
)
def test_the_hub_knows_where_to_see_the_certificate(chart: Chart, values: Values, seen: Values | None) -> None:
    site = {"acknowledgeOneOrigin": True, "jupyterhub": merged({"ingress": {}, "proxy": {}}, values)}
    found = site_values(chart.render(site))
    assert found.get("certificate") == seen


@pytest.mark.parametrize(("enabled", "port"), [(True, 443), (False, 80)])
def test_the_hub_knows_what_is_open_to_every_pod_that_no_policy_holds(chart: Chart, enabled: bool, port: int) -> None:
    https = at("jupyterhub.proxy.https", {"enabled": enabled, "type": "offload"})
    objects = chart.render(merged(https, {"acknowledgePlainHttp": True, "jupyterhub": {"fullnameOverride": "x"}}))
    found = site_values(objects)["probe"]
    assert found == {"host": "x-proxy-public", "port": port}
    assert found["port"] in [each["port"] for each in objects["Service", "x-proxy-public"]["spec"]["ports"]]


def test_an_nfs_server_becomes_a_volume(chart: Chart) -> None:
    nfs = {"server": "nfs.example.edu", "path": "/export", "version": 4.2, "mountOptions": ["rsize=1048576"]}
    volume = chart.render({"storage": {"nfs": nfs}})["PersistentVolume", "teaching-coursehub-storage"]["spec"]
    assert volume["nfs"] == {"server": "nfs.example.edu", "path": "/export"}
    assert volume["mountOptions"] == ["nfsvers=4.2", "nosuid", "nodev", "hard", "rsize=1048576"]
    assert "hostPath" not in volume


@pytest.mark.parametrize(
    ("said", "options"),
    [
        pytest.param({}, ["nosuid", "nodev", "hard"], id="nothing said"),
        pytest.param({"version": 3}, ["nfsvers=3", "nosuid", "nodev", "hard"], id="a version"),
        pytest.param({"mountOptions": ["vers=4.0"]}, ["nosuid", "nodev", "hard", "vers=4.0"], id="another way"),
        pytest.param({"mountOptions": ["hard", "nosuid"]}, ["nosuid", "nodev", "hard"], id="the same once more"),
        pytest.param({"mountOptions": ["soft"]}, ["nosuid", "nodev", "soft"], id="soft"),
        pytest.param({"mountOptions": ["softerr"]}, ["nosuid", "nodev", "softerr"], id="softerr"),
    ],
)
def test_f8_a_mount_gives_no_rights_from_files_whatever_a_site_says(
    chart: Chart, said: Values, options: list[str]
) -> None:
    volume = chart.render(at("storage.nfs", said))["PersistentVolume", "teaching-coursehub-storage"]["spec"]
    assert volume["mountOptions"] == options


def test_a_folder_of_the_machine_becomes_a_volume_that_is_never_made_by_kubelet(chart: Chart) -> None:
    objects = chart.render({"storage": {"nfs": None, "hostPath": "/srv/share"}})
    volume = objects["PersistentVolume", "teaching-coursehub-storage"]["spec"]
    assert volume["hostPath"] == {"path": "/srv/share", "type": "Directory"}
    assert "nfs" not in volume


def test_an_existing_claim_is_left_to_the_site(chart: Chart) -> None:
    objects = chart.render({"storage": {"nfs": None, "existingClaim": "coursehub-storage"}})
    assert sorted(objects) == sorted(set(OURS + UPSTREAM) - VOLUME)


def test_volume_and_claim_belong_to_each_other_and_outlive_the_release(objects: Objects) -> None:
    volume = objects["PersistentVolume", "teaching-coursehub-storage"]
    claim = objects["PersistentVolumeClaim", "coursehub-storage"]
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
    assert volume["spec"]["claimRef"] == {"namespace": "teaching", "name": "coursehub-storage"}
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    for each in (volume, claim):
        assert each["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
        assert each["spec"]["accessModes"] == ["ReadWriteMany"]
        assert each["spec"]["storageClassName"] == "", "the cluster's default class would make a volume of its own"


def test_the_hubs_database_has_a_claim_of_its_own_that_outlives_the_release(objects: Objects) -> None:
    claim = objects["PersistentVolumeClaim", "hub-db-dir"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_the_hub_starts_by_the_entrypoint_of_its_image_which_copies_the_database(objects: Objects) -> None:
    spec = pod_spec(objects, "hub")
    assert "initContainers" not in spec
    (hub,) = spec["containers"]
    assert "command" not in hub
    assert hub["args"][0] == "jupyterhub"
    assert {"name": "pvc", "mountPath": "/srv/jupyterhub"} in hub["volumeMounts"]


def test_each_pod_of_ours_runs_the_one_image(chart: Chart) -> None:
    on = {"storage": {"provisioner": {"enabled": True}, "check": {"schedule": "30 4 * * *"}}}
    trying = {"monitoring": {"spawnTest": {"enabled": True}}, "identity": {"provider": "nss"}}
    objects = chart.render(merged(on, trying))
    images = re.findall(r"'image': '([^']*coursehub[^']*)'", str(list(objects.values())))
    assert set(images) == {f"registry.example.edu/coursehub-hub:{VERSION}"}
    pods = {"hub", "culler", "provisioner", "check", "what brings its files", "spawn test", "spawn test by helm"}
    assert len(images) == len(pods | {"network test of students", "network test of grading"})


def test_the_hub_never_mounts_the_share(chart: Chart, objects: Objects) -> None:
    for found in (objects, chart.render(at("storage.provisioner.enabled", True)), chart.render({"siteModule": "uni"})):
        spec = pod_spec(found, "hub")
        claims = {volume.get("persistentVolumeClaim", {}).get("claimName") for volume in spec["volumes"]}
        assert claims == {None, "hub-db-dir"}


HUB_DEFAULTS: dict[str, Any] = {
    "hub.consecutiveFailureLimit": 0,
    "hub.allowNamedServers": False,
    "hub.config.JupyterHub.admin_access": False,
    "hub.extraConfig": {"zz-coursehub": "from coursehub.hub.configure import configure; configure(c)"},
    "singleuser.cloudMetadata.blockWithIptables": False,
    "singleuser.storage.type": "none",
    "cull.enabled": False,
}


@pytest.mark.parametrize("path", HUB_DEFAULTS)
def test_the_hub_gets_our_default(objects: Objects, path: str) -> None:
    assert look_up(hub_values(objects), path) == HUB_DEFAULTS[path]


ALLOWED: dict[str, Any] = {
    "nodeSelector": {"teaching": "servers"},
    "extraTolerations": [{"key": "teaching", "operator": "Exists"}],
    "extraNodeAffinity": {"preferred": [{"weight": 1, "preference": {"matchFields": []}}], "required": []},
    "extraPodAffinity": {"preferred": [], "required": [{"topologyKey": "zone"}]},
    "extraPodAntiAffinity": {"preferred": [], "required": [{"topologyKey": "host"}]},
    "extraAnnotations": {"example.edu/cost": "teaching"},
    "startTimeout": 120,
    "image.pullPolicy": "Always",
    "image.pullSecrets": ["registry"],
    "cloudMetadata.ip": "169.254.0.1",
    "networkPolicy.enabled": False,
}


@pytest.fixture(scope="module")
def allowed(chart: Chart) -> dict[str, Any]:
    """The hub's values where a site sets all that it may of singleuser."""
    values: dict[str, Any] = {}
    for path, value in ALLOWED.items():
        values = merged(values, at(f"jupyterhub.singleuser.{path}", value))
    return hub_values(chart.render(values))


@pytest.mark.parametrize("path", ALLOWED)
def test_a_site_may_set_this_of_singleuser(allowed: dict[str, Any], path: str) -> None:
    assert look_up(allowed, f"singleuser.{path}") == ALLOWED[path]


def test_values_of_upstream_reach_its_objects(chart: Chart) -> None:
    service = {"type": "NodePort", "nodePorts": {"http": 30080}}
    objects = chart.render({"jupyterhub": {"proxy": {"service": service}, "hub": {"activeServerLimit": 7}}})
    public = objects["Service", "proxy-public"]["spec"]
    assert public["type"] == "NodePort"
    assert [port["nodePort"] for port in public["ports"]] == [30080]
    assert hub_values(objects)["hub"]["activeServerLimit"] == 7


def _restarts(before: Objects, after: Objects, deployment: str) -> bool:
    template = [each["Deployment", deployment]["spec"]["template"] for each in (before, after)]
    return bool(template[0] != template[1])


def test_another_version_restarts_the_hub_and_the_culler_alone(chart: Chart, objects: Objects, tmp_path: Path) -> None:
    folder = shutil.copytree(chart.folder, tmp_path / "coursehub")
    about = folder / "Chart.yaml"
    about.write_text(about.read_text().replace(VERSION, "9.9.9"))
    changed = Chart(folder, chart.kind).render(at("jupyterhub.hub.image.tag", "9.9.9"))
    assert site_values(changed)["version"] == "9.9.9"
    assert _restarts(objects, changed, "hub")
    assert _restarts(objects, changed, "coursehub-culler")
    assert not _restarts(objects, changed, "proxy")


def test_a_changed_course_file_restarts_nothing(chart: Chart, objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "courses.yaml").write_text("courses: {}\n")
    changed = chart.render(courses={"main": tmp_path / "courses.yaml"})
    assert not _restarts(objects, changed, "hub")
    assert not _restarts(objects, changed, "coursehub-culler")
    assert not _restarts(objects, changed, "proxy")


@pytest.mark.parametrize("deployment", ["hub", "proxy", "coursehub-culler", "coursehub-looker"])
def test_all_pods_of_the_releases_namespace_keep_to_the_restricted_level(objects: Objects, deployment: str) -> None:
    spec = pod_spec(objects, deployment)
    for container in spec["containers"] + spec.get("initContainers", []):
        context = spec.get("securityContext", {}) | container["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["runAsUser"] != 0
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    kinds = {kind for volume in spec.get("volumes", []) for kind in volume if kind != "name"}
    assert kinds <= {"configMap", "secret", "persistentVolumeClaim", "projected"}
    projected = [volume["projected"]["sources"] for volume in spec.get("volumes", []) if "projected" in volume]
    assert {kind for sources in projected for source in sources for kind in source} <= {"secret"}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        pytest.param({}, ["get pods", "logs deploy/hub", "There is no course yet", "https is off"], id="least"),
        pytest.param({}, ["Nobody makes directories", "component=looker"], id="without a provisioner"),
        pytest.param({"courses": {"files": {"main": "courses: {}\n"}}}, ["get pvc coursehub-storage"], id="courses"),
        pytest.param({"courses": {"existingConfigMaps": ["algebra"]}}, ["get service proxy-public"], id="ConfigMaps"),
    ],
)
def test_the_notes_say_what_to_look_at_next(chart: Chart, values: Values, told: list[str]) -> None:
    notes = chart.notes(values)
    assert [text for text in told if text not in notes] == []
    assert "coursehub status --namespace teaching" in notes
    assert "whether its JupyterHub is older than the newest that was known" in notes
    assert ("There is no course yet" in notes) == (not values)
