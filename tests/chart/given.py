"""Values that several tests give."""

from tests.chart.helm import VERSION, Values, at

CERTIFICATE: Values = at("jupyterhub.proxy.https", {"enabled": True, "type": "secret", "secret": {"name": "tls"}})

# `make up` and an admin name the image that holds this version.
IMAGE = at("jupyterhub.hub.image", {"name": "registry.example.edu/coursehub-hub", "tag": VERSION})

EVERYTHING: Values = {
    "storage": {"provisioner": {"enabled": True}, "check": {"schedule": "@daily"}},
    "monitoring": {
        "spawnTest": {"enabled": True},
        "serviceMonitor": {"enabled": True},
        "from": [{"podSelector": {}}],
        "rules": {"enabled": True},
        "dashboard": {"enabled": True},
    },
    "identity": {"file": {"people": {"spawntest": {"uid": 20031, "gid": 20031}}}},
}
