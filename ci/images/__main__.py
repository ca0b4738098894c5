"""python3 -m ci.images: see --help."""

import argparse
import json
import sys
from pathlib import Path

from ci.cluster.problem import Problem
from ci.images.build import build
from ci.images.check import check
from ci.images.freeze import refreeze
from ci.images.image import IMAGES, MADE_ON_OURS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m ci.images", description="Images of the local cluster.")
    commands = parser.add_subparsers(dest="command", required=True)
    for command, text in (
        ("build", "make the archives that are missing; the last line is JSON {name: reference}"),
        (
            "test",
            "build what is missing, then run each image's test inside it; also of those that a site makes of ours",
        ),
        ("list", "one line an image: name, reference, archive and whether that is there"),
    ):
        sub = commands.add_parser(command, help=text, description=text)
        if command == "build":
            sub.add_argument("--json", type=Path, metavar="FILE", help="write that line into FILE too")
        known = IMAGES if command == "build" else IMAGES | MADE_ON_OURS
        sub.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; without any: all")
        sub.set_defaults(known=known)
    text = "freeze each image's requirements anew, with hashes"
    commands.add_parser("refreeze", help=text, description=text)
    arguments = parser.parse_args()

    try:
        if arguments.command == "refreeze":
            refreeze()
            return 0
        unknown = sorted(set(arguments.names) - set(arguments.known))
        if unknown:
            parser.error(f"no image {', '.join(unknown)}; there are {', '.join(arguments.known)}")
        images = [arguments.known[name] for name in arguments.names or arguments.known]
        if arguments.command == "list":
            for image in images:
                state = f"{image.archive.stat().st_size // 10**6} MB" if image.archive.exists() else "not built"
                print(f"{image.name}\t{image.ref}\t{image.archive}\t{state}")
        else:
            build(images)
            line = json.dumps({image.name: image.ref for image in images})
            if arguments.command == "build" and arguments.json:
                arguments.json.write_text(line + "\n")
            if arguments.command == "test":
                check(images)
            print(line)
    except Problem as problem:
        print(f"images: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
