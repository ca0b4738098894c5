"""The version of Kubernetes, against the oldest that the chart takes."""

import re
from collections.abc import Mapping
from typing import Any

from coursehub.cli.report import Line

# As chart/Chart.yaml has it: the first where supplementalGroupsPolicy works without a feature gate.
OLDEST = (1, 33)


def line(answer: Mapping[str, Any]) -> Line:
    """Of what `kubectl version --output json` prints."""
    version = str(answer["serverVersion"]["gitVersion"])
    found = re.match(r"v(\d+)\.(\d+)", version)
    if found and (int(found[1]), int(found[2])) >= OLDEST:
        return Line("Kubernetes", version)
    oldest = ".".join(map(str, OLDEST))
    return Line("Kubernetes", f"{version} is older than {oldest}", f"upgrade the cluster to {oldest} or newer")
