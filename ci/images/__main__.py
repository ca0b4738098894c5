"""python3 -m ci.images: see --help."""

import argparse
import json
import sys
from pathlib import Path

from ci.cluster.problem import Problem
from ci.images.build import build
from ci.images.check import check
from ci.images.freeze import refreeze
from ci.images.image import IMAGES


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m ci.images", description="Images of the local cluster.")
    commands = parser.add_subparsers(dest="command", required=True)
    for command, text in (
        ("build", "make the archives that are missing; the last line is JSON {name: reference}"),
        ("test", "build what is missing, then run each image's test inside it"),
        ("list", "one line an image: name, reference, archive and whether that is there"),
    ):
        sub = commands.add_parser(command, help=text, description=text)
        if command == "build":
            sub.add_argument("--json", type=Path, metavar="FILE", help="write that line into FILE too")
        sub.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(IMAGES)}; without any: all")
    text = "freeze each image's requirements anew, with hashes"
    commands.add_parser("refreeze", help=text, description=text)
    arguments = parser.parse_args()

    unknown = sorted(set(getattr(arguments, "names", ())) - set(IMAGES))
    if unknown:
        parser.error(f"no image {', '.join(unknown)}; there are {', '.join(IMAGES)}")
    images = [IMAGES[name] for name in getattr(arguments, "names", ()) or IMAGES]
    try:
        if arguments.command == "refreeze":
            refreeze()
        elif arguments.command == "list":
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
