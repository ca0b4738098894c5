#!/usr/bin/env bash
# Lint, types, generated files, unit and chart tests; `make check` runs it, without network.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin

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
