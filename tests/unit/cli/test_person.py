"""A person is asked for where the site has its people; what is in the way is a sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import SITE
from tests.unit.cli.command import run

ACCOUNT = ("user", "show", "--site", "site.yaml")


AWAY = "identity: {provider: ldap, timeout: 20, ldap: {servers: ['ldap://127.0.0.1:1'], users: {base: dc=x}}}\n"


def with_provider(files: Path, identity: str) -> None:
    (files / "site.yaml").write_text(SITE[: SITE.index("identity:")] + identity)


def test_what_a_login_said_only_the_running_hub_knows(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_provider(files, "identity: {provider: authState}\n")
    assert run(*ACCOUNT, "anna") == 1
    assert capsys.readouterr().err == (
        "Only the running hub knows what the login said of 'anna'; leave --site and files out.\n"
    )


def test_a_directory_that_is_away_is_told_with_the_reason(files: Path) -> None:
    with_provider(files, AWAY)
    code = "import sys; from coursehub.cli.main import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", code, *ACCOUNT, "anna"], capture_output=True, text=True, check=False)
    reason, _, sentence = done.stderr.splitlines()
    assert done.returncode == 1
    assert reason.startswith("coursehub: directory: ldap://127.0.0.1:1: ")
    assert "Connection refused" in reason
    assert sentence == "The university's directory does not answer. Please try again in a few minutes."


def test_without_ldap3_the_command_says_what_to_install(files: Path) -> None:
    with_provider(files, AWAY)
    code = "import sys; sys.modules['ldap3'] = None; from coursehub.cli.main import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", code, *ACCOUNT, "anna"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "install coursehub with its extra 'ldap' (docs/admins/command.md)" in done.stderr
