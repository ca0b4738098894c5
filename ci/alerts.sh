#!/usr/bin/env bash
# Holds the chart's alerts against what would make them fire, by promtool: ci/alerts.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
ci/packages.sh prometheus=/usr/bin/promtool
exec .venv/bin/pytest tests/alerts "$@"
