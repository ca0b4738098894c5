"""The command `coursehub` of a course's server: what its people do beside nbgrader, by verbs.

Each verb is a module with a docstring, whose first line is its help, `arguments(parser)` and `run(arguments)`, which
gives the exit code. Every verb's first argument is the course, which is the server's: a habit of the wrong tab does no
harm.
"""

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib import import_module
from signal import SIGINT

import nbgrader_trusted
from coursehub_places import Refused
from nbgrader.converters.base import NbGraderException
from nbgrader_rules import shown
from nbgrader_told import is_staff
from nbgrader_whole import told

# Of whom: each verb, of one word or two, and its module.
STAFF: dict[str, str] = {
    "extend": "coursehub_extend",
    "grade": "coursehub_grade",
    "gradebook copy": "coursehub_gradebook",
    "grades export": "coursehub_grades",
    "submissions export": "coursehub_submissions",
}
ANYBODY: dict[str, str] = {"receipt": "coursehub_receipt"}
ELSEWHERE = (
    "What checks course files (`coursehub check`, `coursehub explain`), and what admins do, is a program of the same "
    "name on the computers of those who keep the course file, and not in servers."
)


def main(words: Sequence[str] | None = None) -> int:
    """The exit code: 1 where something was refused or failed, and 2 where it was asked for in a wrong way."""
    os.umask(int(os.environ.get("COURSEHUB_UMASK", "0077"), 8))
    course = os.environ.get("COURSEHUB_COURSE", "")
    verbs = ANYBODY | (STAFF if is_staff() else {})
    words = list(sys.argv[1:] if words is None else words)
    if (both := " ".join(words[:2])) in verbs:
        words[:2] = [both]
    parser = ArgumentParser("coursehub", description="What people of a course do beside nbgrader.", epilog=ELSEWHERE)
    adding = parser.add_subparsers(title="verbs", required=True, metavar="VERB")
    for verb, name in verbs.items():
        module = import_module(name)
        text = str(module.__doc__)
        made = adding.add_parser(
            verb, help=text.splitlines()[0], description=text, formatter_class=RawDescriptionHelpFormatter
        )
        made.add_argument("course", metavar="SLUG", help="the course, which is this server's")
        module.arguments(made)
        made.set_defaults(run=module.run)
    if words and not words[0].startswith("-") and words[0] not in verbs:
        parser.error(f"{words[0]!r} is none of what it does here: {', '.join(sorted(verbs))}. {ELSEWHERE}")
    asked = parser.parse_args(words)
    if asked.course != course:
        of = repr(course) if course else "no course"
        parser.error(f"this server is of {of}; for {asked.course!r}, start that course and ask there")
    nbgrader_trusted.restrict()
    try:
        return int(asked.run(asked))
    except KeyboardInterrupt:
        return 128 + SIGINT
    except (Refused, NbGraderException) as refusal:
        sys.exit(f"coursehub: {refusal}")
    except OSError as error:
        again = "If it stays so, tell your admins."
        sys.exit(shown(f"coursehub: what it needs cannot be read or written {told(error)} {again}"))
