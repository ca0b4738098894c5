"""The node's programs: what each is called with, reads, listens on, and answers when it works."""

from __future__ import annotations

import json
import os
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from ci.cluster import binaries, cgroup, network, pki, policies
from ci.cluster.layout import Layout
from ci.cluster.network import NODE_IP
from ci.cluster.processes import Program, Record

LOCAL = "127.0.0.1"
NODE_PORT = 30080
CNI_PLUGINS = "/usr/lib/cni"


def programs(layout: Layout, pause: str) -> tuple[Program, ...]:
    """All, in the order of their start."""
    return (
        _etcd(layout),
        _containerd(layout, pause),
        _apiserver(layout),
        _controller_manager(layout),
        _scheduler(layout),
        _kubelet(layout),
        _kube_proxy(layout),
        _kube_router(layout),
        _forward(layout),
    )


NAMES = (
    "etcd",
    "containerd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kube-router",
    "forward",
)


def _etcd(layout: Layout) -> Program:
    keys = layout.pki
    flags: dict[str, str | Path] = {
        "name": pki.NODE,
        "data-dir": layout.state / "etcd",
        "listen-client-urls": f"https://{LOCAL}:2379",
        "advertise-client-urls": f"https://{LOCAL}:2379",
        "listen-peer-urls": f"https://{LOCAL}:2380",
        "initial-advertise-peer-urls": f"https://{LOCAL}:2380",
        "initial-cluster": f"{pki.NODE}=https://{LOCAL}:2380",
        "client-cert-auth": "true",
        "trusted-ca-file": keys / "etcd-ca.crt",
        "cert-file": keys / "etcd.crt",
        "key-file": keys / "etcd.key",
        "peer-client-cert-auth": "true",
        "peer-trusted-ca-file": keys / "etcd-ca.crt",
        "peer-cert-file": keys / "etcd.crt",
        "peer-key-file": keys / "etcd.key",
        "auto-compaction-retention": "1h",
        "logger": "zap",
    }
    client = (keys / "apiserver-etcd.crt", keys / "apiserver-etcd.key")
    return Program(
        "etcd",
        _command(layout, "etcd", flags),
        _answers(f"https://{LOCAL}:2379/health", keys / "etcd-ca.crt", client),
        files=_keys_of(layout),
        ports=((LOCAL, 2379), (LOCAL, 2380)),
    )


def _containerd(layout: Layout, pause: str) -> Program:
    run = layout.run
    config = f"""
version = 3
root = "{layout.state}/containerd"
state = "{run}/containerd"
imports = []
disabled_plugins = ["io.containerd.internal.v1.opt"]

[grpc]
  address = "{layout.containerd_socket}"
[ttrpc]
  address = "{layout.containerd_socket}.ttrpc"

[plugins."io.containerd.shim.v1.manager"]
  socket_dir = "{run}/s"
[plugins."io.containerd.nri.v1.nri"]
  disable = true
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{pause}"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  Root = "{run}/runc"
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["{CNI_PLUGINS}"]
  conf_dir = "{layout.config}/cni"
"""
    file = layout.config / "containerd.toml"
    return Program(
        "containerd",
        (binaries.program(layout, "containerd"), "--config", str(file)),
        lambda: _accepts(layout.containerd_socket),
        files={file: config, layout.config / "cni" / "10-coursehub.conflist": network.cni(network.mtu(), layout)},
        # The shim is found on PATH beside containerd; runc, nft and others are Debian's.
        path=f"{Path(binaries.program(layout, 'containerd')).parent}:/usr/sbin:/usr/bin:/sbin:/bin",
    )


