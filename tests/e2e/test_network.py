"""Who reaches what, tried from each pod's own network: tests/network.py says what has to come out of it.

Addresses outside are the tests' own. Metadata at Azure's public address and IPv6, which the local cluster has not got,
are in tests/chart alone.
"""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ci.cluster.control import NODE_PORT
from ci.cluster.network import API_SERVICE, DNS_SERVICE, NODE_IP
from tests.network import EVERYBODY, OWN, TABLE

from .cluster import ROOT, Installation
from .network import places
from .network.pods import Idle, running
from .network.way import Way
from .person import Person

pytestmark = pytest.mark.alone

LogIn = Callable[[str], Person]
Places = dict[str, tuple[Way, ...]]
# Seconds for each way to be as it has to be.
SECONDS = 20
METADATA = "169.254.169.254"
# By values/local.yaml of the campus.
CAMPUS = "203.0.113"
# Whose server each is, and what they start; others try the server of OTHER.
WHO = {"general": "jonas", "student": "maria", "instructor": "anna", "grading": "otto"}
OTHER = "emma"
SERVERS = {
    "jonas": "general",
    "maria": "python-intro",
    "anna": "python-intro--instructor",
    "otto": "data-analysis--grading",
    OTHER: "python-intro",
}

HUB = {"app": "jupyterhub", "component": "hub", "release": "coursehub"}
DOORS = {f"hub.jupyter.org/network-access-{each}": "true" for each in ("hub", "proxy-api", "proxy-http", "singleuser")}
# The door of servers is tried in tests/chart: the local cluster's engine takes the rules of a policy in both directions
# between two of its pods.
SERVERS_DOOR = "hub.jupyter.org/network-access-singleuser"
SPOOFED = Idle(
    "coursehub",
    "spoofed",
    {**HUB, **DOORS, "component": "singleuser-server", "coursehub/role": "hub", SERVERS_DOOR: "false"},
)
STRANGER = Idle("stranger", "stranger", {**HUB, **DOORS})
GARDENER = Idle("kube-system", "gardener", serves=8053)
OPENSHIFT = Idle("openshift-dns", "openshift", serves=5353)

OUTSIDE: Places = {
    "metadata": (Way("TCP", METADATA, 80),),
    "Cloud DNS": (Way("UDP", METADATA, 53), Way("TCP", METADATA, 53)),
    "a kubelet": (Way("TCP", f"{CAMPUS}.20", 10250),),
    "a resolver of the campus": (Way("UDP", f"{CAMPUS}.53", 53), Way("TCP", f"{CAMPUS}.53", 53)),
    "a resolver at a private address": (Way("UDP", "10.77.0.53", 53), Way("TCP", "10.77.0.53", 53)),
    "a resolver on the internet": (Way("UDP", "198.51.100.53", 53),),
    "a resolver on the internet by TCP": (Way("TCP", "198.51.100.53", 53),),
    "the file server": (Way("TCP", f"{CAMPUS}.7", 2049),),
    "the file server's portmapper": (Way("TCP", f"{CAMPUS}.7", 111), Way("UDP", f"{CAMPUS}.7", 111)),
    "the file server's mountd": (Way("TCP", f"{CAMPUS}.7", 20048), Way("UDP", f"{CAMPUS}.7", 20048)),
    "a file server at a private address": tuple(Way("TCP", "10.77.0.7", port) for port in (111, 2049, 20048)),
    "a shared address": (Way("TCP", "100.64.7.7", 80), Way("TCP", "100.64.7.7", 8888)),
    "the internet": (Way("TCP", "198.51.100.1", 443),),
    "the internet by http": (Way("TCP", "198.51.100.1", 80),),
    "the internet by ssh": (Way("TCP", "198.51.100.1", 22),),
    "a directory": (Way("TCP", "10.77.0.1", 636),),
}
# What listens at the node beside what is really there; etcd itself at 127.0.0.1 alone.
NODE: Places = {
    "etcd": (Way("TCP", NODE_IP, 2379),),
    "NodeLocal DNSCache": (Way("UDP", "169.254.20.10", 53), Way("TCP", "169.254.20.10", 53)),
    "NodeLocal DNSCache of kubespray": (Way("UDP", "169.254.25.10", 53), Way("TCP", "169.254.25.10", 53)),
}


