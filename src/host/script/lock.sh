# The lock is a descriptor of this shell: it is free when the shell ends, however it ends.
# `command` keeps a failing redirection from ending the shell.
if [ ! -d "${lock%/*}" ] && ! said=$(mkdir -p "${lock%/*}" 2>&1); then
  printf 'failed\n%s\n' "$said"
elif ! command exec 9<>"$lock"; then
  printf 'failed\nmay not open %s\n' "$lock"
elif flock -n 9; then
  printf '%s\n' "$holder" >"$lock"
  printf 'locked\n'
  locked
else
  exec 9>&-
  printf 'held\n'
  cat "$lock"
fi 2>/dev/null
