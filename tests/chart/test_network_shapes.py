"""Rules of the network whose shape is no NetworkPolicy's: the render refuses them, not the API server later.

One that only warns of a key that it does not know forgets it: of `port: 443` in place of `ports` all ports are left.
"""

import re
from typing import Any

import pytest
import yaml

from tests.chart.helm import ROOT, Chart, Values, at, merged

TO = [{"ipBlock": {"cidr": "198.51.100.7/32"}}]
NAME = {"kubernetes.io/metadata.name": "kube-system"}
TEAM = {"key": "team", "operator": "In", "values": ["a"]}


def unknown(key: str) -> str:
    return f"additional properties '{key}' not allowed"


# Each with its place below the rule, and what is said of that.
RULES: dict[str, tuple[Any, str, str]] = {
    "a range": ("192.0.2.0/24", "", "got string, want object"),
    "from": ({"from": TO}, "", unknown("from")),
    "no list of places": ({"to": TO[0]}, "/to", "got object, want"),
    "a range for a place": ({"to": ["192.0.2.0/24"]}, "/to/0", "got string, want object"),
    "port for ports": ({"to": TO, "port": 443}, "", unknown("port")),
    "one port": ({"to": TO, "ports": 443}, "/ports", "got number, want"),
    "a number for a port": ({"to": TO, "ports": [443]}, "/ports/0", "got number, want object"),
    "nothing for a port": ({"to": TO, "ports": [{}]}, "/ports/0", "minProperties: got 0, want 1"),
    "ports in a port": ({"to": TO, "ports": [{"ports": [443]}]}, "/ports/0", unknown("ports")),
    "a range in words": ({"to": TO, "ports": [{"port": "80-90"}]}, "/ports/0/port", "'80-90' does not match pattern"),
    "a number in words": ({"to": TO, "ports": [{"port": "443"}]}, "/ports/0/port", "'443' does not match pattern"),
    "port 0": ({"to": TO, "ports": [{"port": 0}]}, "/ports/0/port", "minimum: got 0, want 1"),
    "small letters": (
        {"to": TO, "ports": [{"port": 443, "protocol": "tcp"}]},
        "/ports/0/protocol",
        "value must be one of 'TCP', 'UDP', 'SCTP'",
    ),
    "an end alone": (
        {"to": TO, "ports": [{"endPort": 443}]},
        "/ports/0",
        "properties 'port' required, if 'endPort' exists",
    ),
}
# Each with its place below the peer, and what is said of that.
PEERS: dict[str, tuple[Any, str, str]] = {
    "cidr for ipBlock": ({"cidr": "192.0.2.7/32"}, "", unknown("cidr")),
    "a range for a block": ({"ipBlock": "192.0.2.7/32"}, "/ipBlock", "got string, want object"),
    "several ranges": ({"ipBlock": {"cidr": ["192.0.2.7/32"]}}, "/ipBlock/cidr", "got array, want string"),
    "an unknown key of a block": ({"ipBlock": {"cidr": "192.0.2.0/24", "port": 53}}, "/ipBlock", unknown("port")),
    "one exception": ({"ipBlock": {"cidr": "192.0.2.0/24", "except": "192.0.2.7/32"}}, "/ipBlock/except", "got string"),
    "a name for labels": ({"namespaceSelector": "kube-system"}, "/namespaceSelector", "got string, want object"),
    "labels without matchLabels": (
        {"namespaceSelector": NAME},
        "/namespaceSelector",
        unknown("kubernetes.io/metadata.name"),
    ),
    "a number for a label": (
        {"podSelector": {"matchLabels": {"team": 1}}},
        "/podSelector/matchLabels/team",
        "got number, want string",
    ),
    "an unknown operator": (
        {"podSelector": {"matchExpressions": [TEAM | {"operator": "Is"}]}},
        "/podSelector/matchExpressions/0/operator",
        "value must be one of 'In', 'NotIn', 'Exists', 'DoesNotExist'",
    ),
    "no values": (
        {"podSelector": {"matchExpressions": [TEAM | {"values": []}]}},
        "/podSelector/matchExpressions/0/values",
        "minItems: got 0, want 1",
    ),
    "values of nothing": (
        {"podSelector": {"matchExpressions": [TEAM | {"operator": "Exists"}]}},
        "/podSelector/matchExpressions/0/values",
        "maxItems: got 1, want 0",
    ),
}
# By the path, each with its place below and what is said of that.
KEYS: dict[str, tuple[Any, str, str]] = {
    "network.dns.number": ({"to": TO, "port": 53}, "", unknown("port")),
    "network.dns.rule": ({"to": TO, "ports": [{"port": 53}]}, "/ports/0", "got object, want integer"),
    "network.dns.list": (["10.96.0.10"], "", "got array, want"),
    "network.campus": ([{"ipBlock": {"cidr": "192.0.2.0/24"}}], "/0", "got object, want string"),
    "network.apiServer": ({"to": TO, "ports": ["6443"]}, "/ports/0", "got string, want integer"),
    "network.apiServer.to": (TO, "", "additional properties"),
    "network.hub": ({"ports": [{"port": 443}]}, "/ports/0", "got object, want integer"),
}
# What the schema does not see: by the rule, each with what is said behind its place.
PARTS: dict[str, tuple[Any, str]] = {
    "no place": ({"to": [{}]}, ".to.0: it names no place; write an ipBlock, a namespaceSelector or a podSelector."),
    "a block and labels": (
        {"to": [TO[0] | {"podSelector": {}}]},
        ".to.0: an ipBlock and labels together are no place; write each as a place of its own.",
    ),
    "an end before its beginning": (
        {"to": TO, "ports": [{"port": 443, "protocol": "TCP"}, {"port": 443, "endPort": 80}]},
        ".ports.1: the range of ports ends at 80, before it begins at 443; write the lower one as port.",
    ),
    "an end of a name": (
        {"to": TO, "ports": [{"port": "dns", "endPort": 80}]},
        ".ports.0: a range of ports begins with a number, and dns is none; write both as numbers.",
    ),
}


