#!/usr/bin/env bash
# Runs tests against the hub that `make up` installed: ci/e2e.sh PATH [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
ci/packages.sh chromium=/usr/bin/chromium libnss3-tools=/usr/bin/certutil
info=$(.venv/bin/python -m ci.deploy info)
kubeconfig=$(.venv/bin/python -c 'import json, sys; print(json.load(sys.stdin)["kubeconfig"])' <<< "$info")
exec .venv/bin/pytest --cluster-type existing --kubeconfig "$kubeconfig" "$@"
