"""Where servers may go: what all policies that select a pod open together, as network plugins read them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.chart.helm import Chart, Objects, at

INTERNET = {
    "to": [
        {
            "ipBlock": {
                "cidr": "0.0.0.0/0",
                "except": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"],
            }
        }
    ]
}


def labels(role: str) -> dict[str, str]:
    """Of a server's pod, as the hub makes it."""
    names = {"app": "jupyterhub", "component": "singleuser-server", "release": "coursehub"}
    more = {f"app.kubernetes.io/{key}": value for key, value in (("name", "jupyterhub"), ("instance", "coursehub"))}
    own = {"coursehub/role": role, "hub.jupyter.org/network-access-hub": "true"}
    return {**names, **more, "app.kubernetes.io/component": "singleuser-server", **own}


def opened(objects: Objects, role: str) -> list[dict[str, Any]]:
    """The egress rules for a server in `role`: policies add up, and a rule of any of them is enough."""
    return [rule for policy in _selecting(objects, labels(role)) for rule in policy["egress"]]


def _selecting(objects: Objects, pod: dict[str, str]) -> Iterator[dict[str, Any]]:
    for (kind, _), each in objects.items():
        if kind == "NetworkPolicy" and "Egress" in each["spec"]["policyTypes"]:
            selector = each["spec"]["podSelector"]
            fits = all(pod.get(key) == value for key, value in selector.get("matchLabels", {}).items())
            for expression in selector.get("matchExpressions", ()):
                assert expression["operator"] == "NotIn"
                fits &= pod.get(expression["key"]) not in expression["values"]
            if fits:
                yield each["spec"]


def goes_to(rule: dict[str, Any]) -> str:
    """One of the hub, the proxy, DNS; or the rule itself."""
    ports = {port["port"] for port in rule.get("ports", ())}
    if ports == {53}:
        return "dns"
    (peer,) = rule["to"]
    component = peer.get("podSelector", {}).get("matchLabels", {}).get("component", "")
    known = {("hub", 8081): "hub", ("proxy", 8000): "proxy", ("autohttps", 8080): "proxy"}
    return known.get((component, min(ports, default=0)), str(rule))


def test_f11_servers_that_grade_reach_the_hub_the_proxy_and_dns_alone(objects: Objects) -> None:
    policies = list(_selecting(objects, labels("grading")))
    assert len(policies) == 2, "upstream's for servers, and ours for grading"
    assert {goes_to(rule) for rule in opened(objects, "grading")} == {"hub", "proxy", "dns"}


@pytest.mark.parametrize("role", ["general", "student", "instructor"])
def test_other_servers_reach_the_internet_too(objects: Objects, role: str) -> None:
    assert INTERNET in opened(objects, role)
    rest = [rule for rule in opened(objects, role) if rule != INTERNET]
    assert {goes_to(rule) for rule in rest} == {"hub", "proxy", "dns"}


def test_f11_what_a_site_opens_for_servers_grading_does_not_get(chart: Chart) -> None:
    rule = {"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}]}
    objects = chart.render(at("network.egress", [rule]))
    assert rule in opened(objects, "instructor")
    assert INTERNET not in opened(objects, "instructor")
    assert {goes_to(each) for each in opened(objects, "grading")} == {"hub", "proxy", "dns"}


def test_without_upstreams_policies_other_servers_are_not_held_and_grading_still_is(chart: Chart) -> None:
    objects = chart.render(at("jupyterhub.singleuser.networkPolicy.enabled", False))
    assert list(_selecting(objects, labels("student"))) == []
    assert {goes_to(rule) for rule in opened(objects, "grading")} == {"hub", "dns"}
