"""The command as tests run it."""

from typing import Any

import click
import pytest
from coursehub.cli import options
from coursehub.cli.main import main, program

# What each command on the volume is told, in the folder that the fixture `files` makes.
FILES = ("--root", "root", "--site", "site.yaml", "courses.yaml")


def run(*arguments: str) -> int:
    """The exit code of `coursehub ARGUMENTS`."""
    return main(arguments)


def wrong_usage(*arguments: str) -> click.UsageError | None:
    """Why the command does not take these words; it is not run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(options.Verb, "invoke", lambda *_: 0)
        try:
            program.main(arguments, prog_name="coursehub", standalone_mode=False)
        except click.UsageError as error:
            return error
    return None


class Door:
    """A hub that answers as told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {}

    def __call__(self, namespace: str, question: dict[str, Any]) -> dict[str, Any]:
        """See hub.ask."""
        self.asked.append({"namespace": namespace, **question})
        return self.answer
