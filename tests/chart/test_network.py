"""Who reaches what, as all policies together say: docs/network.md has the same table."""

from typing import Any

import pytest
from coursehub.config.profiles import Profile, Role
from coursehub.servers import execution, plan
from coursehub.servers.manifest import Frame

from tests.chart.helm import Chart, Objects, Values, at, merged, pod_spec
from tests.chart.places import DOORS, KUBE_SYSTEM, PLACES, STRANGER
from tests.chart.policies import METADATA, Pod, all_of, pod, reaches, server
from tests.network import NAMES, OWN, ROLES, TABLE
from tests.support import ANNA, TODAY, course, site

# As coursehub.servers.execution has it, written out: its labels are what policies go by.
EXECUTION = Pod({"coursehub/role": "execution", "coursehub/course": "python-intro", "coursehub/run": "a" * 32})
SITE: Values = {
    "storage": {"provisioner": {"enabled": True}, "check": {"schedule": "@daily"}},
    "monitoring": {"spawnTest": {"enabled": True}},
    "identity": {"file": {"people": {"spawntest": {"uid": 20031, "gid": 20031}}}},
}


@pytest.fixture(scope="module")
def everything(chart: Chart) -> Objects:
    """The objects of a site with all parts; its nodes, API server and file server are in 192.0.2.0/24."""
    return chart.render(SITE)


def who(objects: Objects) -> dict[str, Pod]:
    """All from where something may go; `spoofed` is a pod that somebody gave a server's labels, and more of them."""
    storage = "teaching-storage/coursehub-"
    return {
        **{role: server(role) for role in (*ROLES, "grading")},
        "spoofed": server("hub", **DOORS),
        "culler": pod(objects, "Deployment", "coursehub-culler"),
        "spawn test": pod(objects, "CronJob", "coursehub-spawn-test"),
        "hub": pod(objects, "Deployment", "hub"),
        "proxy": pod(objects, "Deployment", "proxy"),
        "provisioner": pod(objects, "Deployment", f"{storage}provisioner"),
        "check": pod(objects, "CronJob", f"{storage}check"),
        "execution": EXECUTION,
        "stranger": STRANGER,
    }


@pytest.mark.parametrize("what", TABLE)
def test_n1_n2_n3_n4_n5_n6_each_part_reaches_what_the_table_says_and_nothing_else(
    everything: Objects, what: str
) -> None:
    """N1 metadata, kubelets and the API server; N2 others' servers; N3 the proxy's API; N4 the file server; N5 other
    DNS; N6 labels that somebody wrote by hand."""
    place, port, protocol = PLACES[what]
    sources = who(everything)
    target = sources.get(place, place) if isinstance(place, str) else place
    reached = {name for name, source in sources.items() if reaches(everything, source, target, port, protocol)}
    assert reached - {OWN.get(what)} == TABLE[what]


def test_f17_what_executes_submissions_reaches_nothing_and_is_reached_by_nothing(everything: Objects) -> None:
    """Empty lists of rules: closed for each peer and port, which the table shows for those that it names."""
    assert all_of(everything, EXECUTION, "Egress") == []
    assert all_of(everything, EXECUTION, "Ingress") == []
    grading = plan.make(ANNA, Profile(Role.GRADING, "c"), course("gid: 70101"), site(), TODAY)
    made = execution.pod(grading, Frame("claim", "teaching"), site().autograding, "a" * 32, ["192.0.2.1:80"])
    assert made["metadata"]["labels"] == {**EXECUTION.labels, "coursehub/course": "c"}
    assert [name for name, source in who(everything).items() if reaches(everything, source, EXECUTION, 8888)] == []


def ways(objects: Objects, role: str) -> set[str]:
    """Where a server in `role` gets by a selector or a block, as a policy writes it."""
    rules = all_of(objects, server(role), "Egress") or []
    peers = [peer for rule in rules for peer in rule.get("to") or [{}]]
    components = (peer.get("podSelector", {}).get("matchLabels", {}).get("component") for peer in peers)
    named = (peer.get("namespaceSelector", {}).get("matchLabels", {}) for peer in peers)
    blocks = (peer.get("ipBlock", {}).get("cidr") for peer in peers)
    spaces = (each.get("kubernetes.io/metadata.name") for each in named)
    return {each or "" for each in (*components, *spaces, *blocks)} - {""} | {"?" for peer in peers if not any(peer)}


