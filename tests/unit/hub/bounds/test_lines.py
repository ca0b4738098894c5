"""No line of the hub's log is longer than somebody can read, and none moves a terminal's cursor."""

import json
import logging
import subprocess
import sys
from typing import Any

import pytest
from coursehub.hub.bounds import lines
from coursehub.hub.bounds.lines import BoundedFormatter
from traitlets.config import Config

NAME = "coursehub.hub.bounds.lines.BoundedFormatter"


def line(message: str, *arguments: object, wrong: bool = False) -> str:
    record = logging.LogRecord("hub", logging.WARNING, "file.py", 1, message, arguments, None)
    record.exc_info = sys.exc_info() if wrong else None
    return BoundedFormatter(fmt="%(message)s").format(record)


def test_w10_of_a_long_line_the_beginning_and_the_end_are_there() -> None:
    found = line("Failed login for %r, who is %s", "x" * 2**20, "known")
    assert len(found) < 4100
    assert found.startswith("Failed login for 'xxx")
    assert found.endswith("who is known")
    assert "characters left out" in found


def test_a_line_of_usual_length_is_as_jupyterhub_writes_it() -> None:
    assert line("User logged in: %s", "maria") == "User logged in: maria"


def test_w10_what_went_wrong_may_be_longer_and_ends_with_why() -> None:
    try:
        raise ValueError("y" * 5000)
    except ValueError:
        short = line("z" * 5000, wrong=True)
    assert len(short) > 10_000
    try:
        raise ValueError("y" * 2**20 + " is wrong")
    except ValueError:
        found = line("z", wrong=True)
    assert len(found) < 20_100
    assert "Traceback" in found
    assert found.rstrip().endswith("is wrong")


def test_s6_what_somebody_sent_is_text_in_the_log() -> None:
    sent = "\x1b]52;c;eA==\x07\x1b[2J\r\u009b2J\u202e\udcff"
    shown = r"\x1b]52;c;eA==\x07\x1b[2J\r\x9b2J\u202e\xff"
    assert line("Not authorizing access to %s", sent) == f"Not authorizing access to {shown}"
    assert line(sent) == shown
    assert line("100% of it") == "100% of it"
    assert line("one\ntwo") == "one\n    two", "what is several lines is indented, and looks like no line of its own"
    try:
        raise ValueError(sent)
    except ValueError:
        assert shown in line("wrong", wrong=True)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        pytest.param({}, {"JupyterHub": {"formatters": {"console": {"class": NAME}}}}, id="none"),
        pytest.param(
            {"JupyterHub": {"handlers": {"file": {}}}},
            {"JupyterHub": {"handlers": {"file": {}}, "formatters": {"console": {"class": NAME}}}},
            id="something else",
        ),
        pytest.param(
            {"Application": {"formatters": {"file": {}}}},
            {"Application": {"formatters": {"file": {}, "console": {"class": NAME}}}},
            id="for every application",
        ),
        pytest.param(
            {"JupyterHub": {"formatters": {"console": {"class": "a.B"}}}},
            {"JupyterHub": {"formatters": {"console": {"class": "a.B"}}}},
            id="the site's own",
        ),
    ],
)
def test_what_a_site_configured_of_its_log_stays(given: dict[str, Any], wanted: dict[str, Any]) -> None:
    c = Config({section: {"logging_config": value} for section, value in given.items()})
    lines.bound(c)
    found = {section: c[section].logging_config for section in ("Application", "JupyterHub") if c[section]}
    assert found == wanted


def test_w10_jupyterhubs_own_console_has_the_bounds() -> None:
    c = Config()
    lines.bound(c)
    program = (
        "import json, sys; from jupyterhub.app import JupyterHub; from traitlets.config import Config; "
        "app = JupyterHub(config=Config(json.load(sys.stdin))); app.init_logging(); "
        "app.log.warning('x' * 2**20)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(c), text=True, capture_output=True, check=True
    )
    assert len(ran.stderr) < 4200
    assert "characters left out" in ran.stderr
