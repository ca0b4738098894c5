# shellcheck shell=sh
# Login shells start from Debian's PATH; and a shell of `kubectl exec` has no parent that set the umask.
case ":$PATH:" in
  *:/opt/coursehub/venv/bin:*) ;;
  *) PATH=/opt/coursehub/venv/bin:$PATH ;;
esac
if [ -t 2 ] && [ -e /run/coursehub/full ]; then
  echo 'When this server started, your home was full: nothing could be saved. Delete what you do not need (du -sh ~/.[!.]* ~/*).' >&2
fi
[ "$(umask)" != 0022 ] || umask "${COURSEHUB_UMASK:-0077}"
