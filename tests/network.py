"""Who reaches what: tests/chart adds the rendered policies up, tests/e2e tries. docs/network.md has the same table."""

ROLES = ("general", "student", "instructor")
# The columns; `spoofed` is a pod that somebody gave a server's labels, `stranger` one of another namespace.
PARTS = ("culler", "spawn test", "hub", "proxy", "provisioner", "check")
EVERYBODY = (*ROLES, "grading", "spoofed", *PARTS, "stranger")
SERVERS = {*ROLES, "spoofed"}
NAMES = {*SERVERS, "grading", "culler", "spawn test", "hub", "proxy"}

# From what it is to who reaches it.
TABLE: dict[str, set[str]] = {
    "the hub": {*SERVERS, "grading", "culler", "spawn test", "proxy"},
    "the proxy": {*SERVERS, "grading", "spawn test", "stranger"},
    "the proxy's API": {"hub"},
    "another's server": {"hub", "proxy"},
    "the provisioner": {"hub"},
    "the API server": {"hub", "check", "stranger"},
    "etcd": {"stranger"},
    "a kubelet": {"stranger"},
    "a kubelet at a private address": {"stranger"},
    "metadata": {"stranger"},
    "metadata at Azure": {"stranger"},
    "kube-dns and CoreDNS": {*NAMES, "stranger"},
    "DNS by TCP": {*NAMES, "stranger"},
    "DNS of Gardener": {*NAMES, "stranger"},
    "DNS of OpenShift": {*NAMES, "stranger"},
    "NodeLocal DNSCache": {*NAMES, "stranger"},
    "NodeLocal DNSCache of kubespray": {*NAMES, "stranger"},
    "Cloud DNS": {*NAMES, "stranger"},
    "other things in kube-system": {"stranger"},
    "a resolver of the campus": {"stranger"},
    "a resolver at a private address": {"stranger"},
    "a resolver on the internet": {"stranger"},
    "a resolver on the internet by TCP": {"stranger"},
    "the file server": {"stranger"},
    "the file server's portmapper": {"stranger"},
    "the file server's mountd": {"stranger"},
    "a file server at a private address": {"stranger"},
    "a shared address": {"stranger"},
    "the internet": {*SERVERS, "hub", "check", "stranger"},
    "the internet by http": {*SERVERS, "stranger"},
    "the internet by ssh": {*SERVERS, "stranger"},
    "the internet by IPv6": {"stranger"},
    "a directory": {"hub", "stranger"},
}
# What is a part itself: no policy stands between it and its own port.
OWN = {"the hub": "hub", "the proxy": "proxy", "the proxy's API": "proxy", "the provisioner": "provisioner"}