@pytest.fixture(scope="module")
def said(chart: Chart) -> str:
    """What helm says to all of the wrong shapes at once, since it names every one that its schema refuses."""
    egress = [*(rule for rule, _, _ in RULES.values()), {"to": [peer for peer, _, _ in PEERS.values()]}]
    dns = {"peers": {"to": [peer for peer, _, _ in PEERS.values()], "ports": [53]}}
    values: Values = {"network": {"egress": egress, "dns": dns}, "monitoring": {"from": egress[-1]["to"]}}
    for path, (value, _, _) in KEYS.items():
        values = merged(values, at(path, value))
    return chart.refusal(values)


@pytest.mark.parametrize("case", RULES)
def test_a_rule_for_servers_of_a_wrong_shape_is_refused_at_its_place(said: str, case: str) -> None:
    _, place, text = RULES[case]
    assert f"at '/network/egress/{[*RULES].index(case)}{place}': {text}" in said


@pytest.mark.parametrize("above", [f"network/egress/{len(RULES)}/to", "network/dns/peers/to", "monitoring/from"])
@pytest.mark.parametrize("case", PEERS)
def test_a_place_of_a_wrong_shape_is_refused_wherever_places_are_written(said: str, case: str, above: str) -> None:
    _, place, text = PEERS[case]
    assert f"at '/{above}/{[*PEERS].index(case)}{place}': {text}" in said


@pytest.mark.parametrize("path", KEYS)
def test_each_key_of_the_network_refuses_what_is_not_of_its_shape(said: str, path: str) -> None:
    _, place, text = KEYS[path]
    assert f"at '/{path.replace('.', '/').removesuffix('/to')}{place}': {text}" in said


def test_what_the_schema_does_not_see_is_said_in_a_sentence(chart: Chart) -> None:
    said = chart.refusal({"network": {"egress": [rule for rule, _ in PARTS.values()]}})
    assert [
        case for number, (case, (_, text)) in enumerate(PARTS.items()) if f"- network.egress.{number}{text}" not in said
    ] == []
    assert said.count("network.egress.") == len(PARTS)


@pytest.mark.parametrize(
    "rule",
    [
        {"to": TO},
        {"to": TO, "ports": [{"protocol": "UDP"}]},
        {"to": TO, "ports": [{"port": 8000, "endPort": 8010, "protocol": "SCTP"}]},
        {"to": [{"namespaceSelector": {"matchLabels": NAME}, "podSelector": {}}], "ports": [{"port": "http-1"}]},
        {"to": [{"podSelector": {"matchExpressions": [TEAM, {"key": "team", "operator": "Exists"}]}}]},
    ],
)
def test_a_rule_that_kubernetes_takes_is_rendered_as_it_is(chart: Chart, rule: dict[str, Any]) -> None:
    policies = [
        spec["spec"].get("egress", [])
        for (kind, _), spec in chart.render({"network": {"egress": [rule]}}).items()
        if kind == "NetworkPolicy"
    ]
    assert any(rule in rules for rules in policies)


def test_the_examples_of_the_page_on_the_network_render_and_the_default_rule_in_them_is_the_default(
    chart: Chart,
) -> None:
    page = (ROOT / "docs/network.md").read_text()
    blocks = [yaml.safe_load(text) for text in re.findall(r"(?ms)^```yaml$(.*?)^```$", page)]
    (default,) = yaml.safe_load((ROOT / "chart/values.yaml").read_text())["network"]["egress"]
    rules = [block["network"]["egress"] for block in blocks if "egress" in block["network"]]
    assert [default in each for each in rules] == [True, False]
    for block in blocks:
        assert chart.render(block)
