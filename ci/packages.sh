#!/usr/bin/env bash
# Installs the Debian packages whose programs are missing; no service of theirs is started: ci/packages.sh PACKAGE=PROGRAM...
set -euo pipefail
missing=()
for each; do
  compgen -G "${each#*=}" > /dev/null || missing+=("${each%%=*}")
done
[ "${#missing[@]}" != 0 ] || exit 0
[ "$(id -u)" = 0 ] || { echo "coursehub: programs are missing; as root: apt-get install ${missing[*]}" >&2; exit 1; }
# `apt-get update` does not wait for another's lists, and the policy below is for one at a time.
exec 9> /run/lock/coursehub-packages
flock 9
echo "- Debian packages ${missing[*]}"
policy=/usr/sbin/policy-rc.d
if ! [ -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
fi
# Another installation may be at work, and a registry may answer at the second try.
apt=(apt-get -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3)
"${apt[@]}" update -qq
DEBIAN_FRONTEND=noninteractive "${apt[@]}" install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
