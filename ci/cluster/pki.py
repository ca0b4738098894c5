"""Keys and certificates: one authority for the cluster, one for etcd, so that no user of the first reads the second."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ci.cluster import nodes
from ci.cluster.layout import Layout
from ci.cluster.network import API_SERVICE, NODE_IP
from ci.cluster.problem import Problem

SERVER = f"https://{NODE_IP}:6443"
DAYS = "3650"


@dataclass(frozen=True)
class Certificate:
    """What one certificate says, and who signs it."""

    name: str
    subject: str
    authority: str = "ca"
    names: str = ""

    def usage(self) -> str:
        """etcd's is both, as it is a client of its own."""
        if self.authority == "etcd-ca" and self.names:
            return "serverAuth,clientAuth"
        return "serverAuth" if self.names else "clientAuth"


def _kubelet(number: int) -> tuple[Certificate, Certificate]:
    """Those of a node's kubelet, as a client of the API server and as what the API server asks."""
    name = nodes.name(number)
    subject = f"/O=system:nodes/CN=system:node:{name}"
    served = f"IP:{nodes.address(number)},DNS:{name}"
    return Certificate(f"{name}-kubelet", subject), Certificate(f"{name}-kubelet-server", subject, names=served)


# The third signs nothing: the controllers complain every minute about an API server without one.
AUTHORITIES = ("ca", "etcd-ca", "front-proxy-ca")
CERTIFICATES = (
    Certificate(
        "apiserver",
        "/CN=kube-apiserver",
        names=f"IP:{NODE_IP},IP:{API_SERVICE},DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,"
        "DNS:kubernetes.default.svc.cluster.local",
    ),
    Certificate("apiserver-kubelet", "/CN=coursehub:apiserver"),
    Certificate("kube-controller-manager", "/CN=system:kube-controller-manager"),
    Certificate("kube-scheduler", "/CN=system:kube-scheduler"),
    Certificate("kube-proxy", "/CN=system:kube-proxy"),
    Certificate("kube-router", "/CN=coursehub:kube-router"),
    Certificate("admin", "/O=system:masters/CN=coursehub-admin"),
    Certificate("etcd", "/CN=etcd", authority="etcd-ca", names="IP:127.0.0.1"),
    Certificate("apiserver-etcd", "/CN=kube-apiserver", authority="etcd-ca"),
    *(certificate for number in nodes.NUMBERS for certificate in _kubelet(number)),
)


def fingerprint() -> str:
    """Changes with what the certificates say."""
    return hashlib.sha256(f"{AUTHORITIES} {CERTIFICATES} {DAYS}".encode()).hexdigest()[:12]


def ensure(layout: Layout) -> None:
    """Make what is missing or says something else by now; what running pods trust stays."""
    made = layout.pki / "made"
    if made.exists() and made.read_text() == fingerprint():
        return
    layout.pki.mkdir(mode=0o700, exist_ok=True)
    if not (layout.pki / "tokens.pub").exists():
        _openssl(layout.pki, "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "tokens.key")
        _openssl(layout.pki, "pkey", "-in", "tokens.key", "-pubout", "-out", "tokens.pub")
    for name in AUTHORITIES:
        if (layout.pki / f"{name}.crt").exists():
            continue
        ca = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        _openssl(layout.pki, *_request(name, f"/CN=coursehub {name}"), *ca)
    for certificate in CERTIFICATES:
        signed = ["-CA", f"{certificate.authority}.crt", "-CAkey", f"{certificate.authority}.key"]
        says = ["basicConstraints=critical,CA:FALSE", f"extendedKeyUsage={certificate.usage()}"]
        if certificate.names:
            says.append(f"subjectAltName={certificate.names}")
        extensions = [argument for line in says for argument in ("-addext", line)]
        _openssl(layout.pki, *_request(certificate.name, certificate.subject), *signed, *extensions)
    made.write_text(fingerprint())


def kubeconfig(layout: Layout, name: str) -> str:
    """Access for one client, complete in itself (JSON is YAML)."""

    def data(file: str) -> str:
        return base64.b64encode((layout.pki / file).read_bytes()).decode()

    user = {"client-certificate-data": data(f"{name}.crt"), "client-key-data": data(f"{name}.key")}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "coursehub", "cluster": {"server": SERVER, "certificate-authority-data": data("ca.crt")}}
        ],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": "coursehub", "context": {"cluster": "coursehub", "user": name}}],
        "current-context": "coursehub",
    }
    return json.dumps(config, indent=1) + "\n"


def _request(name: str, subject: str) -> list[str]:
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", f"{name}.key"]
    # Without a configuration file nothing is added that is not asked for here.
    return ["req", "-x509", "-config", "/dev/null", *key, "-out", f"{name}.crt", "-days", DAYS, "-subj", subject]


def _openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False, umask=0o077)
    if done.returncode:
        raise Problem(f"`openssl {' '.join(arguments)}` failed: {done.stderr.strip()}")
