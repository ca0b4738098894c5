#!/usr/bin/env bash
# Lint, types, generated files, unit and chart tests; `make check` runs it, without network.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
# What is checked is known by its content, so a new clone finds it there.
export MYPY_CACHE_DIR="${MYPY_CACHE_DIR:-${COURSEHUB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/coursehub}/mypy}"

"$bin"/ruff check .
"$bin"/ruff format --check .
"$bin"/mypy
"$bin"/lint-imports --no-cache > /dev/null || "$bin"/lint-imports --no-cache
git ls-files -z --cached --others --exclude-standard -- '*.sh' .ci/run | xargs -0 "$bin"/shellcheck
"$bin"/python -m ci.chart schema --check
"$bin"/python -m ci.chart version --check
"$bin"/python -m ci.reference --check
"$bin"/python -m ci.dashboard --check
for site in values/local.yaml values/example-university.yaml; do
  "$bin"/coursehub check --site "$site" values/courses.yaml
done
"$bin"/pytest -q -n auto tests/unit tests/chart
