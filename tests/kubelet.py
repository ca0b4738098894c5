"""What a container sees of a pod's environment: kubelet replaces `$(NAME)` and halves `$$` before it starts anything.

The rule is in https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/ and
in pkg `third_party/forked/golang/expansion` of Kubernetes.
"""

import re
from collections.abc import Iterable, Mapping

# `$$`, or a reference up to the first bracket that closes; any other `$` is itself.
_EXPRESSION = re.compile(r"\$(?:\$|\(([^)]*)\))", re.DOTALL)


def expanded(text: str, known: Mapping[str, str]) -> str:
    """`text` with the variables that are `known` in place of their references; others stay as they are written."""
    return _EXPRESSION.sub(
        lambda found: "$" if found[1] is None else known.get(found[1], found[0]),
        text,
    )


def environment(entries: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The container's variables from `env` of its pod; a later entry sees the earlier ones."""
    seen: dict[str, str] = {}
    for entry in entries:
        seen[entry["name"]] = expanded(entry.get("value", ""), seen)
    return seen
