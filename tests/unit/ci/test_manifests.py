"""What runs in the cluster itself."""

from typing import Any

from ci.cluster import manifests


def of(kind: str, name: str) -> dict[str, Any]:
    """The only object of that kind and name."""
    objects = (*manifests.rights(), *manifests.names(nodes=1))
    (found,) = (each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return found


def test_names_are_resolved_on_port_53_from_the_client_to_the_pod() -> None:
    ports = of("Service", "kube-dns")["spec"]["ports"]
    assert {(port["port"], port["targetPort"], port["protocol"]) for port in ports} == {
        (53, 53, "UDP"),
        (53, 53, "TCP"),
    }
    (container,) = of("Deployment", "coredns")["spec"]["template"]["spec"]["containers"]
    assert {port["containerPort"] for port in container["ports"]} == {53}
    assert of("ConfigMap", "coredns")["data"]["Corefile"].startswith(".:53 {")


def test_the_name_server_has_no_right_of_root() -> None:
    (container,) = of("Deployment", "coredns")["spec"]["template"]["spec"]["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_what_enforces_policies_may_read_what_they_are_about_and_no_more() -> None:
    rules = of("ClusterRole", "coursehub-kube-router")["rules"]
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert {resource for rule in rules for resource in rule["resources"]} == {
        "endpoints",
        "endpointslices",
        "namespaces",
        "networkpolicies",
        "nodes",
        "pods",
        "services",
    }
    (subject,) = of("ClusterRoleBinding", "coursehub-kube-router")["subjects"]
    assert (subject["kind"], subject["name"]) == ("User", "coursehub:kube-router")


def test_each_node_has_a_name_server_and_a_node_that_is_away_keeps_no_room_for_one() -> None:
    (deployment,) = (each for each in manifests.names(nodes=2) if each["kind"] == "Deployment")
    assert deployment["spec"]["replicas"] == 2
    (spread,) = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["maxSkew"]) == ("kubernetes.io/hostname", 1)
    assert (spread["whenUnsatisfiable"], spread["nodeTaintsPolicy"]) == ("DoNotSchedule", "Honor")
    assert spread["labelSelector"] == deployment["spec"]["selector"]
