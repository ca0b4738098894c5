"""The programs that every node has: what each is called with, reads, listens on, and answers when it works."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from ci.cluster import binaries, network, pki, policies
from ci.cluster.health import LOCAL, accepts, answers
from ci.cluster.layout import Layout
from ci.cluster.nodes import Node
from ci.cluster.processes import Program

CNI_PLUGINS = "/usr/lib/cni"
# Seconds without a word after which one of several nodes counts as lost; elsewhere 50, and a node speaks every 10.
LOST_AFTER = 20
NAMES = ("containerd", "kubelet", "kube-proxy", "kube-router")


def programs(node: Node, pause: str) -> tuple[Program, ...]:
    """All, in the order of their start."""
    return (_containerd(node, pause), _kubelet(node), _kube_proxy(node), _kube_router(node))


def command(layout: Layout, program: str, flags: Mapping[str, str | Path]) -> tuple[str, ...]:
    """A program of the cluster with its flags."""
    return (binaries.program(layout, program), *(f"--{flag}={value}" for flag, value in flags.items()))


def _containerd(node: Node, pause: str) -> Program:
    run = node.run
    config = f"""
version = 3
root = "{node.folder}/containerd"
state = "{run}/containerd"
imports = []
disabled_plugins = ["io.containerd.internal.v1.opt"]

[grpc]
  address = "{node.containerd_socket}"
[ttrpc]
  address = "{node.containerd_socket}.ttrpc"

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
  conf_dir = "{node.config}/cni"
"""
    file = node.config / "containerd.toml"
    return Program(
        "containerd",
        node.inside(binaries.program(node.layout, "containerd"), "--config", str(file)),
        lambda: accepts(node.containerd_socket),
        files={file: config, node.config / "cni" / "10-coursehub.conflist": _cni(node, network.mtu())},
        # The shim is found on PATH beside containerd; runc, nft and others are Debian's.
        path=f"{Path(binaries.program(node.layout, 'containerd')).parent}:/usr/sbin:/usr/bin:/sbin:/bin",
    )


def _cni(node: Node, mtu: int) -> str:
    """How containerd connects a pod."""
    plugin = {
        "type": "ptp",
        "ipMasq": False,  # the machine's nft table does it, without a chain for each pod
        "mtu": mtu,
        "ipam": {
            "type": "host-local",
            "dataDir": str(node.folder / "cni"),
            "ranges": [[{"subnet": node.pods}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return json.dumps({"cniVersion": "1.0.0", "name": node.name, "plugins": [plugin]}, indent=1)


def _left_to_others(parts: int) -> dict[str, str]:
    """What a node leaves of the machine to the other nodes; each would offer the whole machine otherwise."""
    if parts == 1:
        return {}
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    others = (parts - 1) / parts
    return {"cpu": f"{int((os.cpu_count() or 1) * 1000 * others)}m", "memory": f"{int(memory * others / 2**20)}Mi"}


def _kubelet(node: Node) -> Program:
    keys = node.layout.pki
    access = node.config / "kubelet.kubeconfig"
    file = node.config / "kubelet.json"
    systemd_resolved = Path("/run/systemd/resolve/resolv.conf")
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.address,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(keys / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(keys / f"{node.name}-kubelet-server.crt"),
        "tlsPrivateKeyFile": str(keys / f"{node.name}-kubelet-server.key"),
        # It is asked where it listens anyway, which is in reach whichever network it is in.
        "healthzPort": 0,
        "clusterDomain": "cluster.local",
        "clusterDNS": [network.DNS_SERVICE],
        "resolvConf": str(systemd_resolved if systemd_resolved.exists() else "/etc/resolv.conf"),
        "containerRuntimeEndpoint": f"unix://{node.containerd_socket}",
        "podLogsDir": str(node.logs / "pods"),
        "maxPods": 250,
        # A changed ConfigMap is in its pods after up to one and a half times as long.
        "syncFrequency": node.layout.sync,
        # How soon kubelet sees that a volume is too full; its own is a minute.
        "volumeStatsAggPeriod": "10s",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{node.group}",
        # A build machine may have the older cgroups, swap, a read-only /proc/sys, little room.
        "failCgroupV1": False,
        "failSwapOn": False,
        "featureGates": {"KubeletInUserNamespace": True},
        # What a pod may do to its node, as on a cluster that people work on.
        "localStorageCapacityIsolation": True,
        "podPidsLimit": 1024,
        "systemReserved": _left_to_others(node.parts),
        # It speaks four times as often.
        **({"nodeLeaseDurationSeconds": LOST_AFTER} if node.parts > 1 else {}),
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        # Images come from an archive and cannot be pulled again.
        "imageGCHighThresholdPercent": 100,
        "makeIPTablesUtilChains": False,
    }
    flags: dict[str, str | Path] = {
        "config": file,
        "kubeconfig": access,
        "root-dir": node.folder / "kubelet",
        "hostname-override": node.name,
        "node-ip": node.address,
    }
    return Program(
        "kubelet",
        node.inside(*command(node.layout, "kubelet", flags)),
        answers(
            f"https://{node.address}:10250/healthz",
            keys / "ca.crt",
            (keys / "apiserver-kubelet.crt", keys / "apiserver-kubelet.key"),
        ),
        files={file: json.dumps(config, indent=1), access: pki.kubeconfig(node.layout, f"{node.name}-kubelet")},
        ports=((node.address, 10250),),
        path="/usr/sbin:/usr/bin:/sbin:/bin",
    )


def _kube_proxy(node: Node) -> Program:
    access = node.config / "kube-proxy.kubeconfig"
    file = node.config / "kube-proxy.json"
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "bindAddress": node.address,
        "healthzBindAddress": f"{node.address}:10256",
        "metricsBindAddress": f"{LOCAL}:10249",
        "clientConnection": {"kubeconfig": str(access)},
        "clusterCIDR": network.PODS,
        "hostnameOverride": node.name,
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
        node.inside(*command(node.layout, "kube-proxy", {"config": file})),
        answers(f"http://{node.address}:10256/livez"),
        files={file: json.dumps(config, indent=1), access: pki.kubeconfig(node.layout, "kube-proxy")},
        ports=((node.address, 10256), (LOCAL, 10249)),
        path="/usr/sbin:/usr/bin:/sbin:/bin",
    )


def _kube_router(node: Node) -> Program:
    access = node.config / "kube-router.kubeconfig"
    flags: dict[str, str | Path] = {
        "kubeconfig": access,
        "hostname-override": node.name,
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
        "metrics-addr": node.address,
        "metrics-port": "20241",
    }
    return Program(
        "kube-router",
        node.inside(*command(node.layout, "kube-router", flags)),
        answers(f"http://{node.address}:20241/metrics", says=policies.are_enforced),
        files={access: pki.kubeconfig(node.layout, "kube-router")},
        ports=((node.address, 20241),),
        path="/usr/sbin:/usr/bin:/sbin:/bin",
    )
