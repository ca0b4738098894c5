"""A real sshd, on this machine only and on a free port, that itself forbids as little as it can."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ci.cluster.steps import wait_until
from tests import ports
from tests.support import SITE

HOOKS = Path(__file__).resolve().parents[2] / "hooks"
# Debian's AcceptEnv and PermitTunnel. StrictModes would refuse a folder below /tmp.
CONF = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
AcceptEnv LANG LC_*
AllowAgentForwarding yes
AllowTcpForwarding yes
AllowStreamLocalForwarding yes
GatewayPorts yes
X11Forwarding yes
Subsystem sftp /usr/lib/openssh/sftp-server
"""
# The command as it is installed, which also writes down what it was given.
PROGRAM = """\
#!{python}
import json, os, sys
sys.path.insert(0, {hooks!r})
with open({seen!r}, "w") as seen:
    json.dump(dict(os.environ), seen)
from coursehub.cli.main import main
sys.exit(main())
"""


@dataclass(frozen=True)
class Sshd:
    """The server, a volume behind its door, and its keys: the `door`'s, a `home` one's, and one for `anything`."""

    folder: Path
    port: int

    @property
    def volume(self) -> Path:
        """What the door makes directories on."""
        return self.folder / "volume"

    @property
    def seen(self) -> dict[str, str]:
        """The variables that the door's program had the last time."""
        found: dict[str, str] = json.loads((self.folder / "seen.json").read_text())
        return found

    def options(self, key: str) -> list[str]:
        """Of ssh, scp and sftp, before their own."""
        settings = {
            "IdentityFile": self.folder / key,
            "UserKnownHostsFile": self.folder / "known_hosts",
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": "20",
        }
        return ["-F", "none", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]

    def command(self, *options: str, key: str = "door") -> list[str]:
        """An ssh with these options, to which a remote command can be added."""
        return ["ssh", "-T", *self.options(key), *options, "-p", str(self.port), "root@127.0.0.1"]

    def run(
        self, *words: str, options: Sequence[str] = (), key: str = "door", send: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """What ssh says and how it ends, with `words` as the remote command and `send` as its standard input."""
        return subprocess.run(
            [*self.command(*options, key=key), *words],
            input=send,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, **environment},
        )


@contextmanager
def serve(folder: Path) -> Iterator[Sshd]:
    """A running server with its files in `folder`."""
    (folder / "volume").mkdir()
    (folder / "site.yaml").write_text(SITE)
    program = folder / "coursehub"
    program.write_text(PROGRAM.format(python=sys.executable, hooks=str(HOOKS), seen=str(folder / "seen.json")))
    program.chmod(0o755)
    for name in ("host", "door", "home", "anything"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    door = f"{program} storage door --root {folder}/volume --minimum-uid 20000 --site {folder}/site.yaml"
    bounds = {"door": " --gids 70100-79999 --verb home --verb course --verb check", "home": " --verb home"}
    lines = [f'restrict,command="{door}{bounds[key]}" {(folder / f"{key}.pub").read_text()}' for key in bounds]
    (folder / "authorized_keys").write_text("".join((*lines, (folder / "anything.pub").read_text())))
    port = ports.free()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    (folder / "sshd_config").write_text(CONF.format(folder=folder, port=port))
    # Its privilege separation needs an empty directory of root's.
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "sshd_config")], stdout=log, stderr=log
        )
    try:
        assert wait_until(lambda: _listens(port), 30), (folder / "log").read_text()
        yield Sshd(folder, port)
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
