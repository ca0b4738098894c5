"""What the network test says of what it found."""

import pytest
from coursehub.networktest.rules import Answer, Duty, Place, lines, place, unnamed, unreached, well

HUB = Place(Duty.OPEN, "the hub", "hub", 8081)
API = Place(Duty.ALIVE, "the API server", "10.96.0.1", 443)
PROXY = Place(Duty.GUARDED, "the proxy's API", "proxy-api", 8001)
KUBELET = Place(Duty.NODE, "the kubelet of this node", "192.0.2.20", 10250)
METADATA = Place(Duty.CLOSED, "the cloud's metadata", "169.254.169.254", 80)
FILES = Place(Duty.CLOSED, "the file server", "nfs.example.edu", 2049)
WELL = {HUB: Answer.OPEN, API: Answer.CLOSED, PROXY: Answer.CLOSED, KUBELET: Answer.CLOSED}


def verdict(found: dict[Place, Answer]) -> str:
    """The last sentence."""
    return list(lines(found))[-1]


def test_what_is_as_it_has_to_be_is_said_place_by_place() -> None:
    assert list(lines(WELL)) == [
        "Open, as it has to be: the hub (hub:8081).",
        "Closed, as it has to be: the API server (10.96.0.1:443).",
        "Closed, as it has to be: the proxy's API (proxy-api:8001).",
        "Closed, as it has to be: the kubelet of this node (192.0.2.20:10250).",
        "Network policies are enforced here.",
    ]
    assert well(WELL)


def test_n7_where_all_that_surely_listens_is_open_nothing_enforces_here() -> None:
    """N7: whatever else looks closed, since nothing may listen there."""
    found = WELL | {API: Answer.OPEN, PROXY: Answer.OPEN}
    assert verdict(found).startswith("Nothing enforces network policies here: ")
    assert not well(found)


@pytest.mark.parametrize("proxy", [Answer.CLOSED, Answer.NO_NAME])
@pytest.mark.parametrize("metadata", [Answer.OPEN, Answer.NO_NAME])
def test_n7_where_only_what_has_a_way_in_of_its_own_is_closed_the_way_out_is_not_held(
    proxy: Answer, metadata: Answer
) -> None:
    """N7: a plugin for ingress alone; and a proxy that is down looks closed where nothing enforces."""
    found = WELL | {API: Answer.OPEN, PROXY: proxy, KUBELET: Answer.OPEN, METADATA: metadata}
    assert verdict(found).startswith(
        "A server's way out is not held here: the plugin enforces nothing, or ingress alone, or "
        "jupyterhub.singleuser.networkPolicy.enabled is off."
    )
    assert not well(found)


def test_n7_n8_the_api_server_alone_is_open_and_nothing_shows_that_policies_are_enforced() -> None:
    """N7, N8: perhaps its address is public, and perhaps nothing listens elsewhere."""
    found = WELL | {API: Answer.OPEN, METADATA: Answer.CLOSED}
    assert verdict(found).startswith(
        "Nothing shows that a server's way out is held here, since the API server was not found closed. Where its own "
        "address is public, write it into network.campus (kubectl get endpointslices --namespace default)"
    )
    assert not well(found)


@pytest.mark.parametrize("open_one", [PROXY, METADATA, FILES], ids=lambda each: each.what)
def test_n8_one_place_that_is_open_is_named_with_the_way_to_close_it(open_one: Place) -> None:
    """N8: a file server at a public address is one."""
    found = WELL | {open_one: Answer.OPEN}
    assert f"Open, and it has to be closed: {open_one}." in lines(found)
    assert verdict(found).startswith(f"Network policies are enforced here, and {open_one.what} can be reached: write")
    assert "network.campus" in verdict(found)
    assert not well(found)


