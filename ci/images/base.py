"""The base that all images share here: Debian 13 as `debian:13-slim` is, made from packages as no registry is at hand."""

from pathlib import Path

from ci.images.shell import run

SUITE = "trixie"
PACKAGES = "ca-certificates,tini"
EXCLUDED = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def make(archive: Path, log: Path) -> None:
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
            SUITE,
            archive,
        ],
        log,
        "is Debian's package archive reachable from here (try: apt-get update)? Then run this again",
    )
