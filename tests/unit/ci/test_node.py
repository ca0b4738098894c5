"""Certificates, programs, the network and mounts, as far as they can be seen without a cluster."""

import ipaddress
import json
import subprocess
from pathlib import Path

import pytest

from ci.cluster import mounts, network, node, packages, pki, processes, status
from ci.cluster.layout import Layout


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    folder = tmp_path_factory.mktemp("cluster")
    made = Layout(folder / "state", folder / "cache", 8000)
    made.state.mkdir()
    pki.ensure(made)
    return made


def test_keys_are_private_and_stay(layout: Layout) -> None:
    before = {path: path.read_bytes() for path in layout.pki.iterdir()}
    assert {path.name: oct(path.stat().st_mode & 0o077) for path in before if path.suffix == ".key"} == {
        f"{name}.key": "0o0" for name in (*pki.AUTHORITIES, *(one.name for one in pki.CERTIFICATES), "tokens")
    }
    pki.ensure(layout)
    assert {path: path.read_bytes() for path in layout.pki.iterdir()} == before


def test_changed_certificates_keep_what_running_pods_trust(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted = {name: (layout.pki / name).read_bytes() for name in ("ca.crt", "etcd-ca.crt", "tokens.key")}
    old = (layout.pki / "admin.crt").read_bytes()
    monkeypatch.setattr(pki, "DAYS", "30")
    pki.ensure(layout)
    assert {name: (layout.pki / name).read_bytes() for name in trusted} == trusted
    assert (layout.pki / "admin.crt").read_bytes() != old


@pytest.mark.parametrize("certificate", pki.CERTIFICATES, ids=lambda certificate: certificate.name)
def test_each_certificate_is_good_for_its_one_use(layout: Layout, certificate: pki.Certificate) -> None:
    for purpose in ("sslclient", "sslserver"):
        verify = ["openssl", "verify", "-purpose", purpose, "-CAfile", f"{certificate.authority}.crt"]
        done = subprocess.run([*verify, f"{certificate.name}.crt"], cwd=layout.pki, capture_output=True, check=False)
        meant = {"sslclient": "clientAuth", "sslserver": "serverAuth"}[purpose] in certificate.usage()
        assert (done.returncode == 0) == meant, done.stderr


def test_no_certificate_of_the_cluster_opens_etcd(layout: Layout) -> None:
    command = ["openssl", "verify", "-CAfile", "etcd-ca.crt", "admin.crt"]
    assert subprocess.run(command, cwd=layout.pki, capture_output=True, check=False).returncode != 0


def test_programs_listen_on_no_address_of_the_outside(layout: Layout) -> None:
    programs = node.programs(layout, "localhost/coursehub/pause:x")
    assert tuple(program.name for program in programs) == node.NAMES
    assert {address for program in programs for address, _ in program.ports} == {"127.0.0.1", network.NODE_IP}
    every = [port for program in programs for port in program.ports]
    assert len(every) == len(set(every))


def test_a_program_starts_again_when_what_it_reads_changes() -> None:
    def program(text: str) -> processes.Program:
        return processes.Program("x", ("/bin/x",), lambda: True, files={Path("/etc/x"): text})

    assert program("a").digest() == program("a").digest() != program("b").digest()


def test_a_pid_that_is_somebody_elses_by_now_does_not_count(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path, 8000)
    layout.run.mkdir()
    with subprocess.Popen(["sleep", "60"]) as child:  # noqa: S607
        mine = processes.Record(child.pid, processes.started(child.pid), processes.boot(), "digest", ("sleep", "60"))
        others = {
            "mine": mine,
            "later": processes.Record(child.pid, mine.started + 1, mine.boot, "digest", mine.command),
            "before-restart": processes.Record(child.pid, mine.started, "another boot", "digest", mine.command),
        }
        for name, record in others.items():
            (layout.run / f"{name}.json").write_text(json.dumps(vars(record)))
        assert processes.record(layout, "mine") == mine
        assert processes.record(layout, "later") is None
        assert processes.record(layout, "before-restart") is None
        processes.stop(mine)
        assert processes.record(layout, "mine") is None
    (layout.run / "cut-off.json").write_text('{"pid": 1')
    assert processes.record(layout, "cut-off") is None
    assert processes.record(layout, "never") is None


def test_the_ranges_do_not_overlap() -> None:
    pods, services = (ipaddress.ip_network(text) for text in (network.PODS, network.SERVICES))
    assert not pods.overlaps(services)
    assert ipaddress.ip_address(network.NODE_IP) not in pods
    assert ipaddress.ip_address(network.DNS_SERVICE) in services


@pytest.mark.parametrize(
    ("route", "taken"),
    [
        pytest.param({"dst": "default", "dev": "eth0"}, "", id="default route"),
        pytest.param({"dst": "10.213.64.9", "dev": "veth1"}, "", id="a pod of ours"),
        pytest.param({"dst": network.NODE_IP, "dev": network.BRIDGE}, "", id="our bridge"),
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


def test_an_unreachable_package_registry_is_told_from_a_broken_package() -> None:
    offline = "E: Failed to fetch http://example.org/runc.deb  Could not connect to example.org:80"
    assert packages.explain(["runc"], offline).startswith("no Debian package registry can be reached")
    assert "could not install runc" in packages.explain(["runc"], "E: Unable to locate package runc")


@pytest.mark.parametrize(
    ("status_of_pod", "state"),
    [
        pytest.param({"phase": "Succeeded"}, "ended", id="ended"),
        pytest.param({"phase": "Pending"}, "starting", id="new"),
        pytest.param({"phase": "Running", "since": 0, "ready": "True"}, "ready", id="ready"),
        pytest.param({"phase": "Running", "since": 900, "ready": "False"}, "starting", id="ready a moment ago"),
        pytest.param({"phase": "Running", "since": 0, "ready": "False"}, "not ready (Running)", id="stuck"),
        pytest.param(
            {"phase": "Running", "since": 0, "ready": "False", "waits": "CrashLoopBackOff"},
            "not ready (CrashLoopBackOff)",
            id="crashes",
        ),
    ],
)
def test_a_pods_state_in_a_word(status_of_pod: dict[str, object], state: str) -> None:
    def stamp(seconds: object) -> str:
        return f"2026-01-01T00:{int(str(seconds)) // 60:02}:00Z"

    pod: dict[str, object] = {"phase": status_of_pod["phase"]}
    if "ready" in status_of_pod:
        since = stamp(status_of_pod["since"])
        pod["conditions"] = [{"type": "Ready", "status": status_of_pod["ready"], "lastTransitionTime": since}]
    if "waits" in status_of_pod:
        pod["containerStatuses"] = [{"state": {"waiting": {"reason": status_of_pod["waits"]}}}]
    now = 1767225600.0 + 960  # sixteen minutes past midnight
    assert status.pod_state({"metadata": {"creationTimestamp": stamp(900)}, "status": pod}, now) == state
