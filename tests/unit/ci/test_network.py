"""Whose network it is, and which mounts."""

import ipaddress
import itertools
from pathlib import Path

import pytest

from ci.cluster import link, mounts, network, nodes
from ci.cluster.layout import Layout


def test_the_ranges_do_not_overlap() -> None:
    ranges = [ipaddress.IPv4Network(text) for text in (network.NODES, network.PODS, network.SERVICES)]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(ranges, 2))
    assert all(each.subnet_of(ipaddress.IPv4Network(network.NETWORK)) for each in ranges)
    addresses, pods, services = ranges
    assert [nodes.address(number) in map(str, addresses) for number in nodes.NUMBERS] == [True, True]
    assert nodes.address(1) == network.NODE_IP
    assert all(ipaddress.IPv4Network(nodes.pods(number)).subnet_of(pods) for number in nodes.NUMBERS)
    assert ipaddress.ip_address(network.DNS_SERVICE) in services


@pytest.mark.parametrize(
    ("route", "taken"),
    [
        pytest.param({"dst": "default", "dev": "eth0"}, "", id="default route"),
        pytest.param({"dst": "10.213.64.9", "dev": "veth1"}, "", id="a pod of ours"),
        pytest.param({"dst": network.NODE_IP, "dev": network.BRIDGE}, "", id="our bridge"),
        pytest.param({"dst": "10.213.0.2", "dev": "vethcoursehub-2"}, "", id="a node of ours"),
        pytest.param({"type": "unreachable", "dst": network.PODS}, "", id="where no pod of ours is"),
        pytest.param({"type": "unreachable", "dst": network.NODES}, "", id="where no node of ours is"),
        pytest.param({"type": "blackhole", "dst": network.PODS}, network.PODS, id="another's black hole"),
        pytest.param({"dst": "192.0.2.0/24", "dev": "eth0"}, "", id="another network"),
        pytest.param({"dst": "fe80::/64", "dev": "eth0"}, "", id="IPv6"),
        pytest.param({"dst": "10.213.7.0/24", "dev": "docker0"}, "10.213.7.0/24 on docker0", id="inside ours"),
        pytest.param({"dst": "10.0.0.0/8", "dev": "tun0"}, "10.0.0.0/8 on tun0", id="around ours"),
    ],
)
def test_a_network_in_use_is_seen(route: dict[str, object], taken: str) -> None:
    assert network.overlapping([route]) == taken


def test_mounts_are_found_in_the_folder_only_and_the_last_first() -> None:
    lines = "\n".join(
        f"1 1 0:1 / {point} rw - tmpfs tmpfs rw"
        for point in ("/", "/var/lib/coursehub/run", "/var/lib/coursehub/run/a\\040b", "/var/lib/coursehub/running")
    )
    assert mounts.under(Path("/var/lib/coursehub/run"), lines) == [
        Path("/var/lib/coursehub/run/a b"),
        Path("/var/lib/coursehub/run"),
    ]


def test_the_links_name_is_one_that_linux_takes_and_that_counts_as_ours() -> None:
    for number in nodes.NUMBERS:
        name = link.device(nodes.node(Layout(Path("/srv/hub"), Path("/c"), 8000), number, parts=2))
        assert len(name) <= 15
        assert network.overlapping([{"dst": "10.213.0.2", "dev": name}]) == ""
