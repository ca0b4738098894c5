"""The control plane, on the first node, and the way of a browser into the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ci.cluster import network, pki
from ci.cluster.health import LOCAL, answers, listens
from ci.cluster.layout import Layout
from ci.cluster.network import NODE_IP
from ci.cluster.node import LOST_AFTER, command
from ci.cluster.nodes import Node
from ci.cluster.processes import Program, Record

NODE_PORT = 30080
NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "forward")


def programs(first: Node) -> tuple[Program, ...]:
    """All, in the order of their start."""
    layout = first.layout
    lost_after = LOST_AFTER if first.parts > 1 else None
    manager = _controller_manager(layout, lost_after)
    return (_etcd(layout), _apiserver(layout), manager, _scheduler(layout), _forward(layout))


def _etcd(layout: Layout) -> Program:
    keys = layout.pki
    flags: dict[str, str | Path] = {
        "name": "coursehub",
        "data-dir": layout.state / "etcd",
        "listen-client-urls": f"https://{LOCAL}:2379",
        "advertise-client-urls": f"https://{LOCAL}:2379",
        "listen-peer-urls": f"https://{LOCAL}:2380",
        "initial-advertise-peer-urls": f"https://{LOCAL}:2380",
        "initial-cluster": f"coursehub=https://{LOCAL}:2380",
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
        command(layout, "etcd", flags),
        answers(f"https://{LOCAL}:2379/health", keys / "etcd-ca.crt", client),
        files=_keys_of(layout),
        ports=((LOCAL, 2379), (LOCAL, 2380)),
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
        command(layout, "kube-apiserver", flags),
        answers(f"{pki.SERVER}/readyz", keys / "ca.crt"),
        files=_keys_of(layout),
        ports=((NODE_IP, 6443),),
    )


def _controller_manager(layout: Layout, lost_after: int | None) -> Program:
    more: dict[str, str | Path] = {
        "root-ca-file": layout.pki / "ca.crt",
        "service-account-private-key-file": layout.pki / "tokens.key",
        "use-service-account-credentials": "true",
        **({"node-monitor-grace-period": f"{lost_after}s"} if lost_after else {}),
    }
    return _loop(layout, "kube-controller-manager", 10257, more)


def _scheduler(layout: Layout) -> Program:
    return _loop(layout, "kube-scheduler", 10259, {})


def _loop(layout: Layout, name: str, port: int, more: Mapping[str, str | Path]) -> Program:
    """What works by the API server alone, as the only one of its kind."""
    access = layout.config / f"{name}.kubeconfig"
    flags: dict[str, str | Path] = {
        "bind-address": LOCAL,
        "kubeconfig": access,
        "authentication-kubeconfig": access,
        "authorization-kubeconfig": access,
        "leader-elect": "false",
        "profiling": "false",
        **more,
    }
    return Program(
        name,
        command(layout, name, flags),
        answers(f"https://{LOCAL}:{port}/healthz"),
        files={access: pki.kubeconfig(layout, name)},
        ports=((LOCAL, port),),
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
        lambda: listens(layout.port),
        ports=((LOCAL, layout.port),),
    )


def _keys_of(layout: Layout) -> dict[Path, str]:
    """New keys are a reason to start again."""
    return {layout.config / "keys": pki.fingerprint()}
