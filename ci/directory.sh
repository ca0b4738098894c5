#!/usr/bin/env bash
# Runs tests against a real slapd and a real name service; `make directory` runs it: ci/directory.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
missing=()
[ -x /usr/sbin/slapd ] || missing+=(slapd)
[ -x /usr/bin/ldapmodify ] || missing+=(ldap-utils)
compgen -G '/usr/lib/*/libnss_wrapper.so' > /dev/null || missing+=(libnss-wrapper)
[ -x /usr/bin/openssl ] || missing+=(openssl)
if [ "${#missing[@]}" != 0 ]; then
  [ "$(id -u)" = 0 ] || { echo "coursehub: programs are missing; as root: apt-get install ${missing[*]}" >&2; exit 1; }
  echo "- Debian packages ${missing[*]}"
  # The system's own slapd is installed, and not started.
  policy=/usr/sbin/policy-rc.d
  if ! [ -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
fi
.venv/bin/pytest tests/directory "$@"
