#!/usr/bin/env bash
# Runs tests against a real sshd, on this machine only; `make ssh` runs it, as root: ci/ssh.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "coursehub: the ssh door is root's, so its tests are, too: run this with sudo" >&2; exit 1; }
ci/packages.sh openssh-server=/usr/sbin/sshd openssh-client=/usr/bin/ssh
.venv/bin/pytest tests/ssh "$@"
