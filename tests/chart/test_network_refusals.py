"""Values of the network that would open too much, or that Kubernetes would not take: the render says what to write."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.chart.helm import Chart, Values, at, merged

NO_RANGE = "is no range of addresses; write one whose bits behind the length are 0, such as"
RANGES = (
    *(
        "10.0.0.1",
        "10.0.0.0/33",
        "10.0.0/8",
        "256.0.0.0/8",
        "010.0.0.0/8",
        "10.1.2.3/8",
        "nodes",
        "10.0.0.0/8,10.1.0.0/16",
    ),
    *("2001:db8::/129", "2001:db8::1/64", "2001::db8::/32", "2001:db8:1:2:3:4:5:6:7/128", "2001:db8/32", ":::/0"),
    *("2001:db8:0:0:0:0:0:0::/32", "fe80::g/64", "::ffff:10.0.0.0/104", ":/0", "1:/16", "fe80::/010", ""),
    *("::ffff:0:0/96", "::FFFF:c000:200/120"),
)
ALL = ("0.0.0.0/0", "::/0")

KEYS_TOO = "or where clouds tell machines' own keys, too; write into its except"

Block = dict[str, Any]
EXCEPTIONS = (
    ("10.1.0.0/16", "10.0.0.0/8", "as large as its block or larger"),
    ("10.1.0.0/16", "10.1.0.0/16", "as large as its block or larger"),
    ("10.1.0.0/16", "10.2.0.0/24", "not inside its block"),
    ("0.0.0.0/0", "fc00::/7", "not inside its block"),
    ("2001:db8::/32", "2001:d00::/24", "as large as its block or larger"),
)


PRIVATE = "100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16, 168.63.129.16/32"
WIDE: tuple[tuple[str, list[str], str], ...] = (
    ("0.0.0.0/0", [], f"10.0.0.0/8, {PRIVATE}"),
    ("0.0.0.0/0", ["10.0.0.0/8"], PRIVATE),
    ("0.0.0.0/1", [], "10.0.0.0/8, 100.64.0.0/10"),
    ("128.0.0.0/1", ["172.16.0.0/12", "192.168.0.0/16"], "169.254.0.0/16, 168.63.129.16/32"),
    ("100.0.0.0/8", ["100.64.0.0/16"], "100.64.0.0/10"),
    ("100.100.0.0/16", [], "100.100.100.200/32"),
    ("fd00::/8", [], "fd00:ec2::254/128, fd20:ce::254/128"),
    ("fe00::/8", [], "fe80::/10"),
)


def excepted(block: str, exception: str) -> Block:
    return {"cidr": block, "except": [exception]}


# In their order in network.egress, each with what is said.
EGRESS: Mapping[str, tuple[dict[str, Any], str]] = {
    "a rule for everything": (
        {"to": []},
        "- network.egress.0.to: empty it would open every address, the file server's and the nodes' among them; write",
    ),
    "a rule of ports alone": (
        {"ports": [{"port": 443}]},
        "- network.egress.1.to: empty it would open every address",
    ),
    "a block that is none": (
        {"to": [{"ipBlock": {"cidr": "10.0.0.0/40"}}]},
        f"- network.egress: 10.0.0.0/40 {NO_RANGE}",
    ),
    "a block without a range": (
        {"to": [{"ipBlock": {"except": ["10.0.0.0/8"]}}]},
        f"- network.egress: a block without cidr {NO_RANGE}",
    ),
    "an exception that is none": (
        {"to": [{"ipBlock": excepted("0.0.0.0/0", "10.0.0.0")}]},
        f"- network.egress: the exception 10.0.0.0 {NO_RANGE}",
    ),
    **{
        f"{exception} out of {block}": (
            {"to": [{"ipBlock": excepted(block, exception)}]},
            f"- network.egress: the exception {exception} is {what}, {block}, and Kubernetes takes only a part of it; "
            f"write a smaller range inside {block}, or take the exception out.",
        )
        for block, exception, what in EXCEPTIONS
    },
    **{
        f"all of {block}": (
            {"to": [{"ipBlock": {"cidr": block, "except": excepts}}]},
            f"- network.egress: {block} opens addresses that are private, or where clouds tell machines' own keys, too"
            f"; write into its except {said}.",
        )
        for block, excepts, said in WIDE
    },
}
EVERYWHERE = "empty it would open these ports everywhere; write where this DNS is, such as"
MORE = (
    "is more than the DNS of a cluster, and through a resolver outside data could leave; write the addresses of yours"
)
KEYS = "clouds tell machines' own keys, so no port but 53 can be open there; write it as an entry of its own"
# One that this site's API server has.
API_SERVER = 7443
NO_DNS = {
    22: "below 1024 a DNS listens at 53",
    80: "clouds tell a machine's own keys there",
    443: "it is the API server's",
    853: "below 1024 a DNS listens at 53",
    2049: "it is the file server's",
    2379: "it is etcd's",
    6443: "it is the API server's",
    8443: "it is the API server's",
    16443: "it is the API server's",
    API_SERVER: "it is the API server's",
    8001: "it is this chart's own",
    8080: "it is this chart's own",
    8081: "it is this chart's own",
    8888: "it is this chart's own",
    10250: "it is the nodes' own",
}
# By the name in network.dns, each with what is said behind that.
DNS: Mapping[str, tuple[dict[str, Any], str]] = {
    "n5-everywhere": ({"to": [], "ports": [53]}, f".to: {EVERYWHERE}"),
    "n5-nowhere-said": ({"ports": [53]}, f".to: {EVERYWHERE}"),
    "n5-ports-empty": ({"to": [{"ipBlock": {"cidr": "10.96.0.10/32"}}], "ports": []}, ".ports: empty it would open"),
    "n5-ports-unsaid": ({"to": [{"ipBlock": {"cidr": "10.96.0.10/32"}}]}, ".ports: empty it would open every port"),
    "no-range": ({"to": [{"ipBlock": {"cidr": "10.96.0.10"}}], "ports": [53]}, f": 10.96.0.10 {NO_RANGE}"),
    **{
        f"n5-more-{number}": (
            {"to": [{"ipBlock": {"cidr": block}}], "ports": [53]},
            f".to.0.ipBlock.cidr: {block} {MORE}",
        )
        for number, block in enumerate(("0.0.0.0/0", "128.0.0.0/1", "10.0.0.0/8", "10.96.0.0/23", "::/0", "fd00::/64"))
    },
    **{
        f"n5-empty-{number}": ({"to": [peer], "ports": [53]}, f".to.0{said}")
        for number, (peer, said) in enumerate(
            (
                (
                    {"namespaceSelector": {}},
                    ".namespaceSelector: empty it would open every namespace; write the labels",
                ),
                ({"namespaceSelector": {"matchLabels": {}}}, ".namespaceSelector: empty it would open every namespace"),
                ({"podSelector": {}}, ".podSelector: empty it would open every pod; write the labels of the one with"),
                (
                    {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]}},
                    ".namespaceSelector: the operator Exists opens what nobody has named; write the names",
                ),
                ({}, ": it names no place; write an ipBlock, a namespaceSelector or a podSelector."),
            )
        )
    },
    **{
        f"n1-n4-port-{port}": (
            {"to": [{"ipBlock": {"cidr": "192.0.2.53/32"}}], "ports": [53, port]},
            f".ports: {port} is no port of a DNS, and {why}; write those at which this DNS listens, such as [53].",
        )
        for port, why in NO_DNS.items()
    },
    "n5-many-four": (
        {"to": [{"ipBlock": {"cidr": f"10.96.{part}.0/25"}} for part in range(3)], "ports": [53]},
        f".to: 384 addresses in all {MORE}",
    ),
    "n5-many-six": (
        {"to": [{"ipBlock": {"cidr": "fd00::/120"}}, {"ipBlock": {"cidr": "10.96.0.10/32"}}], "ports": [53]},
        f".to: 257 addresses in all {MORE}",
    ),
    **{
        f"n1-{number}": (
            {"to": [{"ipBlock": {"cidr": block}}], "ports": [53, 80]},
            f".to.0.ipBlock.cidr: at {block} {KEYS}",
        )
        for number, block in enumerate(
            ("169.254.169.254/32", "169.254.169.0/24", "168.63.129.16/32", "100.100.100.200/32", "fd00:ec2::254/128")
        )
    },
}
PORTS = {
    ("hub", 53): "names go by network.dns alone",
    ("hub", 80): "clouds tell a machine's own keys there",
    ("hub", 111): "it is the file server's",
    ("hub", 2049): "it is the file server's",
    ("hub", 20048): "it is the file server's",
    ("hub", 2379): "it is etcd's",
    ("hub", 2380): "it is etcd's",
    ("hub", 10250): "it is the nodes' own",
    ("hub", 10255): "it is the nodes' own",
    ("apiServer", 10250): "it is the nodes' own",
}
PARTS = ("hub", "proxy.chp", "proxy.traefik")
EVERY = "empty it would open every address and every pod; write"
EVERY_POD = "without a label it would open every pod, servers among them; write"
# What upstream's values add for them, in their order, each with what is said.
UPSTREAM: Mapping[str, list[tuple[dict[str, Any], str]]] = {
    "egress": [
        ({}, f".INDEX.to: {EVERY} those"),
        ({"to": []}, f".INDEX.to: {EVERY}"),
        ({"ports": [{"port": 443}]}, f".INDEX.to: {EVERY}"),
        ({"to": [{}]}, ".INDEX.to.0: it names no place"),
        ({"to": [{"podSelector": {}}]}, f".INDEX.to.0: {EVERY_POD}"),
        ({"to": [{"namespaceSelector": {"matchLabels": {}}}]}, f".INDEX.to.0: {EVERY_POD}"),
        ({"to": [{"namespaceSelector": {}, "podSelector": {}}]}, f".INDEX.to.0: {EVERY_POD}"),
        ({"to": [{"ipBlock": {"cidr": "10.0.0.7"}}]}, f": 10.0.0.7 {NO_RANGE}"),
        ({"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}, f": 0.0.0.0/0 opens addresses that are private, {KEYS_TOO}"),
        ({"to": [{"ipBlock": {"cidr": "168.0.0.0/8"}}]}, f": 168.0.0.0/8 opens addresses that are private, {KEYS_TOO}"),
    ],
    "ingress": [
        ({}, f".INDEX.from: {EVERY} whom"),
        ({"from": []}, f".INDEX.from: {EVERY}"),
        ({"ports": [{"port": 8001}]}, f".INDEX.from: {EVERY}"),
        ({"from": [{}]}, ".INDEX.from.0: it names no place"),
        ({"from": [{"podSelector": {}}]}, f".INDEX.from.0: {EVERY_POD}"),
        ({"from": [{"ipBlock": {"cidr": "10.0.0.7"}}]}, f": 10.0.0.7 {NO_RANGE}"),
    ],
}


@pytest.fixture(scope="module")
def said(chart: Chart) -> str:
    """What the render says to all of them at once."""
    ports: dict[str, Any] = {"hub": {"ports": []}, "apiServer": {"ports": [API_SERVER]}}
    for part, port in PORTS:
        ports[part]["ports"].append(port)
    dns = {name: entry for name, (entry, _) in DNS.items()}
    egress = [rule for rule, _ in EGRESS.values()]
    values: Values = {"network": {"campus": [*RANGES, *ALL], "egress": egress, "dns": dns, **ports}}
    ways = {way: [rule for rule, _ in rules] for way, rules in UPSTREAM.items()}
    for part in PARTS:
        values = merged(values, at(f"jupyterhub.{part}.networkPolicy", ways))
    return chart.refusal(values)


@pytest.mark.parametrize("text", RANGES)
def test_a_range_of_the_campus_that_is_none_is_named(said: str, text: str) -> None:
    assert f"\n- network.campus: {text} is no range of addresses; write one whose bits behind the length are 0" in said


@pytest.mark.parametrize("text", ALL)
def test_a_campus_of_all_addresses_is_refused(said: str, text: str) -> None:
    assert f"- network.campus: {text} is every address; write the ranges of your nodes, API server and file" in said


@pytest.mark.parametrize("case", EGRESS)
def test_a_rule_for_servers_that_opens_everything_or_cannot_be_is_refused(said: str, case: str) -> None:
    assert EGRESS[case][1] in said


@pytest.mark.parametrize("name", DNS)
def test_n1_n5_a_dns_that_opens_more_than_dns_is_refused(said: str, name: str) -> None:
    """N1: where clouds' metadata is; N5: other resolvers."""
    assert f"- network.dns.{name}{DNS[name][1]}" in said


