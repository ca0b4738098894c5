"""How every image is made: this file is part of each one's key.

The base that they share here is like `debian:13-slim`, made from packages as no registry is at hand.
"""

from pathlib import Path

from ci.images.shell import run

SUITE = "trixie"
PACKAGES = "ca-certificates,tini"
EXCLUDED = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")
# No daemon, no privileges; and an interrupted build goes on after its last finished step.
BUILD = ("--isolation=chroot", "--layers")
FORMAT = "docker-archive"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def make_base(archive: Path, log: Path) -> None:
    """Write the base's file system as a tar archive."""
    options = [f"path-exclude={pattern}" for pattern in EXCLUDED]
    options += ["path-include=/usr/share/doc/*/copyright", "force-unsafe-io"]
    run(
        [
            "mmdebstrap",
            "--variant=minbase",
            f"--include={PACKAGES}",
            f"--keyring={KEYRING}",
            *(f"--dpkgopt={option}" for option in options),
            '--customize-hook=rm "$1/etc/hostname" "$1/etc/resolv.conf"',  # mmdebstrap copies this machine's
            SUITE,
            archive,
        ],
        log,
        "is Debian's package archive reachable from here (try: apt-get update)? Then run this again",
    )