def _apiserver(layout: Layout) -> Program:
    keys = layout.pki
    flags: dict[str, str | Path] = {
        "bind-address": NODE_IP,
        "advertise-address": NODE_IP,
        "secure-port": "6443",
        "allow-privileged": "true",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "client-ca-file": keys / "ca.crt",
        "tls-cert-file": keys / "apiserver.crt",
        "tls-private-key-file": keys / "apiserver.key",
        "etcd-servers": f"https://{LOCAL}:2379",
        "etcd-cafile": keys / "etcd-ca.crt",
        "etcd-certfile": keys / "apiserver-etcd.crt",
        "etcd-keyfile": keys / "apiserver-etcd.key",
        "kubelet-certificate-authority": keys / "ca.crt",
        "kubelet-client-certificate": keys / "apiserver-kubelet.crt",
        "kubelet-client-key": keys / "apiserver-kubelet.key",
        "kubelet-preferred-address-types": "InternalIP",
        "requestheader-client-ca-file": keys / "front-proxy-ca.crt",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": keys / "tokens.pub",
        "service-account-signing-key-file": keys / "tokens.key",
        "service-cluster-ip-range": network.SERVICES,
        "profiling": "false",
    }
    return Program(
        "kube-apiserver",
        _command(layout, "kube-apiserver", flags),
        _answers(f"{pki.SERVER}/readyz", keys / "ca.crt"),
        files=_keys_of(layout),
        ports=((NODE_IP, 6443),),
    )


def _controller_manager(layout: Layout) -> Program:
    access = layout.config / "kube-controller-manager.kubeconfig"
    flags: dict[str, str | Path] = {
        "bind-address": LOCAL,
        "kubeconfig": access,
        "authentication-kubeconfig": access,
        "authorization-kubeconfig": access,
        "leader-elect": "false",
        "root-ca-file": layout.pki / "ca.crt",
        "service-account-private-key-file": layout.pki / "tokens.key",
        "use-service-account-credentials": "true",
        "profiling": "false",
    }
    return Program(
        "kube-controller-manager",
        _command(layout, "kube-controller-manager", flags),
        _answers(f"https://{LOCAL}:10257/healthz"),
        files={access: pki.kubeconfig(layout, "kube-controller-manager")},
        ports=((LOCAL, 10257),),
    )


def _scheduler(layout: Layout) -> Program:
    access = layout.config / "kube-scheduler.kubeconfig"
    flags: dict[str, str | Path] = {
        "bind-address": LOCAL,
        "kubeconfig": access,
        "authentication-kubeconfig": access,
        "authorization-kubeconfig": access,
        "leader-elect": "false",
        "profiling": "false",
    }
    return Program(
        "kube-scheduler",
        _command(layout, "kube-scheduler", flags),
        _answers(f"https://{LOCAL}:10259/healthz"),
        files={access: pki.kubeconfig(layout, "kube-scheduler")},
        ports=((LOCAL, 10259),),
    )


def _kubelet(layout: Layout) -> Program:
    access = layout.config / "kubelet.kubeconfig"
    file = layout.config / "kubelet.json"
    systemd_resolved = Path("/run/systemd/resolve/resolv.conf")
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_IP,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(layout.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(layout.pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(layout.pki / "kubelet-server.key"),
        "healthzBindAddress": LOCAL,
        "healthzPort": 10248,
        "clusterDomain": "cluster.local",
        "clusterDNS": [network.DNS_SERVICE],
        "resolvConf": str(systemd_resolved if systemd_resolved.exists() else "/etc/resolv.conf"),
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
        "podLogsDir": str(layout.logs / "pods"),
        "maxPods": 250,
        # A changed ConfigMap is in its pods after up to one and a half times as long.
        "syncFrequency": layout.sync,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup.NAME}",
        # A build machine may have the older cgroups, swap, a read-only /proc/sys, no quota on its disk, little room.
        "failCgroupV1": False,
        "failSwapOn": False,
        "featureGates": {"KubeletInUserNamespace": True},
        "localStorageCapacityIsolation": False,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        # Images come from an archive and cannot be pulled again.
        "imageGCHighThresholdPercent": 100,
        "makeIPTablesUtilChains": False,
    }
    flags: dict[str, str | Path] = {
        "config": file,
        "kubeconfig": access,
        "root-dir": layout.state / "kubelet",
        "hostname-override": pki.NODE,
        "node-ip": NODE_IP,
    }
    return Program(
        "kubelet",
        _command(layout, "kubelet", flags),
        _answers(f"http://{LOCAL}:10248/healthz"),
        files={file: json.dumps(config, indent=1), access: pki.kubeconfig(layout, "kubelet")},
        ports=((NODE_IP, 10250), (LOCAL, 10248)),
        path="/usr/sbin:/usr/bin:/sbin:/bin",
    )


