#!/usr/bin/env bash
# Holds alerts and dashboard against a real Prometheus and the hub that `make up` installed: ci/monitoring.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
ci/packages.sh prometheus=/usr/bin/promtool prometheus-node-exporter=/usr/bin/prometheus-node-exporter
exec ci/e2e.sh tests/monitoring "$@"
