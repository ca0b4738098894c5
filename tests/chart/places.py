"""Where pods may go, as the policies have it."""

from tests.chart.policies import METADATA, Pod, server

# As the hub has them, and what opens doors to who has it.
DOORS = {f"hub.jupyter.org/network-access-{each}": "true" for each in ("hub", "proxy-api", "proxy-http", "singleuser")}


STRANGER = Pod({"app": "jupyterhub", "component": "hub", "release": "coursehub", **DOORS}, "other")


KUBE_SYSTEM, OPENSHIFT = Pod({"k8s-app": "kube-dns"}, "kube-system"), Pod({}, "openshift-dns")


# From what it is to where, and the port.
PLACES: dict[str, tuple[str | Pod, int, str]] = {
    "the hub": ("hub", 8081, "TCP"),
    "the proxy": ("proxy", 8000, "TCP"),
    "the proxy's API": ("proxy", 8001, "TCP"),
    "another's server": (server("student"), 8888, "TCP"),
    "the provisioner": ("provisioner", 8080, "TCP"),
    "the API server": ("192.0.2.1", 6443, "TCP"),
    "etcd": ("192.0.2.1", 2379, "TCP"),
    "a kubelet": ("192.0.2.20", 10250, "TCP"),
    "a kubelet at a private address": ("10.1.2.20", 10250, "TCP"),
    "metadata": (METADATA, 80, "TCP"),
    "metadata at Azure": ("168.63.129.16", 80, "TCP"),
    "kube-dns and CoreDNS": (KUBE_SYSTEM, 53, "UDP"),
    "DNS by TCP": (KUBE_SYSTEM, 53, "TCP"),
    "DNS of Gardener": (KUBE_SYSTEM, 8053, "UDP"),
    "DNS of OpenShift": (OPENSHIFT, 5353, "UDP"),
    "NodeLocal DNSCache": ("169.254.20.10", 53, "UDP"),
    "NodeLocal DNSCache of kubespray": ("169.254.25.10", 53, "UDP"),
    "Cloud DNS": (METADATA, 53, "UDP"),
    "other things in kube-system": (KUBE_SYSTEM, 10259, "TCP"),
    "a resolver of the campus": ("192.0.2.53", 53, "UDP"),
    "a resolver at a private address": ("10.1.2.53", 53, "UDP"),
    "a resolver on the internet": ("198.51.100.53", 53, "UDP"),
    "a resolver on the internet by TCP": ("198.51.100.53", 53, "TCP"),
    "the file server": ("192.0.2.7", 2049, "TCP"),
    "the file server's portmapper": ("192.0.2.7", 111, "TCP"),
    "the file server's mountd": ("192.0.2.7", 20048, "TCP"),
    "a file server at a private address": ("10.20.0.7", 2049, "TCP"),
    "a shared address": ("100.64.3.4", 80, "TCP"),
    "the internet": ("198.51.100.1", 443, "TCP"),
    "the internet by http": ("198.51.100.1", 80, "TCP"),
    "the internet by ssh": ("198.51.100.1", 22, "TCP"),
    "the internet by IPv6": ("2001:db8::1", 22, "TCP"),
    "a directory": ("10.30.0.1", 636, "TCP"),
}
