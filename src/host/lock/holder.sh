# shellcheck shell=sh disable=SC2154,SC2034 # what it reads is set before it
# Reads: lock.

# holds DESCRIPTOR: whether that descriptor, /proc/PID/fd/N, holds the lock. To have it open is not to hold it.
holds() {
  # shellcheck disable=SC3013 # dash, bash and busybox have it
  [ "$1" -ef "$lock" ] || return 1
  while read -r key _ kind _; do
    [ "$key$kind" != lock:FLOCK ] || return 0
  done 2>/dev/null <"${1%/fd/*}/fdinfo/${1##*/}"
  return 1
}

# at_work PID: whether it belongs to an activation, which takes the lock over from the session that began it.
at_work() {
  while read -r cgroup; do
    case $cgroup in
    */bayplan-activate-*.service*) return 0 ;;
    esac
  done 2>/dev/null <"/proc/$1/cgroup"
  return 1
}

# look_who: who holds the lock, for people, is left in `who`: the name in it only if it is the holder's, else the
# process. `by` is what it is: `session`, `activation`, `process`, or nothing where none is seen. `mine` is
# what the holder calls its release.
look_who() {
  who='' by='' mine=''
  name='' session='' called=''
  { read -r name && read -r session && read -r called; } 2>/dev/null <"$lock"
  case $session in
  '' | *[!0-9]*) ;;
  *)
    # It is descriptor 9, but for as long as dash runs a command without it.
    for descriptor in "/proc/$session"/fd/*; do
      holds "$descriptor" || continue
      who=$name mine=$called by=session
      return
    done
    ;;
  esac
  for descriptor in /proc/[0-9]*/fd/*; do
    holds "$descriptor" || continue
    pid=${descriptor#/proc/} pid=${pid%%/*}
    if at_work "$pid"; then
      who=$name mine=$called by=activation
      return
    fi
    # Several may share it, as a program and what it started.
    [ -z "$who" ] || continue
    program=''
    read -r program 2>/dev/null <"/proc/$pid/comm"
    who="process $pid ($program)" by=process
  done
}
