"""The provisioner in the cluster: off by default; on, it is alone in its namespace and only the hub reaches it."""

import base64
import re

import pytest
import yaml

from tests.chart.helm import ROOT, VERSION, Chart, Object, Objects, Values, at, merged, pod_spec, site_values
from tests.chart.kinds import OURS, UPSTREAM
from tests.chart.policies import Pod, pod, reaches
from tests.chart.provisioned import ADDED, LOOKER, NAME, ON
from tests.unit.cli.command import wrong_usage

URL: Values = at("storage.provisioner.url", "https://storage.example.edu:8443")
ACCOUNT: Values = at("jupyterhub.hub.serviceAccount", {"name": "jupyter"})


@pytest.fixture(scope="module")
def provisioned(chart: Chart) -> Objects:
    """The objects of the least site with the provisioner on."""
    return chart.render(ON)


def container(objects: Objects) -> Object:
    (found,) = pod_spec(objects, NAME)["containers"]
    return dict(found)


def test_on_it_takes_the_place_of_what_only_looks(provisioned: Objects) -> None:
    assert sorted(provisioned) == sorted({*OURS, *UPSTREAM, *ADDED} - {*LOOKER})


@pytest.mark.parametrize("name", ADDED, ids=" ".join)
def test_each_of_them_carries_our_labels(provisioned: Objects, name: tuple[str, str]) -> None:
    labels = provisioned[name]["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "coursehub"
    assert labels["app.kubernetes.io/instance"] == "coursehub"


@pytest.mark.parametrize(
    ("values", "bounds"),
    [
        ({}, ["--minimum-uid=1000"]),
        (
            {"minimumUid": 20000, "courseGids": {"minimum": 70100, "maximum": 2147483646}},
            ["--minimum-uid=20000", "--gids=70100-2147483646"],
        ),
    ],
    ids=["a site without gids for courses", "a range"],
)
def test_f15_it_makes_courses_within_the_sites_gids_and_none_without(
    chart: Chart, values: Values, bounds: list[str]
) -> None:
    args = container(chart.render(merged(ON, values)))["args"]
    assert [each for each in args if each.startswith(("--minimum-uid", "--gids", "--verb"))] == bounds
    assert wrong_usage("storage", "serve", *args) is None


def test_its_namespace_enforces_baseline(provisioned: Objects) -> None:
    labels = provisioned["Namespace", "teaching-storage"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "baseline"


def test_it_is_root_with_three_capabilities_and_nothing_else(provisioned: Objects) -> None:
    spec, security = pod_spec(provisioned, NAME), container(provisioned)["securityContext"]
    assert spec["securityContext"] == {
        "runAsUser": 0,
        "runAsGroup": 0,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert security == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER"]},
    }
    assert spec["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"} & set(spec)


def test_only_the_hubs_pods_reach_it_and_it_reaches_nothing(provisioned: Objects) -> None:
    policy = provisioned["NetworkPolicy", NAME]["spec"]
    assert policy["podSelector"] == {}
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["egress"] == []
    (rule,) = policy["ingress"]
    (source,) = rule["from"]
    assert source["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "teaching"}
    wanted = source["podSelector"]["matchLabels"]
    labels = {
        name: each["spec"]["template"]["metadata"]["labels"]
        for (kind, name), each in provisioned.items()
        if kind == "Deployment"
    }
    assert {name for name, given in labels.items() if wanted.items() <= given.items()} == {"hub"}


def test_the_hub_reaches_it_also_where_upstreams_chart_has_another_name(provisioned: Objects) -> None:
    hub = Pod({"app": "lab", "component": "hub", "release": "coursehub"})
    assert reaches(provisioned, hub, pod(provisioned, "Deployment", NAME), 8080)


def test_the_service_leads_to_the_pod_and_the_hub_knows_its_address(provisioned: Objects) -> None:
    service, deployment = (provisioned[kind, NAME]["spec"] for kind in ("Service", "Deployment"))
    assert service["selector"] == deployment["selector"]["matchLabels"]
    assert service["selector"].items() <= deployment["template"]["metadata"]["labels"].items()
    (port,) = service["ports"]
    assert container(provisioned)["ports"] == [{"name": port["targetPort"], "containerPort": port["port"]}]
    url = f"http://coursehub-provisioner.teaching-storage.svc:{port['port']}"
    assert site_values(provisioned)["provisioner"] == {"url": url, "timeout": 10}


def test_hub_and_service_have_one_token(provisioned: Objects, chart: Chart) -> None:
    ours, theirs = (provisioned["Secret", name]["data"]["token"] for name in ("coursehub-provisioner", NAME))
    assert ours == theirs
    assert len(base64.b64decode(ours)) == 64
    another = chart.render(merged(ON, {"timezone": "Asia/Tokyo"}))["Secret", NAME]["data"]["token"]
    assert another != ours, "the token is no secret if each install has the same"


def test_a_secret_of_the_sites_is_left_to_the_site(chart: Chart) -> None:
    objects = chart.render(merged(ON, at("storage.provisioner.existingSecret", True)))
    made = {("Secret", "coursehub-provisioner"), ("Secret", NAME)}
    assert set(objects) == {*OURS, *UPSTREAM, *ADDED} - {*made, *LOOKER}
    volumes = {volume["name"]: volume for volume in pod_spec(objects, NAME)["volumes"]}
    assert volumes["token"]["secret"]["secretName"] == "coursehub-provisioner"


def test_the_hub_is_told_to_follow_the_token_and_turning_the_service_on_restarts_no_hub(
    objects: Objects, provisioned: Objects
) -> None:
    followed = [each["ConfigMap", "coursehub-site"]["data"].get("provisioner") for each in (objects, provisioned)]
    assert followed == ["coursehub-provisioner"] * 2
    assert pod_spec(objects, "hub") == pod_spec(provisioned, "hub")


@pytest.mark.parametrize("values", [ON, URL], ids=["in the cluster", "on the storage host"])
def test_the_hub_alone_may_read_the_token_and_what_a_site_adds_and_no_other_secret_by_this_role(
    chart: Chart, values: Values
) -> None:
    objects = chart.render(merged(merged(values, at("storage.check.schedule", "@daily")), ACCOUNT))
    role, binding = (objects[kind, "coursehub-hub-reads"] for kind in ("Role", "RoleBinding"))
    assert {each["resources"][0]: (each["resourceNames"], each["verbs"]) for each in role["rules"]} == {
        "configmaps": (["coursehub-authorities", "coursehub-module"], ["get", "list", "watch"]),
        "secrets": (["coursehub-ldap", "coursehub-provisioner"], ["get", "list", "watch"]),
    }
    assert binding["roleRef"]["name"] == "coursehub-hub-reads"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "jupyter", "namespace": "teaching"}]


def test_of_a_service_on_the_storage_host_the_hub_knows_the_address_and_the_rest_is_the_sites(
    chart: Chart, objects: Objects
) -> None:
    there = chart.render(URL)
    made = {*LOOKER, ("Secret", "coursehub-provisioner")}
    assert set(there) == {*objects} - made, "nothing of it is in the cluster, and the Secret is the site's"
    assert site_values(there)["provisioner"] == {"url": "https://storage.example.edu:8443", "timeout": 10}
    assert pod_spec(there, "hub") == pod_spec(objects, "hub")


@pytest.mark.parametrize("url", ["http://storage.example.edu:8443", "https://storage/requests", "storage:8443"])
def test_the_service_on_the_storage_host_is_asked_by_https_alone(chart: Chart, url: str) -> None:
    assert "storage/provisioner/url" in chart.refusal(at("storage.provisioner.url", url)).replace(".", "/")


@pytest.mark.parametrize(
    "storage",
    [
        pytest.param({"nfs": {"server": "n", "path": "/e", "version": 4.2, "mountOptions": ["hard"]}}, id="nfs"),
        pytest.param({"nfs": None, "hostPath": "/srv/share"}, id="hostPath"),
    ],
)
def test_its_volume_is_a_second_view_of_the_same_tree(chart: Chart, storage: Values) -> None:
    objects = chart.render(merged(ON, {"storage": storage}))
    theirs = objects["PersistentVolume", "teaching-coursehub-storage"]["spec"]
    volume = objects["PersistentVolume", "teaching-coursehub-provisioner"]
    claim = objects["PersistentVolumeClaim", NAME]["spec"]
    assert volume["spec"] == theirs | {"claimRef": {"namespace": "teaching-storage", "name": "coursehub-provisioner"}}
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert claim["volumeName"] == volume["metadata"]["name"]


def test_a_claim_of_the_sites_cannot_serve_it_and_the_ssh_door_is_named(chart: Chart) -> None:
    said = chart.refusal(merged(ON, {"storage": {"nfs": None, "existingClaim": "coursehub-storage"}}))
    assert "- storage.provisioner: it has a namespace of its own" in said
    assert "use the ssh door on the storage host" in said


CLAIMED: Values = {
    "storage": {
        "nfs": None,
        "existingClaim": "coursehub-storage",
        "provisioner": {"enabled": True, "existingClaim": "homes"},
        "check": {"schedule": "@daily"},
    }
}


def test_on_a_claim_of_the_sites_provisioner_and_check_mount_a_second_one_and_the_chart_makes_no_volume(
    chart: Chart,
) -> None:
    objects = chart.render(CLAIMED)
    assert not [name for kind, name in objects if kind == "PersistentVolume"]
    assert not [name for kind, name in objects if kind == "PersistentVolumeClaim" and "coursehub" in name]
    job = objects["CronJob", "teaching-storage/coursehub-check"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    for spec in (pod_spec(objects, NAME), job):
        (share,) = (volume for volume in spec["volumes"] if volume["name"] == "share")
        assert share["persistentVolumeClaim"] == {"claimName": "homes"}


def test_the_claim_of_the_docs_is_the_one_that_their_values_name() -> None:
    page = (ROOT / "docs/admins/storage.md").read_text()
    section = page[page.index("\n## Storage by CSI") :].split("\n## ")[1]
    volume, claim, values = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", section, re.DOTALL))
    storage = values["storage"]
    assert claim["metadata"]["name"] == storage["provisioner"]["existingClaim"]
    assert volume["spec"]["claimRef"] == claim["metadata"]
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]


def test_it_runs_the_hubs_image_as_the_hub_does(chart: Chart) -> None:
    image = {"pullPolicy": "Never", "pullSecrets": ["one", {"name": "two"}]}
    objects = chart.render(merged(ON, at("jupyterhub.hub.image", image)))
    assert container(objects)["image"] == f"registry.example.edu/coursehub-hub:{VERSION}"
    assert container(objects)["imagePullPolicy"] == "Never"
    assert pod_spec(objects, NAME)["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]


def test_its_time_is_the_sites(chart: Chart) -> None:
    objects = chart.render(merged(ON, at("storage.provisioner.timeout", 2.5)))
    assert "--timeout=2.5" in container(objects)["args"]
    assert site_values(objects)["provisioner"]["timeout"] == 2.5


def test_the_notes_name_the_secret_that_a_service_on_the_storage_host_needs(chart: Chart) -> None:
    notes = chart.notes(at("storage.provisioner.url", "https://storage.example.edu:8443"))
    assert "Directories are made by https://storage.example.edu:8443" in notes
    assert "kubectl -n teaching get secret coursehub-provisioner" in notes


def test_the_notes_say_where_its_log_is(chart: Chart) -> None:
    assert "kubectl -n teaching-storage logs deploy/coursehub-provisioner" in chart.notes(ON)
