#!/usr/bin/env bash
# Runs tests against a real slapd and a real name service; `make directory` runs it: ci/directory.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
ci/packages.sh slapd=/usr/sbin/slapd ldap-utils=/usr/bin/ldapmodify \
  'libnss-wrapper=/usr/lib/*/libnss_wrapper.so' openssl=/usr/bin/openssl
.venv/bin/pytest tests/directory "$@"
