"""The provisioner in the cluster: off by default; on, it is alone in its namespace and only the hub reaches it."""

import base64

import pytest

from tests.chart.helm import VERSION, Chart, Object, Objects, Values, at, merged, pod_spec, site_values
from tests.chart.policies import Pod, pod, reaches
from tests.chart.test_objects import OURS, UPSTREAM

ON: Values = at("storage.provisioner.enabled", True)
URL: Values = at("storage.provisioner.url", "https://storage.example.edu:8443")
ACCOUNT: Values = at("jupyterhub.hub.serviceAccount", {"name": "jupyter"})
NAME = "teaching-storage/coursehub-provisioner"
ADDED = [
    ("Deployment", NAME),
    ("Namespace", "teaching-storage"),
    ("NetworkPolicy", NAME),
    ("PersistentVolume", "teaching-coursehub-provisioner"),
    ("PersistentVolumeClaim", NAME),
    ("Role", "coursehub-provisioner"),
    ("RoleBinding", "coursehub-provisioner"),
    ("Secret", "coursehub-provisioner"),
    ("Secret", NAME),
    ("Service", NAME),
]


@pytest.fixture(scope="module")
def provisioned(chart: Chart) -> Objects:
    """The objects of the least site with the provisioner on."""
    return chart.render(ON)


def container(objects: Objects) -> Object:
    (found,) = pod_spec(objects, NAME)["containers"]
    return dict(found)


def test_on_it_adds_exactly_these_objects(provisioned: Objects) -> None:
    assert sorted(provisioned) == sorted(OURS + UPSTREAM + ADDED)


@pytest.mark.parametrize("name", ADDED, ids=" ".join)
def test_each_of_them_carries_our_labels(provisioned: Objects, name: tuple[str, str]) -> None:
    labels = provisioned[name]["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "coursehub"
    assert labels["app.kubernetes.io/instance"] == "coursehub"


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


def test_off_the_hub_knows_of_no_service(objects: Objects) -> None:
    assert "provisioner" not in site_values(objects)


def test_hub_and_service_have_one_token(provisioned: Objects, chart: Chart) -> None:
    ours, theirs = (provisioned["Secret", name]["data"]["token"] for name in ("coursehub-provisioner", NAME))
    assert ours == theirs
    assert len(base64.b64decode(ours)) == 64
    another = chart.render(merged(ON, {"timezone": "Asia/Tokyo"}))["Secret", NAME]["data"]["token"]
    assert another != ours, "the token is no secret if each install has the same"


def test_a_secret_of_the_sites_is_left_to_the_site(chart: Chart) -> None:
    objects = chart.render(merged(ON, at("storage.provisioner.existingSecret", True)))
    made = {("Secret", "coursehub-provisioner"), ("Secret", NAME)}
    assert set(objects) == {*OURS, *UPSTREAM, *ADDED} - made
    volumes = {volume["name"]: volume for volume in pod_spec(objects, NAME)["volumes"]}
    assert volumes["token"]["secret"]["secretName"] == "coursehub-provisioner"


def test_the_hub_is_told_to_follow_the_token_and_turning_the_service_on_restarts_no_hub(
    objects: Objects, provisioned: Objects
) -> None:
    followed = [each["ConfigMap", "coursehub-site"]["data"].get("provisioner") for each in (objects, provisioned)]
    assert followed == [None, "coursehub-provisioner"]
    assert pod_spec(objects, "hub") == pod_spec(provisioned, "hub")


@pytest.mark.parametrize("values", [ON, URL], ids=["in the cluster", "on the storage host"])
def test_the_hub_alone_may_read_the_token_and_no_other_secret_by_this_role(chart: Chart, values: Values) -> None:
    objects = chart.render(merged(merged(values, at("storage.check.schedule", "@daily")), ACCOUNT))
    role, binding = (objects[kind, "coursehub-provisioner"] for kind in ("Role", "RoleBinding"))
    assert role["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": ["coursehub-provisioner"],
            "verbs": ["get", "list", "watch"],
        }
    ]
    assert binding["roleRef"]["name"] == "coursehub-provisioner"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "jupyter", "namespace": "teaching"}]


@pytest.mark.parametrize("values", [ON, URL], ids=["in the cluster", "on the storage host"])
def test_with_a_service_a_sites_own_volumes_stand_alone(chart: Chart, values: Values) -> None:
    volumes, mounts = [{"name": "mine", "emptyDir": {}}], [{"name": "mine", "mountPath": "/mine"}]
    spec = pod_spec(
        chart.render(merged(values, at("jupyterhub.hub", {"extraVolumes": volumes, "extraVolumeMounts": mounts}))),
        "hub",
    )
    assert "coursehub" not in str([spec["volumes"], spec["containers"][0]["volumeMounts"]])


def test_of_a_service_on_the_storage_host_the_hub_knows_the_address_and_the_rest_is_the_sites(
    chart: Chart, objects: Objects
) -> None:
    there = chart.render(URL)
    rights = {("Role", "coursehub-provisioner"), ("RoleBinding", "coursehub-provisioner")}
    assert set(there) == {*objects, *rights}, "nothing of it is in the cluster, and the Secret is the site's"
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