def _kube_proxy(layout: Layout) -> Program:
    access = layout.config / "kube-proxy.kubeconfig"
    file = layout.config / "kube-proxy.json"
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "bindAddress": NODE_IP,
        "healthzBindAddress": f"{LOCAL}:10256",
        "metricsBindAddress": f"{LOCAL}:10249",
        "clientConnection": {"kubeconfig": str(access)},
        "clusterCIDR": network.PODS,
        "hostnameOverride": pki.NODE,
        # The connection tracker's sysctls may be read-only: leave them all as they are.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
            "udpTimeout": "0s",
            "udpStreamTimeout": "0s",
        },
    }
    return Program(
        "kube-proxy",
        _command(layout, "kube-proxy", {"config": file}),
        _answers(f"http://{LOCAL}:10256/livez"),
        files={file: json.dumps(config, indent=1), access: pki.kubeconfig(layout, "kube-proxy")},
        ports=((LOCAL, 10256), (LOCAL, 10249)),
        path="/usr/sbin:/usr/bin:/sbin:/bin",
    )


def _kube_router(layout: Layout) -> Program:
    access = layout.config / "kube-router.kubeconfig"
    flags: dict[str, str | Path] = {
        "kubeconfig": access,
        "hostname-override": pki.NODE,
        # NetworkPolicies are all that it is for.
        "run-firewall": "true",
        "run-router": "false",
        "run-service-proxy": "false",
        "enable-cni": "false",
        "service-cluster-ip-range": network.SERVICES,
        # Whatever else changed the rules: a minute later they are whole again.
        "iptables-sync-period": "1m",
        # Its health is told on every address or on none.
        "health-port": "0",
        "metrics-addr": NODE_IP,
        "metrics-port": "20241",
    }
    return Program(
        "kube-router",
        _command(layout, "kube-router", flags),
        _answers(f"http://{NODE_IP}:20241/metrics", says=policies.are_enforced),
        files={access: pki.kubeconfig(layout, "kube-router")},
        ports=((NODE_IP, 20241),),
        path="/usr/sbin:/usr/bin:/sbin:/bin",
    )


def forwards(running: Record, port: int) -> bool:
    """Is this the port that the running forwarder listens on, however it was told to?"""
    return running.command[1].startswith(f"TCP-LISTEN:{port},")


def _forward(layout: Layout) -> Program:
    """Node ports do not answer on 127.0.0.1, where a browser looks."""
    # A class comes at once: with socat's own queue of 5 the system resets who is not served yet.
    listen = f"TCP-LISTEN:{layout.port},bind={LOCAL},fork,reuseaddr,backlog=1024"
    return Program(
        "forward",
        ("/usr/bin/socat", listen, f"TCP:{NODE_IP}:{NODE_PORT}"),
        lambda: _listens(layout.port),
        ports=((LOCAL, layout.port),),
    )


def _command(layout: Layout, name: str, flags: Mapping[str, str | Path]) -> tuple[str, ...]:
    return (binaries.program(layout, name), *(f"--{flag}={value}" for flag, value in flags.items()))


def _keys_of(layout: Layout) -> dict[Path, str]:
    """New keys are a reason to start again."""
    return {layout.config / "keys": pki.fingerprint()}


def _answers(
    url: str,
    authority: Path | None = None,
    client: tuple[Path, Path] | None = None,
    says: Callable[[str], bool] = lambda _: True,
) -> Callable[[], bool]:
    """Does it say that it is healthy? Without an authority: a certificate it made itself, on 127.0.0.1."""

    def ask() -> bool:
        context = ssl.create_default_context(cafile=str(authority) if authority else None)
        if authority is None:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if client is not None:
            context.load_cert_chain(*map(str, client))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        try:
            with opener.open(url, timeout=5) as response:
                return response.status == 200 and says(response.read().decode())
        except (OSError, urllib.error.HTTPError):
            return False

    return ask


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(os.fsencode(path)) == 0


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((LOCAL, port)) == 0
