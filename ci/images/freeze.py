"""One command renews what is frozen: requirements with hashes, and the proxy's lock file."""

import subprocess
import sys
import tempfile
from pathlib import Path

from ci.images.image import RECIPES, cache
from ci.images.shell import install, need, run, step

PYTHON = "3.13"  # Debian 13's
COMMAND = "python3 -m ci.images refreeze"


def refreeze() -> None:
    """Resolve every *requirements.in and package.json anew."""
    cache().mkdir(parents=True, exist_ok=True)
    log, apt = cache() / "refreeze.log", cache() / "apt.log"
    log.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder, step("refreezing Python packages"):
        remedy = "is the Python package index reachable from here? Then run this again"
        ensurepip = [sys.executable, "-m", "ensurepip", "--version"]
        if subprocess.run(ensurepip, capture_output=True, check=False).returncode:
            install(["python3-venv"], apt)
        run([sys.executable, "-m", "venv", folder], log, "install the Debian package python3-venv")
        run([f"{folder}/bin/pip", "install", "uv"], log, remedy)
        for source in sorted(RECIPES.glob("*/*requirements.in")):
            _compile(Path(folder, "bin/uv"), source, log)
    for package in sorted(RECIPES.glob("*/package.json")):
        with step(f"refreezing {package.parent.name}'s Node.js packages"):
            need({"npm": "npm"}, apt)
            lock = package.with_name("package-lock.json")
            lock.unlink(missing_ok=True)
            npm = ["npm", "install", f"--prefix={package.parent}", "--package-lock-only", "--ignore-scripts"]
            no_hosts = "--omit-lockfile-registry-resolved"
            run([*npm, no_hosts, "--no-audit", "--no-fund"], log, "is the npm registry reachable from here?")


def _compile(uv: Path, source: Path, log: Path) -> None:
    overrides = source.with_name("overrides.txt")
    extra = ["--override", overrides.name] if overrides.exists() else []
    command: list[str | Path] = [uv, "pip", "compile", "--upgrade", "--generate-hashes", "--no-annotate", *extra]
    command += [f"--python-version={PYTHON}", "--python-platform=linux", f"--custom-compile-command={COMMAND}"]
    command += [f"--output-file={source.with_suffix('.txt').name}", source.name]
    run(command, log, f"do the versions in {source} go together?", cwd=source.parent)