def in_the_cluster(installation: Installation) -> Places:
    """What is really there, at its Service and at its pod."""
    hub, storage = installation.namespace, f"{installation.namespace}-storage"

    def service(namespace: str, name: str) -> str:
        where = (f"--namespace={namespace}", "get", "service", name)
        return installation.kubectl(*where, "--output=jsonpath={.spec.clusterIP}")

    def pod(namespace: str, selector: str) -> str:
        return str(a_pod(installation, namespace, selector)["status"]["podIP"])

    def dns(of: Idle) -> tuple[Way, ...]:
        ways = ((service(of.namespace, of.name), 53), (pod(of.namespace, of.selector), of.serves or 53))
        return tuple(Way(protocol, *way) for way in ways for protocol in ("UDP", "TCP"))

    proxy, kube_dns = pod(hub, "component=proxy"), pod("kube-system", "k8s-app=kube-dns")
    provisioner = pod(storage, "app.kubernetes.io/component=provisioner")
    return {
        "the hub": (Way("TCP", service(hub, "hub"), 8081), Way("TCP", pod(hub, "component=hub"), 8081)),
        "the proxy": (
            Way("TCP", service(hub, "proxy-public"), 80),
            Way("TCP", proxy, 8000),
            Way("TCP", NODE_IP, NODE_PORT),
        ),
        "the proxy's API": (Way("TCP", service(hub, "proxy-api"), 8001), Way("TCP", proxy, 8001)),
        "another's server": (Way("TCP", pod(hub, f"hub.jupyter.org/username={OTHER}"), 8888),),
        "the provisioner": (
            Way("TCP", service(storage, "coursehub-provisioner"), 8080),
            Way("TCP", provisioner, 8080),
        ),
        "the API server": (Way("TCP", API_SERVICE, 443), Way("TCP", NODE_IP, 6443)),
        "a kubelet at a private address": (Way("TCP", NODE_IP, 10250),),
        "kube-dns and CoreDNS": (Way("UDP", DNS_SERVICE, 53), Way("UDP", kube_dns, 53)),
        "DNS by TCP": (Way("TCP", DNS_SERVICE, 53), Way("TCP", kube_dns, 53)),
        "DNS of Gardener": dns(GARDENER),
        "DNS of OpenShift": dns(OPENSHIFT),
        "other things in kube-system": (Way("TCP", pod(GARDENER.namespace, GARDENER.selector), 10259),),
    }


def a_pod(installation: Installation, namespace: str, selector: str) -> dict[str, Any]:
    """One that the selector chooses and that stays."""
    found = installation.kubectl(f"--namespace={namespace}", "get", "pods", "--selector", selector, "--output=json")
    stay = [pod for pod in json.loads(found)["items"] if "deletionTimestamp" not in pod["metadata"]]
    assert stay, f"no pod {selector} in {namespace}"
    return dict(stay[0])


def like(installation: Installation, namespace: str, cronjob: str) -> Idle:
    """A pod with the labels of those that a CronJob makes, which end too soon."""
    found = json.loads(installation.kubectl(f"--namespace={namespace}", "get", "cronjob", cronjob, "--output=json"))
    return Idle(namespace, f"like-{cronjob}", found["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"])


@pytest.fixture
def people(log_in: LogIn) -> None:
    """Their servers run."""
    for name, profile in SERVERS.items():
        log_in(name).choose(profile)
    for name in SERVERS:
        log_in(name).wait()


@pytest.fixture
def sources(installation: Installation, people: None) -> Iterator[dict[str, Path]]:
    """Each part's network; what the chart does not run all the time, and what is not of the chart, is there too."""
    hub, storage = installation.namespace, f"{installation.namespace}-storage"
    spawn_test, check = like(installation, hub, "coursehub-spawn-test"), like(installation, storage, "coursehub-check")
    idle = [spawn_test, check, SPOOFED, STRANGER, GARDENER, OPENSHIFT]
    with running(installation, [STRANGER.namespace, OPENSHIFT.namespace], idle):
        found = {role: (hub, f"hub.jupyter.org/username={name}") for role, name in WHO.items()}
        found |= {name: (hub, f"component={name}") for name in ("hub", "proxy")}
        found["culler"] = (hub, "app.kubernetes.io/component=culler")
        found["provisioner"] = (storage, "app.kubernetes.io/component=provisioner")
        pods = {"spawn test": spawn_test, "check": check, "spoofed": SPOOFED, "stranger": STRANGER}
        pods |= {"Gardener": GARDENER, "OpenShift": OPENSHIFT}
        found |= {name: (each.namespace, each.selector) for name, each in pods.items()}
        yield {name: places.of_pod(a_pod(installation, *where)["metadata"]["uid"]) for name, where in found.items()}