NODES = ("169.254.20.10", "169.254.25.10", "169.254.10.10", "169.254.10.11", "169.254.169.254")
DNS = {"kube-system", "openshift-dns", *(f"{each}/32" for each in NODES)}


def test_f11_servers_that_grade_reach_the_hub_the_proxy_and_dns_alone(objects: Objects) -> None:
    assert ways(objects, "grading") - {"autohttps"} == {"hub", "proxy", *DNS}


@pytest.mark.parametrize("role", ROLES)
def test_other_servers_reach_the_internet_too(objects: Objects, role: str) -> None:
    assert ways(objects, role) - ways(objects, "grading") == {"0.0.0.0/0"}


def test_f11_what_a_site_opens_for_servers_grading_does_not_get(chart: Chart) -> None:
    objects = chart.render(at("network.egress", [{"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}]}]))
    assert reaches(objects, server("instructor"), "10.1.2.3", 5432)
    assert not reaches(objects, server("instructor"), "198.51.100.1", 443)
    assert not reaches(objects, server("grading"), "10.1.2.3", 5432)


GRADEBOOKS = at("network.gradebooks.to", [{"ipBlock": {"cidr": "198.51.100.60/32"}}])
DATABASE = ("198.51.100.60", 5432)


def test_the_gradebooks_databases_are_open_to_who_teaches_a_course_that_has_one_there_and_to_nobody_else(
    chart: Chart,
) -> None:
    """Also at a public address, which students' way to the internet would have led to."""
    objects = chart.render(merged(SITE, GRADEBOOKS))
    keepers = {role: server(role, **{"coursehub/gradebook": "postgresql"}) for role in (*ROLES, "grading")}
    assert {role for role, each in keepers.items() if reaches(objects, each, *DATABASE)} == {"instructor", "grading"}
    others = {name for name, source in who(objects).items() if reaches(objects, source, *DATABASE)}
    assert others == {"stranger"}
    for place, port in (("198.51.100.60", 22), ("198.51.100.61", 5432), ("10.30.0.1", 5432)):
        assert not reaches(objects, keepers["grading"], place, port), (place, port)
    assert reaches(objects, server("student"), "198.51.100.61", 5432), "a neighbour is the internet, as before"
    for role, each in keepers.items():
        for what, (where, at_port, protocol) in PLACES.items():
            target = who(objects).get(where, where) if isinstance(where, str) else where
            found = reaches(objects, each, target, at_port, protocol)
            assert found == (role in TABLE[what]), (role, what)


def test_pods_with_a_database_are_open_by_their_labels_and_without_a_place_nothing_is(chart: Chart) -> None:
    labels = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "databases"}}}
    grading = server("grading", **{"coursehub/gradebook": "postgresql"})
    inside = Pod({}, "databases")
    objects = chart.render(at("network.gradebooks", {"to": [labels], "ports": [6543]}))
    assert reaches(objects, grading, inside, 6543)
    assert not reaches(objects, grading, inside, 5432)
    assert not reaches(objects, server("grading"), inside, 6543)
    assert ("NetworkPolicy", "coursehub-gradebooks") not in chart.render({})


@pytest.mark.parametrize(
    ("gradebooks", "sentence"),
    [
        ({"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}, "10.0.0.0/8 is more than databases have"),
        ({"to": [{"ipBlock": {"cidr": "10.0.0.1/24"}}]}, "10.0.0.1/24 is no range of addresses"),
        ({"to": [{"podSelector": {}}]}, "without a label it would open every pod"),
        ({"to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}], "ports": []}, "empty it would open every port"),
        ({"to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}], "ports": [2049]}, "2049 is no port of a database"),
        ({"to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}], "ports": [53]}, "53 is no port of a database"),
    ],
)
def test_a_way_to_databases_that_leads_elsewhere_is_refused(
    chart: Chart, gradebooks: dict[str, Any], sentence: str
) -> None:
    assert sentence in chart.refusal(at("network.gradebooks", gradebooks))


def test_a_site_whose_gradebooks_are_databases_says_where_they_are(chart: Chart) -> None:
    kind = at("nbgrader.gradebook", "postgresql")
    assert "network.gradebooks: it names no place" in chart.refusal(kind)
    assert chart.render(merged(kind, GRADEBOOKS))


def test_without_upstreams_policies_other_servers_are_not_held_and_grading_still_is(chart: Chart) -> None:
    objects = chart.render(at("jupyterhub.singleuser.networkPolicy.enabled", False))
    assert all_of(objects, server("student"), "Egress") is None
    assert ways(objects, "grading") == {"hub", *DNS}


def parts(*paths: str) -> Values:
    """Values that turn these policies of upstream's off."""
    values: dict[str, Any] = {}
    for path in paths:
        values = merged(values, at(f"jupyterhub.{path}.networkPolicy.enabled", False))
    return values


@pytest.mark.parametrize(("path", "name"), [("hub", "hub"), ("proxy.chp", "proxy")])
def test_without_upstreams_policy_a_part_is_held_by_none_of_ours(chart: Chart, path: str, name: str) -> None:
    objects = chart.render(parts(path))
    assert all_of(objects, pod(objects, "Deployment", name), "Egress") is None


class TestDns:
    """network.dns: where the cluster's DNS is."""

    def test_one_of_the_sites_own_is_open_beside_the_defaults_to_all_that_ask_for_names(self, chart: Chart) -> None:
        service = {"to": [{"ipBlock": {"cidr": "10.96.0.10/32"}}], "ports": [53]}
        objects = chart.render(merged(SITE, at("network.dns.service", service)))
        sources = who(objects)
        for target in ("10.96.0.10", KUBE_SYSTEM):
            found = {name for name, source in sources.items() if reaches(objects, source, target, 53, "UDP")}
            assert found == {*NAMES, "stranger"}

    @pytest.mark.parametrize("address", NODES)
    def test_one_at_each_node_is_open_at_53_alone(self, objects: Objects, address: str) -> None:
        assert reaches(objects, server("grading"), address, 53, "UDP")
        assert not reaches(objects, server("student"), address, 80)

    def test_what_a_site_takes_away_nobody_reaches(self, chart: Chart) -> None:
        objects = chart.render(merged(SITE, at("network.dns.node", None)))
        for name, source in who(objects).items():
            assert reaches(objects, source, METADATA, 53, "UDP") is (name == "stranger")


class TestCampus:
    """network.campus and the file server: what network.egress leaves out."""

    V6 = "2001:db8:1::/48"

    def test_n8_a_file_server_that_is_named_by_its_address_is_left_out(self, chart: Chart) -> None:
        """N8: the rest of the internet stays open."""
        objects = chart.render(at("storage.nfs.server", "203.0.113.7"))
        assert not reaches(objects, server("student"), "203.0.113.7", 2049)
        assert reaches(objects, server("student"), "203.0.113.8", 443)

    def test_n8_every_range_is_left_out_of_each_block_that_holds_it(self, chart: Chart) -> None:
        """N8: an exception has to lie inside its block, so a block without it stays as it was."""
        blocks: list[dict[str, Any]] = [
            {"cidr": "192.0.0.0/16"},
            {"cidr": "203.0.113.0/24", "except": ["203.0.113.1/32"]},
        ]
        rules = [{"to": [{"ipBlock": block} for block in blocks], "ports": [{"port": 443}]}]
        objects = chart.render({"network": {"egress": rules, "campus": ["192.0.2.0/24", "198.51.100.0/24"]}})
        (rule,) = objects["NetworkPolicy", "coursehub-servers"]["spec"]["egress"]
        first, second = (peer["ipBlock"] for peer in rule["to"])
        assert (first["except"], second["except"]) == (["192.0.2.0/24"], ["203.0.113.1/32"])
        assert rule["ports"] == [{"port": 443}]

    def test_a_rule_for_an_address_inside_a_range_opens_it(self, chart: Chart) -> None:
        rule = {"to": [{"ipBlock": {"cidr": "192.0.2.80/32"}}], "ports": [{"port": 443}]}
        objects = chart.render(at("network.egress", [rule]))
        assert reaches(objects, server("student"), "192.0.2.80", 443)
        assert not reaches(objects, server("student"), "192.0.2.7", 2049)

    def test_what_an_exception_holds_already_is_no_second_one(self, chart: Chart) -> None:
        objects = chart.render({"network": {"campus": ["10.2.0.0/16", "192.0.2.0/24"]}})
        (rule,) = objects["NetworkPolicy", "coursehub-servers"]["spec"]["egress"]
        assert "10.2.0.0/16" not in rule["to"][0]["ipBlock"]["except"]
        assert "192.0.2.0/24" in rule["to"][0]["ipBlock"]["except"]

    def test_ipv6_is_closed_until_a_range_of_it_is_named(self, chart: Chart, objects: Objects) -> None:
        assert not reaches(objects, server("student"), "2001:db8:2::1", 443)
        both = chart.render(at("network.campus", ["192.0.2.0/24", self.V6]))
        assert reaches(both, server("student"), "2001:db8:2::1", 443)

    @pytest.mark.parametrize("address", ["2001:db8:1::7", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fc00::1"])
    def test_n1_n4_n8_of_ipv6_the_same_is_closed(self, chart: Chart, address: str) -> None:
        """N1, N4, N8: metadata, neighbours, private addresses and the campus, at any port."""
        objects = chart.render(at("network.campus", ["192.0.2.0/24", self.V6]))
        for port in (53, 80, 111, 443, 2049, 10250):
            assert not reaches(objects, server("student"), address, port)

    @pytest.mark.parametrize("server_address", ["fd12::1", "2001:db8:1::7"])
    def test_n8_a_file_server_of_ipv6_opens_none_of_it(self, chart: Chart, server_address: str) -> None:
        """N8: only a range of IPv6 in network.campus says that somebody has thought of nodes there."""
        objects = chart.render(at("storage.nfs.server", server_address))
        assert not reaches(objects, server("student"), "2001:db8:2::1", 443)

    @pytest.mark.parametrize("blocks", [["0::/0"], ["::/1", "8000::/1"], ["2000::/3"], ["2001::/16", "2000::/15"]])
    def test_n8_all_of_ipv6_is_closed_however_it_is_written(self, chart: Chart, blocks: list[str]) -> None:
        """N8: blocks shorter than /16."""
        objects = chart.render(at("network.egress", [{"to": [{"ipBlock": {"cidr": block}} for block in blocks]}]))
        assert reaches(objects, server("student"), "2001:db8:2::1", 443) is ("2001::/16" in blocks)
        assert not reaches(objects, server("student"), "2000:db8::1", 443)

    @pytest.mark.parametrize(
        ("block", "inside"),
        [("10.0.0.0/8", "10.1.2.3"), ("10.1.0.0/16", "10.1.2.3"), ("fd12::/16", "fd12::1")],
    )
    def test_a_block_inside_private_addresses_was_written_for_that(self, chart: Chart, block: str, inside: str) -> None:
        objects = chart.render(at("network.egress", [{"to": [{"ipBlock": {"cidr": block}}]}]))
        assert reaches(objects, server("student"), inside, 5432)

    def test_what_campus_holds_need_not_be_an_exception(self, chart: Chart) -> None:
        private = ["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"]
        values = {"campus": [*private, "168.63.129.16/32"], "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]}
        objects = chart.render({"network": values})
        assert not reaches(objects, server("student"), METADATA, 80)
        assert reaches(objects, server("student"), "198.51.100.1", 443)

    def test_only_ipv6_was_closed_so_no_rule_is_left_and_nothing_opens(self, chart: Chart) -> None:
        objects = chart.render(at("network.egress", [{"to": [{"ipBlock": {"cidr": "::/0"}}]}]))
        assert objects["NetworkPolicy", "coursehub-servers"]["spec"]["egress"] == []

    @pytest.mark.parametrize("server", ["10.1.2.3", "192.168.7.1", "100.64.0.7", "fd12::1", "[fd12::1]"])
    def test_where_the_file_server_has_a_private_address_nothing_is_asked(self, chart: Chart, server: str) -> None:
        chart.render({"network": {"campus": []}, "storage": {"nfs": {"server": server}}})

    def test_a_site_that_opens_nothing_is_asked_nothing(self, chart: Chart) -> None:
        chart.render({"network": {"campus": [], "egress": []}})


def database(url: str) -> Values:
    return at("jupyterhub.hub.config.Site", {"database": url})


class TestHub:
    """What the hub reaches: ports at every address."""

    @pytest.mark.parametrize(
        ("values", "port"),
        [
            pytest.param(at("network.hub.ports", [3268]), 3268, id="a port of the site's own"),
            pytest.param(at("network.apiServer.ports", [16443]), 16443, id="the API server's"),
            pytest.param(
                at("identity.ldap", {"servers": ["ldaps://[2001:db8::1]:3269"], "users": {"base": "dc=x"}}),
                3269,
                id="the directory's",
            ),
            pytest.param(at("usage.prometheus", {"url": "http://p.monitoring.svc:9090"}), 9090, id="Prometheus's"),
            pytest.param(at("storage.provisioner.url", "https://nfs.example.edu:9443"), 9443, id="the provisioner's"),
            pytest.param(
                at("jupyterhub.hub.config.GenericOAuthenticator.token_url", "https://sso.example.edu:9444/token"),
                9444,
                id="where people log in",
            ),
        ],
    )
    def test_it_reaches_what_its_values_name(self, chart: Chart, values: Values, port: int) -> None:
        objects = chart.render(values)
        hub = pod(objects, "Deployment", "hub")
        assert reaches(objects, hub, "10.9.8.7", port)
        assert not reaches(objects, hub, "10.9.8.7", port + 1)

    @pytest.mark.parametrize(
        ("values", "port"),
        [
            pytest.param(
                at("jupyterhub.hub.config.GenericOAuthenticator.token_url", "https://sso/token"), 443, id="https"
            ),
            pytest.param(
                at("identity.ldap", {"servers": ["ldaps://ldap"], "users": {"base": "dc=x"}}), 636, id="ldaps"
            ),
            pytest.param(at("identity.ldap", {"servers": ["ldap://ldap"], "users": {"base": "dc=x"}}), 389, id="ldap"),
            pytest.param(database("postgresql+psycopg2://hub:31337@pg/hub"), 5432, id="PostgreSQL"),
            pytest.param(database("mysql+pymysql://hub:31337@my/hub"), 3306, id="MySQL"),
            pytest.param(
                at("jupyterhub.hub.config.LDAPAuthenticator", {"server_address": "ldap", "server_port": 3269}),
                3269,
                id="a port of its own key",
            ),
        ],
    )
    def test_it_reaches_what_its_values_name_without_a_port_whatever_the_lists_are(
        self, chart: Chart, values: Values, port: int
    ) -> None:
        objects = chart.render(merged({"network": {"hub": {"ports": []}, "apiServer": {"ports": [6443]}}}, values))
        hub = pod(objects, "Deployment", "hub")
        assert reaches(objects, hub, "10.9.8.7", port)
        assert not reaches(objects, hub, "10.9.8.7", 31337), "a password is no port"

    @pytest.mark.parametrize(
        "port", ["53", "80", "080", "111", "2049", "02049", "2379", "2380", "10250", "10255", "20048", "0", "99999"]
    )
    def test_n1_n4_n5_an_address_opens_no_port_of_what_has_to_be_closed(self, chart: Chart, port: str) -> None:
        """N1 metadata, kubelets and etcd; N4 the file server; N5 other DNS: however the number is written."""
        url = f"http://somebody:30303@metadata.example.edu:{port}/"
        objects = chart.render(at("jupyterhub.hub.config.GenericOAuthenticator.token_url", url))
        (ports,) = (
            rule["ports"]
            for rule in objects["NetworkPolicy", "coursehub-hub-egress"]["spec"]["egress"]
            if "to" not in rule
        )
        assert sorted(each["port"] for each in ports) == [389, 443, 636, 6443, 8443]

    def test_n3_the_hub_does_not_reach_the_port_of_its_own_address(self, chart: Chart) -> None:
        """N3"""
        own = at("jupyterhub.hub.config.JupyterHub.subdomain_host", "https://h.example.edu:31337")
        objects = chart.render(own)
        assert not reaches(objects, pod(objects, "Deployment", "hub"), "10.9.8.7", 31337)

    def test_the_nightly_check_follows_the_api_servers_port(self, chart: Chart) -> None:
        objects = chart.render(merged(SITE, at("network.apiServer.ports", [16443])))
        check = pod(objects, "CronJob", "teaching-storage/coursehub-check")
        assert reaches(objects, check, "192.0.2.1", 16443)
        assert not reaches(objects, check, "192.0.2.1", 6443)


def test_what_gets_certificates_reaches_its_authority_and_the_api_server(chart: Chart) -> None:
    if chart.kind == "stand-in":
        pytest.skip("the stand-in has no autohttps")
    https = {
        "enabled": True,
        "type": "letsencrypt",
        "hosts": ["h.example.edu"],
        "letsencrypt": {"contactEmail": "a@b.c", "acmeServer": "https://acme.example.edu:9000/directory"},
    }
    alone = merged({"acknowledgeOneOrigin": True}, at("jupyterhub.hub.config.JupyterHub.subdomain_host", ""))
    objects = chart.render(merged(alone, at("jupyterhub.proxy.https", https)))
    autohttps = pod(objects, "Deployment", "autohttps")
    assert reaches(objects, autohttps, "198.51.100.1", 443)
    assert reaches(objects, autohttps, "10.1.1.1", 9000)
    assert reaches(objects, autohttps, "192.0.2.1", 6443)
    assert reaches(objects, autohttps, KUBE_SYSTEM, 53, "UDP")
    assert not reaches(objects, autohttps, METADATA, 80)
    assert not reaches(objects, autohttps, "192.0.2.20", 10250)


class TestNetworkTest:
    """What `helm test` runs first."""

    @pytest.mark.parametrize("role", ["student", "grading"])
    def test_its_pods_are_held_as_servers_are(self, everything: Objects, role: str) -> None:
        mine = pod(everything, "Pod", f"coursehub-network-test-{role}")
        for direction in ("Egress", "Ingress"):
            assert all_of(everything, mine, direction) == all_of(everything, server(role), direction)

    @pytest.mark.parametrize("role", ["student", "grading"])
    def test_they_try_what_has_to_be_open_and_what_has_to_be_closed(self, everything: Objects, role: str) -> None:
        (container,) = everything["Pod", f"coursehub-network-test-{role}"]["spec"]["containers"]
        assert container["args"] == [
            f"--role={role}",
            "--at=$(NODE_NAME)",
            "--open=the hub=hub:8081",
            "--alive=the API server=$(KUBERNETES_SERVICE_HOST):$(KUBERNETES_SERVICE_PORT)",
            "--guarded=the proxy's API=proxy-api:8001",
            "--node=the kubelet of this node=$(NODE):10250",
            "--closed=the cloud's metadata=169.254.169.254:80",
            "--closed=the file server=nfs.example.edu:2049",
        ]
        for name, path in (("NODE", "status.hostIP"), ("NODE_NAME", "spec.nodeName")):
            assert {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} in container["env"]

    def test_it_runs_as_helm_test_before_the_spawn_test(self, everything: Objects) -> None:
        for role in ("student", "grading"):
            annotations = everything["Pod", f"coursehub-network-test-{role}"]["metadata"]["annotations"]
            assert annotations["helm.sh/hook"] == "test"
            assert int(annotations["helm.sh/hook-weight"]) < 0

    def test_its_pods_keep_to_the_restricted_level(self, everything: Objects) -> None:
        for role in ("student", "grading"):
            spec = everything["Pod", f"coursehub-network-test-{role}"]["spec"]
            assert spec["securityContext"]["runAsNonRoot"] is True
            assert spec["automountServiceAccountToken"] is False
            assert spec["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}

    def test_what_helm_prints_names_it(self, chart: Chart) -> None:
        assert "helm test coursehub --namespace teaching --logs" in chart.notes()

    def test_it_is_there_where_policies_are_off_to_say_so(self, chart: Chart) -> None:
        objects = chart.render(parts("singleuser"))
        assert ("Pod", "coursehub-network-test-student") in objects


def test_the_proxy_starts_with_names_and_reaches_nothing_outside(objects: Objects) -> None:
    assert pod_spec(objects, "proxy")["containers"]
    proxy = pod(objects, "Deployment", "proxy")
    for address in (METADATA, "10.1.2.3", "192.0.2.7", "198.51.100.1"):
        for port in (80, 443, 2049, 6443, 10250):
            assert not reaches(objects, proxy, address, port)
