# For every bash, also the one that `kubectl exec` starts beside coursehub-start (bash.bashrc reads this file too).
PATH=/opt/coursehub/venv/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games
umask "${COURSEHUB_UMASK:-0077}"
