"""How the cluster is, in plain words."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ci.cluster import control, manifests, network, node, nodes, ownership, preflight, processes
from ci.cluster.layout import Layout
from ci.cluster.nodes import Node
from ci.cluster.steps import say

# A pod that is not ready after this time is a matter for a person.
PATIENCE = 120.0
USUAL = ("ready", "starting", "ended")


def report(layout: Layout) -> bool:
    """Say what runs; True if all is well."""
    preflight.root(os.geteuid())
    if not ownership.is_ours(layout.state):
        say("There is no cluster on this machine: `make up` makes one.")
        return False
    first, *further = present = nodes.present(layout)
    wrong: list[str] = []
    for each, names in ((first, (*control.NAMES, *node.NAMES)), *((one, node.NAMES) for one in further)):
        for name in names:
            record = processes.record(each, name)
            what = name if each is first else f"{each.name}: {name}"
            say(f"{what:24} {f'runs, pid {record.pid}' if record else 'does NOT run'}")
            if not record:
                wrong.append(f"{what} does not run; its log: {each.logs}/{name}.log")
    if processes.record(first, "kube-apiserver"):
        wrong += _ask(layout, present)
    forward = processes.record(first, "forward")
    if forward and (port := re.search(r"TCP-LISTEN:(\d+)", forward.command[1])):
        say(f"{'browser':24} http://127.0.0.1:{port[1]}")
    for line in wrong:
        say(f"WRONG: {line}")
    say("Something is wrong: `make up` mends what it can." if wrong else "All is well.")
    return not wrong


def pod_state(pod: dict[str, Any], now: float) -> str:
    """One of USUAL, or what is wrong."""
    status = pod["status"]
    conditions = {one["type"]: one for one in status.get("conditions", [])}
    ready = conditions.get("Ready", {"status": "False", "lastTransitionTime": pod["metadata"]["creationTimestamp"]})
    if status["phase"] == "Succeeded":
        return "ended"
    if ready["status"] == "True":
        return "ready"
    if now - datetime.fromisoformat(ready["lastTransitionTime"]).timestamp() < PATIENCE:
        return "starting"
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    reasons = [one["state"]["waiting"]["reason"] for one in containers if "waiting" in one["state"]]
    return f"not ready ({', '.join(reasons) or status.get('reason') or status['phase']})"


def _ask(layout: Layout, present: Iterable[Node]) -> list[str]:
    asked = manifests.kubectl(layout, "get", "nodes,pods", "--all-namespaces", "--output=json")
    if asked.returncode:
        return [f"the API server does not answer: {asked.stderr.strip()}"]
    items = json.loads(asked.stdout)["items"]
    states = {
        f"{item['metadata']['namespace']}/{item['metadata']['name']}": pod_state(item, time.time())
        for item in items
        if item["kind"] == "Pod"
    }
    counts = {state: list(states.values()).count(state) for state in sorted(set(states.values()))}
    say(f"{'pods':24} {', '.join(f'{count} {state}' for state, count in counts.items()) or 'none'}")
    wrong = [f"pod {name} is {state}" for name, state in states.items() if state not in USUAL]
    ready = {
        item["metadata"]["name"]
        for item in items
        if item["kind"] == "Node"
        for one in item["status"]["conditions"]
        if one["type"] == "Ready" and one["status"] == "True"
    }
    wrong += [
        f"the node {each.name} is not ready; see {each.logs}/kubelet.log" for each in present if each.name not in ready
    ]
    if not network.resolves_names():
        wrong.append("names are not resolved; see the pods in kube-system")
    return wrong
