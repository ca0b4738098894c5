#!/usr/bin/env bash
# Installs the browser of the tests where it is missing; `make hub` and `make e2e` run it.
set -euo pipefail
[ -x /usr/bin/chromium ] && exit
[ "$(id -u)" = 0 ] || { echo "coursehub: the browser is missing; as root: apt-get install chromium" >&2; exit 1; }
echo "- Debian package chromium"
apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium > /dev/null
