#!/usr/bin/env bash
# Makes .venv/newest: Python with this checkout's package, and the newest JupyterHub and KubeSpawner with which it is tested.
# What is downloaded lies in the cache, once for each content; ci/hub.sh runs it.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${COURSEHUB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/coursehub}/venvs
content=$({ .venv/bin/python -VV && cat requirements-newest.txt; } | sha256sum)
venv=$cache/newest-${content:0:16}
mkdir -p "$cache"
# Two checkouts may want it at once.
exec 9> "$cache/lock"
flock 9
if [ ! -e "$venv/complete" ]; then
  echo "- $venv: locked development dependencies with the newest JupyterHub"
  SECONDS=0
  .venv/bin/python -m venv --clear "$venv"
  "$venv"/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-newest.txt
  touch "$venv/complete"
  echo "  $SECONDS s"
fi
# Another checkout's package may be beside the same dependencies.
.venv/bin/python -m venv --clear --without-pip .venv/newest
packages=(.venv/newest/lib/python3*/site-packages)
printf '%s\n' "$PWD/hooks" "$venv"/lib/python3*/site-packages > "${packages[0]}/newest.pth"
ln -s "$venv"/bin/alembic .venv/newest/bin/
