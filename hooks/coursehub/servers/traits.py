"""A plan as KubeSpawner's traits: every one that shapes the pod, so that none stays from an earlier server."""

from typing import Any

from . import manifest
from .manifest import Frame
from .plan import PodPlan


def traits(planned: PodPlan, frame: Frame) -> dict[str, Any]:
    """Every trait of KubeSpawner that shapes the pod and is the plan's; setting them all leaves no remainder."""
    return {
        "namespace": frame.namespace,
        "profile_list": [{"slug": planned.profile.slug, "display_name": planned.profile.slug}],
        "image": planned.image,
        "cmd": list(planned.command),
        "args": [],
        "default_url": planned.default_url,
        "notebook_dir": "/",
        "disable_user_config": True,
        "working_dir": planned.home,
        "environment": {
            **{name: _literal(value) for name, value in manifest.environment(planned).items()},
            **manifest.secrets(planned),
        },
        "env_keep": [],
        "extra_labels": dict(planned.labels),
        "extra_annotations": dict(frame.annotations),
        "uid": planned.uid,
        "gid": planned.gid,
        "fs_gid": None,
        "supplemental_gids": [],
        "pod_security_context": manifest.pod_security(planned),
        "container_security_context": manifest.container_security(planned),
        "privileged": False,
        "allow_privilege_escalation": False,
        "service_account": None,
        "automount_service_account_token": False,
        "node_selector": manifest.node_selector(planned, frame),
        "tolerations": manifest.tolerations(planned, frame),
        "priority_class_name": frame.priority_class or "",
        "volumes": manifest.volumes(planned, frame),
        "volume_mounts": manifest.mounts(planned),
        "storage_pvc_ensure": False,
        "cpu_limit": planned.limits.cpu,
        "mem_limit": planned.limits.memory,
        "cpu_guarantee": planned.guarantees.cpu,
        "mem_guarantee": planned.guarantees.memory,
        "extra_resource_limits": manifest.limits(planned),
        "extra_resource_guarantees": manifest.requests(planned),
        "init_containers": [],
        "extra_containers": [],
        "extra_container_config": {"terminationMessagePolicy": manifest.TERMINATION_MESSAGE_POLICY},
        "extra_pod_config": {"restartPolicy": manifest.RESTART_POLICY},
        "lifecycle_hooks": {},
        "events_enabled": True,
        "delete_stopped_pods": True,
    }


def _literal(text: str) -> str:
    """What KubeSpawner, which passes each value through str.format, makes `text` of."""
    return text.replace("{", "{{").replace("}", "}}")
