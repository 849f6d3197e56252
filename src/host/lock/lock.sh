# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# The lock is a descriptor of this shell: it is free when the shell ends, however it ends.
# `command` keeps a failing redirection from ending the shell.
#
# Reads: lock holder release locked; the functions of lock/holder.sh.

directory=${lock%/*}

# closed PATH: whether it is ours, and nobody else may open it. Whoever can open the lock can hold it.
closed() {
  [ -O "$1" ] && case $(ls -ld "$1") in
  -rw-------* | drwx------*) ;;
  *) return 1 ;;
  esac
}

# ready: a lock that nobody else can open. One that was open to others, as an older bayplan made it, may be held
# for ever by somebody who opened it then; so another file takes its place, but not while one of ours holds it.
ready() {
  # What is above it is not ours alone.
  # shellcheck disable=SC2174
  mkdir -p -m 0700 "$directory" || return 1
  closed "$directory" || chmod 0700 "$directory" || return 1
  # What is there already stays (`set -C`).
  [ -e "$lock" ] || (umask 077 && set -C && : >"$lock") 2>/dev/null
  closed "$lock" || (
    umask 077
    exec 8>"$directory/.mending" && flock -w 5 8 || exit 1
    closed "$lock" || held_by_ours || { : >"$lock.new" && mv -f "$lock.new" "$lock"; }
  )
}

# held_by_ours: whether a process of this user holds it; not one that it merely runs as (setuid).
held_by_ours() {
  for descriptor in /proc/[0-9]*/fd/*; do
    holds "$descriptor" || continue
    while read -r key real _; do
      [ "$key" != Uid: ] || break
    done 2>/dev/null <"${descriptor%/fd/*}/status"
    [ "$real" != "$(id -u)" ] || return 0
  done
  return 1
}

# unname: the name goes with the lock, unless an activation took that over.
unname() {
  for going in /run/systemd/units/invocation:bayplan-activate-*.service; do
    [ ! -L "$going" ] || return 0
  done
  : >"$lock"
}

# still_there: a cluster that left as the last one took the file along in between; then it is tried again.
still_there() {
  # shellcheck disable=SC3013 # dash, bash and busybox have it
  [ ! -e "/proc/$$/fd/9" ] || [ "/proc/$$/fd/9" -ef "$lock" ]
}

# tell_holder: a holder that has not written its name yet is asked for it once more.
tell_holder() {
  look_who
  if [ "$by" = process ]; then
    sleep 0.1
    look_who
  fi
  printf 'held\n%s\n%s\n' "$who" "$mine"
}

if ! said=$(ready 2>&1); then
  printf 'failed\n%s\n' "${said:-"may not make $lock"}"
elif ! closed "$lock" && held_by_ours; then
  tell_holder
elif ! command exec 9<>"$lock"; then
  printf 'failed\nmay not open %s\n' "$lock"
elif flock -n 9 && still_there; then
  printf '%s\n%s\n%s\n' "$holder" "$$" "$release" >"$lock"
  printf 'locked\n'
  locked
else
  exec 9>&-
  tell_holder
fi 2>/dev/null
