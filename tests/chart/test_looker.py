"""What only looks at the share, where there is no provisioner: restricted, to read, and the hub's alone."""

import pytest

from tests.chart.helm import Chart, Objects, Values, at, merged, pod_spec, site_values
from tests.chart.places import DOORS, PLACES, STRANGER
from tests.chart.policies import pod, reaches, server
from tests.network import ROLES
from tests.unit.cli.command import wrong_usage

LOOKER = "coursehub-looker"


def test_the_hub_asks_it_and_it_makes_nothing(objects: Objects) -> None:
    url = f"http://{LOOKER}:8080"
    assert site_values(objects)["provisioner"] == {"url": url, "timeout": 10, "makes": False}
    (container,) = pod_spec(objects, LOOKER)["containers"]
    assert container["command"] == ["coursehub", "storage", "serve"]
    assert "--look" in container["args"]
    assert wrong_usage("storage", "serve", *container["args"]) is None
    assert objects["Service", LOOKER]["spec"]["ports"][0]["port"] == 8080


def test_it_reads_the_claim_of_servers_and_can_write_nothing(objects: Objects) -> None:
    spec = pod_spec(objects, LOOKER)
    (share,) = (volume for volume in spec["volumes"] if volume["name"] == "share")
    assert share["persistentVolumeClaim"]["claimName"] == "coursehub-storage"
    assert all(mount["readOnly"] for mount in spec["containers"][0]["volumeMounts"])


@pytest.mark.parametrize("values", [{}, {"fixedIds": False}], ids=["as it is", "ids left to the cluster"])
def test_it_is_nobody_and_gives_the_share_to_no_group(chart: Chart, values: Values) -> None:
    spec = pod_spec(chart.render(values), LOOKER)
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65534,
        "runAsGroup": 65534,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert spec["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False


def test_it_runs_where_the_hub_does_from_the_same_registry_and_goes_before_servers(chart: Chart) -> None:
    pull = {"create": True, "registry": "registry.example.edu", "username": "puller", "password": "secret"}
    objects = chart.render(at("jupyterhub", {"imagePullSecret": pull, "hub": {"nodeSelector": {"kind": "core"}}}))
    looker, hub = pod_spec(objects, LOOKER), pod_spec(objects, "hub")
    for key in ("tolerations", "affinity", "nodeSelector", "imagePullSecrets", "priorityClassName"):
        assert looker[key] == hub[key]
    resources = looker["containers"][0]["resources"]
    assert resources["requests"] == resources["limits"]


def test_the_hub_alone_reaches_it_and_it_reaches_nothing(objects: Objects) -> None:
    looker, hub, proxy = (pod(objects, "Deployment", name) for name in (LOOKER, "hub", "proxy"))
    assert reaches(objects, hub, looker, 8080)
    servers = [server(role) for role in (*ROLES, "grading")]
    culler = pod(objects, "Deployment", "coursehub-culler")
    for other in (*servers, server("hub", **DOORS), proxy, culler, STRANGER):
        assert not reaches(objects, other, looker, 8080)
    for target, port, protocol in PLACES.values():
        assert not reaches(objects, looker, {"hub": hub, "proxy": proxy}.get(str(target), target), port, protocol)


def test_it_is_there_for_a_claim_of_the_sites_too(chart: Chart) -> None:
    objects = chart.render({"storage": {"nfs": None, "existingClaim": "coursehub-storage"}})
    assert ("Deployment", LOOKER) in objects


def test_with_a_secret_of_the_sites_the_chart_makes_no_token(chart: Chart) -> None:
    objects = chart.render(merged({}, at("storage.provisioner.existingSecret", True)))
    assert ("Secret", "coursehub-provisioner") not in objects
