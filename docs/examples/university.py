"""A site's own code: instructors get more memory, and everybody the licensed software, read-only."""

from dataclasses import replace

from coursehub.config.profiles import Role
from coursehub.servers.plan import SHARE, Mount, PodPlan

SOFTWARE = Mount(path="/srv/software", volume=SHARE, sub_path="software", read_only=True)


def adjust(plan: PodPlan) -> PodPlan:
    """Called for each server with its plan; what it returns is what the server will be."""
    plan = replace(
        plan,
        mounts=(*plan.mounts, SOFTWARE),
        environment={**plan.environment, "LICENSE_SERVER": "licenses.example.edu"},
    )
    if plan.profile.role is Role.INSTRUCTOR:
        more = plan.limits.model_copy(update={"memory": plan.limits.memory and plan.limits.memory * 2})
        plan = replace(plan, limits=more)
    return plan
