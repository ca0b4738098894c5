#!/usr/bin/env bash
# Runs nbgrader of the image with a real PostgreSQL; `make gradebook` runs it, as root: ci/gradebook.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
ci/packages.sh 'postgresql=/usr/lib/postgresql/*/bin/postgres'
.venv/bin/pytest tests/gradebook "$@"
