#!/usr/bin/env bash
# Puts helm, of the version that the local cluster pins, and cosign where Go puts programs; `make publish-tools` runs it.
set -euo pipefail
cd "$(dirname "$0")/.."
cosign=v3.1.3 # renovate: datasource=go depName=github.com/sigstore/cosign/v3
export CGO_ENABLED=0
go -C ci/cluster/go/kubernetes install -trimpath helm.sh/helm/v4/cmd/helm
go install -trimpath "github.com/sigstore/cosign/v3/cmd/cosign@$cosign"
