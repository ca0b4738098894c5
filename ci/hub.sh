#!/usr/bin/env bash
# Runs tests against a real JupyterHub, Kubernetes' API replaced; `make hub` runs it: ci/hub.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
ci/packages.sh chromium=/usr/bin/chromium fuse3=/usr/bin/fusermount3 npm=/usr/bin/npm
.venv/bin/pytest tests/hub "$@"