@pytest.fixture
def targets(installation: Installation, sources: dict[str, Path]) -> Iterator[Places]:
    """Somebody listens at all of them."""
    inside = in_the_cluster(installation)
    other = inside["other things in kube-system"]
    with ExitStack() as stack:
        stack.enter_context(places.outside(addresses(OUTSIDE), addresses(NODE) - {NODE_IP}))
        for where, ways in (
            (places.OUTSIDE, all_of(OUTSIDE)),
            (places.HERE, all_of(NODE)),
            (sources["Gardener"], [*at_pod(inside["DNS of Gardener"]), *other]),
            (sources["OpenShift"], at_pod(inside["DNS of OpenShift"])),
        ):
            stack.enter_context(places.listening(where, ways))
        found = inside | OUTSIDE | NODE
        assert TABLE.keys() - found.keys() == {"metadata at Azure", "the internet by IPv6"}
        yield found


def all_of(several: Places) -> list[Way]:
    return [way for ways in several.values() for way in ways]


def addresses(several: Places) -> set[str]:
    return {way.address for way in all_of(several)}


def at_pod(ways: tuple[Way, ...]) -> list[Way]:
    """Not those that a Service leads to."""
    return [way for way in ways if way.port != 53]


def found_from(who: str, where: Path, targets: Places) -> dict[str, str]:
    """How each place is from there: open, closed, or open by some ways and closed by others."""
    others = {what: ways for what, ways in targets.items() if OWN.get(what) != who}
    wanted = {what: ways for what, ways in others.items() if who in TABLE[what]}
    unwanted = {what: ways for what, ways in others.items() if what not in wanted}
    reached = places.reached(where, all_of(wanted), all_of(unwanted), SECONDS)

    def say(ways: tuple[Way, ...]) -> str:
        left = set(ways) - reached
        if not left:
            return "open"
        return "closed" if left == set(ways) else f"closed at {sorted(left)}"

    return {what: say(ways) for what, ways in others.items()}


def table(found: dict[str, dict[str, str]]) -> str:
    """For people: a row for each place, a column for each part."""
    rows = [["to", *found], ["---"] * (len(found) + 1)]
    rows += [
        [what, *(column.get(what, "own") for column in found.values())]
        for what in TABLE
        if any(what in column for column in found.values())
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def test_n1_n2_n3_n4_n5_n6_n8_f11_each_part_reaches_what_the_table_says_and_nothing_else(
    installation: Installation,
    sources: dict[str, Path],
    targets: Places,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """N1 metadata, kubelets, etcd and the API server; N2 others' servers; N3 the proxy's API; N4 the file server; N5
    other DNS; N6 labels that somebody wrote by hand; N8 nodes and a file server at addresses that are not private; F11
    what grades."""
    with ThreadPoolExecutor() as threads:
        runs = {who: threads.submit(found_from, who, sources[who], targets) for who in EVERYBODY}
    found = {who: each.result() for who, each in runs.items()}
    with capsys.disabled():
        print(f"\nz2jh: {installation.chart}\n{table(found)}")
    wanted = {
        who: {what: "open" if who in TABLE[what] else "closed" for what in column} for who, column in found.items()
    }
    assert found == wanted


def test_n7_helm_test_says_that_policies_are_enforced_and_tries_a_server(installation: Installation) -> None:
    """N7: with what is open and what is closed, for a server of a student's and one that grades."""
    done = installation.helm_test()
    assert done.returncode == 0, done.stdout + done.stderr
    for sentence in (
        "Open, as it has to be: the hub (hub:8081).",
        f"Closed, as it has to be: the API server ({API_SERVICE}:443).",
        "Closed, as it has to be: the proxy's API (proxy-api:8001).",
        f"Closed, as it has to be: the kubelet of this node ({NODE_IP}:10250).",
        "Network policies are enforced here.",
    ):
        assert done.stdout.count(sentence) == 2, done.stdout
    assert ": well, after " in done.stdout


def test_n7_the_command_on_the_page_about_security_finds_the_hub_open_and_nothing_else(
    log_in: LogIn, installation: Installation
) -> None:
    """N7"""
    log_in("maria").start("general")
    pod = installation.pod_of("maria")
    assert pod
    (command,) = re.findall(r"(?ms)^ +kubectl [^\n]*'for there; .*?/80$", (ROOT / "docs/security.md").read_text())
    words = ["bash", "-c", command.replace("POD", pod["metadata"]["name"])]
    done = subprocess.run(words, env=installation.environment, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        "open: hub/8081",
        "closed: proxy-api/8001",
        "closed: kubernetes.default/443",
        "no such name: nfs.example.edu/2049",
        "closed: 169.254.169.254/80",
    ]
