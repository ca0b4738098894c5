# shellcheck shell=sh
# Login shells start from Debian's PATH; and a shell of `kubectl exec` has no parent that set the umask.
case ":$PATH:" in
  *:/opt/coursehub/venv/bin:*) ;;
  *) PATH=/opt/coursehub/venv/bin:$PATH ;;
esac
# A login shell of bash reads this twice, by way of bash.bashrc.
if [ -t 2 ] && [ -z "${coursehub_told:-}" ]; then
  coursehub_told=yes
  if [ -e /run/coursehub/full ]; then
    echo 'When this server started, your home was full: nothing could be saved. Delete what you do not need (du -sh ~/.[!.]* ~/*).' >&2
  fi
  # The server writes what the hub tells it, see coursehub_notes.py.
  if [ -s /run/coursehub/notes ]; then
    cat /run/coursehub/notes >&2
  fi
fi
[ "$(umask)" != 0022 ] || umask "${COURSEHUB_UMASK:-0077}"
