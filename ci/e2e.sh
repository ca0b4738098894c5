#!/usr/bin/env bash
# Runs tests against the hub that `make up` installed: ci/e2e.sh PATH [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
if ! [ -x /usr/bin/chromium ]; then
  [ "$(id -u)" = 0 ] || { echo "coursehub: the browser is missing; as root: apt-get install chromium" >&2; exit 1; }
  echo "- Debian package chromium"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium > /dev/null
fi
info=$(.venv/bin/python -m ci.deploy info)
kubeconfig=$(.venv/bin/python -c 'import json, sys; print(json.load(sys.stdin)["kubeconfig"])' <<< "$info")
exec .venv/bin/pytest --cluster-type existing --kubeconfig "$kubeconfig" "$@"