def test_n1_where_the_own_node_alone_is_open_it_is_said_that_a_plugin_may_leave_it_so() -> None:
    """N1: the kubelet."""
    found = WELL | {KUBELET: Answer.OPEN}
    assert verdict(found).startswith(
        "Network policies are enforced here, and the kubelet of this node can be reached: Kubernetes allows a plugin "
        "to leave a pod's own node open, whatever policies say. If yours does, close the port to pods by the node's "
        "firewall; if not, write the nodes' addresses into network.campus"
    )
    assert not well(found)


def test_a_name_that_leads_nowhere_is_not_taken_for_closed() -> None:
    found = WELL | {FILES: Answer.NO_NAME}
    assert "Not tried, since its name is not found in this cluster: the file server (nfs.example.edu:2049)." in lines(
        found
    )
    assert well(found)


def test_n4_a_name_of_which_dns_said_nothing_is_not_taken_for_one_that_leads_nowhere() -> None:
    """N4: the file server may be open."""
    found = WELL | {FILES: Answer.NO_DNS}
    assert list(lines(found))[-2:] == [
        "Not tried, since DNS said nothing of its name: the file server (nfs.example.edu:2049).",
        "Network policies are enforced here, and nothing is said of the file server: DNS failed for the name. Look "
        "whether the cluster's DNS finds it, and try again.",
    ]
    assert not well(found)


def test_where_nothing_that_surely_listens_was_tried_nothing_is_green() -> None:
    assert not well(WELL | {API: Answer.NO_NAME})


def test_dead_dns_is_named_with_the_entry_to_write() -> None:
    said = unnamed(HUB, "search a.svc\nnameserver 10.96.0.10\nnameserver fd00::a\noptions ndots:5\n", 60)
    assert said == (
        "The name hub was not found for 60 s, so nothing is said of what is closed: DNS at 10.96.0.10 and fd00::a is "
        "down, or closed to servers. If it works elsewhere in the cluster, write network.dns.service: "
        '{"to": [{"ipBlock": {"cidr": "10.96.0.10/32"}}, {"ipBlock": {"cidr": "fd00::a/128"}}], "ports": [53]}'
    )


def test_without_a_server_of_names_that_is_said() -> None:
    assert "DNS at no address is down" in unnamed(HUB, "", 60)


def test_what_has_to_be_open_and_is_not_leaves_the_rest_unsaid() -> None:
    said = unreached(HUB, 60)
    assert said.startswith("Closed for 60 s, and it has to be open: the hub (hub:8081). So nothing is said")


@pytest.mark.parametrize(
    ("text", "host", "port", "shown"),
    [
        ("it=hub:8081", "hub", 8081, "it (hub:8081)"),
        ("it=10.96.0.1:443", "10.96.0.1", 443, "it (10.96.0.1:443)"),
        ("it=fd00::1:443", "fd00::1", 443, "it ([fd00::1]:443)"),
        ("it=[fd00::1]:2049", "fd00::1", 2049, "it ([fd00::1]:2049)"),
    ],
)
def test_a_place_is_written_as_kubernetes_gives_it(text: str, host: str, port: int, shown: str) -> None:
    found = place(Duty.CLOSED, text)
    assert (found.host, found.port, str(found)) == (host, port, shown)


@pytest.mark.parametrize("text", ["", "hub:8081", "it=hub", "it=:80", "it=hub:http", "it=hub:123456"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not WHAT=HOST:PORT"):
        place(Duty.OPEN, text)


def test_what_has_to_be_open_need_be_so_once_and_what_has_to_be_closed_for_some_time() -> None:
    assert HUB.times == 1
    assert all(each.times == 5 for each in (API, PROXY, KUBELET, METADATA))


def test_a_place_is_well_as_it_has_to_be() -> None:
    assert HUB.well(Answer.OPEN)
    assert KUBELET.well(Answer.CLOSED)
    assert KUBELET.well(Answer.NO_NAME), "what has no name is reached by nobody"
    for each, answer in ((HUB, Answer.CLOSED), (HUB, Answer.NO_NAME), (KUBELET, Answer.OPEN), (KUBELET, Answer.NO_DNS)):
        assert not each.well(answer)
