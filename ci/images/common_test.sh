#!/bin/sh
# What holds for every image; runs inside it as root: common_test.sh LIMIT_MB
set -eu

failed=0
none() {
  found=$2
  if [ -n "$found" ]; then
    printf 'FAILED: %s:\n%s\n' "$1" "$found" >&2
    failed=1
  fi
}

privileged() { find / -xdev -perm /6000; }
writable() { find / -xdev \( -type f -o -type d ! -perm -1000 \) -perm -0002; }

# The two searches find what they are for.
install -m 4755 /bin/true /usr/bin/zz-privileged
install -m 0777 -d /usr/zz-writable
[ "$(privileged)" = /usr/bin/zz-privileged ] && [ "$(writable)" = /usr/zz-writable ] || {
  none "setuid or setgid" "$(privileged | grep -v zz-)"
  none "writable for everybody" "$(writable | grep -v zz-)"
}
rm -r /usr/bin/zz-privileged /usr/zz-writable

none "setuid or setgid" "$(privileged)"
none "writable for everybody" "$(writable)"
none "not root's" "$(find /etc /opt /usr ! -user root)"
none "not readable for everybody" "$(find /opt /usr ! -type l \( ! -perm -0004 -o -type d ! -perm -0001 \))"
none "a way to become root" "$(for program in sudo doas pkexec; do command -v $program || true; done)"
none "an account of a person" "$(awk -F: '$3 >= 1000 && $3 < 65534 && $1 != "hub"' /etc/passwd)"
none "left over from the build" \
  "$(find /etc/pip.conf /etc/npmrc /run/secrets /root/.cache /root/.npm /var/lib/apt/lists/* /var/cache/apt /tmp/* 2>/dev/null || true)"

size=$(du -xsm / | cut -f1)
[ "$size" -le "$1" ] || none "too large" "$size MB of at most $1"
echo "$size MB unpacked, at most $1"
exit $failed
