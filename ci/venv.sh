#!/usr/bin/env bash
# Makes .venv from the lock file; `make venv` runs it when the lock file or pyproject.toml changed.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  { echo "coursehub: $python is older than 3.11; install Python 3.11 or newer, or name one: make PYTHON=python3.12" >&2; exit 1; }
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  [ "$(id -u)" = 0 ] || { echo "coursehub: Python's venv module is missing; as root: apt-get install python3-venv" >&2; exit 1; }
  echo "- Debian package python3-venv"
  # Of ci/packages.sh, which cannot know a folder of Python's by a program.
  exec 9> /run/lock/coursehub-packages
  flock 9
  # Another installation may be at work, and a registry may answer at the second try.
  apt=(apt-get -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3)
  "${apt[@]}" update -qq
  DEBIAN_FRONTEND=noninteractive "${apt[@]}" install -y -qq --no-install-recommends python3-venv > /dev/null
fi

echo "- .venv: locked development dependencies"
SECONDS=0
"$python" -m venv --clear .venv
.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
touch .venv/complete
echo "  $SECONDS s"
