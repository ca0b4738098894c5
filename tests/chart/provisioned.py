"""What a provisioner adds, and what is in its place without one."""

from tests.chart.helm import Values, at

ON: Values = at("storage.provisioner.enabled", True)


NAME = "teaching-storage/coursehub-provisioner"


ADDED = [
    ("Deployment", NAME),
    ("Namespace", "teaching-storage"),
    ("NetworkPolicy", NAME),
    ("PersistentVolume", "teaching-coursehub-provisioner"),
    ("PersistentVolumeClaim", NAME),
    ("Secret", NAME),
    ("Service", NAME),
]


LOOKER = [(kind, "coursehub-looker") for kind in ("Deployment", "NetworkPolicy", "Service")]
