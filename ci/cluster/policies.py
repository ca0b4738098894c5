"""What enforces NetworkPolicies: kube-router's firewall, and what it leaves in the kernel when it ends."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from itertools import pairwise

from ci.cluster.problem import Problem

# All that it makes in iptables' table `filter`, and its ipsets; those with TMP are being filled.
CHAIN = re.compile(r"KUBE-ROUTER-(INPUT|FORWARD|OUTPUT)|KUBE-NWPLCY-DEFAULT|KUBE-(POD-FW|NWPLCY)-[A-Z2-7]{16}")
SET = re.compile(r"(KUBE-SRC|KUBE-DST|TMP)-[A-Z2-7]{16}")
# The chains that iptables makes before anybody's first rule.
BUILT_IN = {"INPUT", "FORWARD", "OUTPUT"}
RESTORES = re.compile(r"^kube_router_controller_iptables_v4_restore_time_count [1-9]", re.MULTILINE)


def are_enforced(metrics: str) -> bool:
    """Has the engine handed its rules to the kernel since it began, by its own metrics?"""
    return bool(RESTORES.search(metrics))


def remove() -> None:
    """Take away the engine's chains, what leads into them, and its ipsets; nothing that another program named."""
    if undo := removal(_ask("iptables-save", "--table=filter")):
        _run("iptables-restore", "--noflush", "--wait", text=undo)
        if is_bare(_ask("nft", "--json", "list", "table", "ip", "filter")):
            _run("nft", "delete", "table", "ip", "filter")
    if sets := [name for name in _ask("ipset", "list", "-name").split() if SET.fullmatch(name)]:
        _run("ipset", "-exist", "restore", text="".join(f"destroy {name}\n" for name in sets))


def removal(saved: str) -> str:
    """One transaction for iptables-restore, by what iptables-save says; empty if nothing there is the engine's."""
    lines = saved.splitlines()
    chains = [name for line in lines if line.startswith(":") and CHAIN.fullmatch(name := line[1:].split()[0])]
    if not chains:
        return ""
    steps = [line.replace("-A", "-D", 1) for line in lines if line.startswith("-A") and _leads_in(line)]
    steps += [f"{step} {chain}" for step in ("-F", "-X") for chain in chains]
    return "\n".join(["*filter", *steps, "COMMIT", ""])


def is_bare(listed: str) -> bool:
    """Is there a table with nothing in it but the chains that iptables makes by itself? By nft's JSON."""
    if not listed:
        return False
    found = [each for each in json.loads(listed)["nftables"] if not {"metainfo", "table"} & each.keys()]
    chains = [each.get("chain", {}) for each in found]
    return all(chain.get("name") in BUILT_IN and chain.get("policy") == "accept" for chain in chains)


def _leads_in(rule: str) -> bool:
    """From a chain of somebody else's into one of the engine's."""
    words = shlex.split(rule)
    targets = [target for option, target in pairwise(words) if option in {"-j", "-g"}]
    return not CHAIN.fullmatch(words[1]) and any(map(CHAIN.fullmatch, targets))


def _ask(*command: str) -> str:
    """Nothing, where the machine has not got what is asked for."""
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _run(*command: str, text: str = "") -> None:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Problem(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
