#!/usr/bin/env bash
# Runs tests against a real sshd, on this machine only; `make ssh` runs it, as root: ci/ssh.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "coursehub: the ssh door is root's, so its tests are, too: run this with sudo" >&2; exit 1; }
missing=()
[ -x /usr/sbin/sshd ] || missing+=(openssh-server)
[ -x /usr/bin/ssh ] || missing+=(openssh-client)
if [ "${#missing[@]}" != 0 ]; then
  echo "- Debian packages ${missing[*]}"
  # The system's own sshd is installed, and not started.
  policy=/usr/sbin/policy-rc.d
  if ! [ -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
fi
.venv/bin/pytest tests/ssh "$@"
