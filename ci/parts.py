"""Runs make targets one after the other and ends with the time of each: python -m ci.parts TARGET..."""

import subprocess
import sys
import time
from collections.abc import Sequence

from ci.cluster.layout import Layout


def main(targets: Sequence[str]) -> int:
    """0 where all targets passed; the first that fails ends the run, and a cluster that this run began ends with it."""
    was_up = Layout.from_environment().kubeconfig.exists()
    times: list[tuple[str, float, str]] = []
    failed = False
    for target in targets:
        print(f"== {target}", flush=True)
        begin = time.monotonic()
        failed = subprocess.run(["make", "--no-print-directory", target], check=False).returncode != 0
        times.append((target, time.monotonic() - begin, "failed" if failed else "passed"))
        if failed:
            break
    if not was_up and "up" in targets:
        subprocess.run(["make", "--no-print-directory", "down"], check=False)
    print("\ntime of each part:")
    for target, seconds, result in times:
        print(f"  {target:12} {int(seconds) // 60:3}:{int(seconds) % 60:02}  {result}")
    print(f"  {'all':12} {int(total := sum(t for _, t, _ in times)) // 60:3}:{int(total) % 60:02}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
