"""`nbgrader set_aside`: what an instructor does with a submission that is not to be collected.

It is its student's, so nobody else can delete it from the exchange. What is set aside stays there, and /course has a
list of it.
"""

import json
import os
from pathlib import Path

from coursehub_files import open_file
from nbgrader.apps.baseapp import NbGrader, nbgrader_aliases, nbgrader_flags
from nbgrader_alone import alone
from nbgrader_whole import replacing
from traitlets import Bool

LIST = ".set-aside.json"


class SetAside(NbGrader):  # type: ignore[misc] # nbgrader is untyped
    """The command."""

    name = "nbgrader-set-aside"
    description = "Set one submission aside: collecting passes over it, and takes the one before of the same student"
    examples = """
        A submission is called by the name that `nbgrader collect` says, in quotes:

            nbgrader set_aside 'maria+hw1+2026-10-01 12:00:00.123456 UTC+x1'

        With --undo it is collected again. Without a name: what is set aside.
        """
    aliases = nbgrader_aliases
    flags = nbgrader_flags | {"undo": ({"SetAside": {"undo": True}}, "Have it collected again.")}
    undo = Bool(False, help="Whether to take what is named off the list.").tag(config=True)

    def start(self) -> None:
        """Ends the process with a sentence where there is no such submission."""
        super().start()
        course = self.coursedir.root
        if not self.extra_args:
            self.log.info("Set aside: %s", "; ".join(sorted(set_aside(course))) or "nothing")
            return
        exchange = self.exchange.Collect(coursedir=self.coursedir, authenticator=self.authenticator, parent=self)
        inbound = Path(exchange.root, self.coursedir.course_id, "inbound")
        with alone(course, LIST, self.log):
            names = set_aside(course)
            for name in self.extra_args:
                if not self.undo and ("/" in name or not (inbound / name).is_dir()):
                    self.fail(f"There is no submission {name!r} in {inbound}; collecting says how each is called")
                if self.undo and name not in names:
                    self.fail(f"{name!r} is not set aside")
            names = names - {*self.extra_args} if self.undo else names | {*self.extra_args}
            with replacing(os.path.join(course, LIST)) as made, open_file(made, "w") as writing:
                json.dump(sorted(names), writing, indent=1)
        for name in self.extra_args:
            done = "To be collected again" if self.undo else "Set aside"
            self.log.info("%s: %s; collect with --update, or in Formgrader", done, name)


def set_aside(course: str) -> frozenset[str]:
    """The names of what the course's instructors have set aside."""
    try:
        with open_file(os.path.join(course, LIST)) as reading:
            return frozenset(map(str, json.load(reading)))
    except FileNotFoundError:
        return frozenset()
