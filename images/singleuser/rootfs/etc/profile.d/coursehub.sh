# shellcheck shell=sh
# Login shells start from Debian's PATH; and a shell of `kubectl exec` has no parent that set the umask.
case ":$PATH:" in
  *:/opt/coursehub/venv/bin:*) ;;
  *) PATH=/opt/coursehub/venv/bin:$PATH ;;
esac
[ "$(umask)" != 0022 ] || umask "${COURSEHUB_UMASK:-0077}"
