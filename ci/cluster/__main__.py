"""`python3 -m ci.cluster up|down|status|programs|import ARCHIVE...`"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from ci.cluster import binaries, cluster, status
from ci.cluster.layout import Layout
from ci.cluster.problem import Problem


def main() -> int:
    """0 fine, 1 something is wrong, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python3 -m ci.cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="bring it up, or mend what does not run; with NODES=2 of two nodes")
    commands.add_parser("down", help="take it down, with all its state")
    commands.add_parser("status", help="say what runs")
    commands.add_parser("programs", help="build its programs, helm among them, and the linters into the cache")
    imported = commands.add_parser("import", help="make the images in archives usable for pods")
    imported.add_argument("archive", type=Path, nargs="+")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        layout = Layout.from_environment()
        match arguments.command:
            case "up":
                cluster.up(layout)
            case "down":
                cluster.down(layout)
            case "status":
                return 0 if status.report(layout) else 1
            case "programs":
                binaries.build(layout, (*binaries.MODULES, binaries.LINTERS))
            case "import":
                cluster.import_archives(layout, arguments.archive)
    except Problem as problem:
        print(f"ci.cluster: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nci.cluster: interrupted; the next run goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