@pytest.mark.parametrize(("part", "port"), PORTS)
def test_n1_n4_a_port_of_what_has_to_be_closed_is_refused(said: str, part: str, port: int) -> None:
    """N1: metadata and kubelets; N4: the file server."""
    why = PORTS[part, port]
    assert f"- network.{part}.ports: {port} would be open at every address, and {why}; take it out, and open it" in said


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("way", UPSTREAM)
def test_n1_n4_a_rule_of_upstreams_for_hub_or_proxy_opens_only_what_it_names(said: str, part: str, way: str) -> None:
    for index, (_, told) in enumerate(UPSTREAM[way]):
        assert f"- jupyterhub.{part}.networkPolicy.{way}{told.replace('INDEX', str(index))}" in said


@pytest.mark.parametrize("part", PARTS)
def test_a_rule_of_upstreams_that_names_what_it_opens_renders(chart: Chart, part: str) -> None:
    """As docs/network.md has it; pods by their labels in whatever namespace, too."""
    pods = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "prometheus"}}}
    ways = {
        "egress": [{"to": [{"ipBlock": {"cidr": "169.254.169.254/32"}}]}, {"to": [pods], "ports": [{"port": 80}]}],
        "ingress": [{"from": [pods, {"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": "http"}]}],
    }
    rendered = str(chart.render(at(f"jupyterhub.{part}.networkPolicy", ways)))
    assert part == "proxy.traefik" or "prometheus" in rendered


def test_what_is_fine_is_not_named(said: str) -> None:
    assert "network.dns.cluster" not in said
    assert "network.dns.node" not in said


@pytest.mark.parametrize("port", [53, 1053, 5353, 8053, 10053])
def test_a_port_at_which_a_dns_listens_is_taken(chart: Chart, port: int) -> None:
    entry = {"to": [{"ipBlock": {"cidr": "10.96.0.0/24"}}], "ports": [port]}
    policies = str(chart.render({"network": {"dns": {"own": entry}}}))
    assert f"'port': {port}, 'protocol': 'UDP'" in policies


def test_of_a_range_that_is_none_alone_it_is_not_said_that_none_is_given(chart: Chart) -> None:
    said = chart.refusal({"network": {"campus": ["192.0.2.0/33"]}})
    assert "- network.campus: 192.0.2.0/33 is no range of addresses" in said
    assert said.count("network.campus") == 1
