"""What renders: kinds and names, ours and upstream's."""

OURS = [
    ("ConfigMap", "coursehub-courses"),
    ("ConfigMap", "coursehub-site"),
    ("Deployment", "coursehub-culler"),
    ("Deployment", "coursehub-looker"),
    ("NetworkPolicy", "coursehub-culler"),
    ("NetworkPolicy", "coursehub-dns"),
    ("NetworkPolicy", "coursehub-execution"),
    ("NetworkPolicy", "coursehub-grading"),
    ("NetworkPolicy", "coursehub-hub-egress"),
    ("NetworkPolicy", "coursehub-looker"),
    ("NetworkPolicy", "coursehub-servers"),
    ("PersistentVolume", "teaching-coursehub-storage"),
    ("PersistentVolumeClaim", "coursehub-storage"),
    ("Pod", "coursehub-network-test-grading"),
    ("Pod", "coursehub-network-test-student"),
    ("PriorityClass", "coursehub-core"),
    ("Role", "coursehub-configmaps"),
    ("Role", "coursehub-hub-reads"),
    ("RoleBinding", "coursehub-configmaps"),
    ("RoleBinding", "coursehub-hub-reads"),
    ("Secret", "coursehub-provisioner"),
    ("Service", "coursehub-looker"),
]


UPSTREAM = [
    ("ConfigMap", "hub"),
    ("Deployment", "hub"),
    ("Deployment", "proxy"),
    ("NetworkPolicy", "hub"),
    ("NetworkPolicy", "proxy"),
    ("NetworkPolicy", "singleuser"),
    ("PersistentVolumeClaim", "hub-db-dir"),
    ("Role", "hub"),
    ("RoleBinding", "hub"),
    ("Secret", "hub"),
    ("Service", "hub"),
    ("Service", "proxy-api"),
    ("Service", "proxy-public"),
    ("ServiceAccount", "hub"),
]
