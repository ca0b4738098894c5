#!/usr/bin/env bash
# Runs tests against a real JupyterHub, Kubernetes' API replaced; `make hub` runs it: ci/hub.sh [pytest arguments]
# With COURSEHUB_TEST_DATABASE=postgresql its database is on a real PostgreSQL in all of them.
# With JUPYTERHUB=newest it is the newest one that the package is tested with, and unit tests run with that as well.
set -euo pipefail
cd "$(dirname "$0")/.."
case ${JUPYTERHUB:=pinned} in
  pinned) python=.venv/bin/python tests=(tests/hub) ;;
  newest) python=.venv/newest/bin/python tests=(tests/hub tests/newest) ;;
  *) echo "coursehub: JUPYTERHUB=$JUPYTERHUB is unknown; write pinned or newest" >&2; exit 2 ;;
esac
ci/packages.sh chromium=/usr/bin/chromium fuse3=/usr/bin/fusermount3 npm=/usr/bin/npm \
  slapd=/usr/sbin/slapd ldap-utils=/usr/bin/ldapmodify openssl=/usr/bin/openssl \
  'postgresql=/usr/lib/postgresql/*/bin/postgres'
if [ "$JUPYTERHUB" = newest ]; then
  ci/newest.sh
  "$python" -m pytest -q -n auto tests/unit
fi
exec "$python" -m pytest "${tests[@]}" "$@"
