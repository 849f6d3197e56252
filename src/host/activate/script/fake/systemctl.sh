#!/bin/sh
# A systemd for tests. Beside `bin/`, where this is: `loaded/`, the unit files as they were last read; `units/`, what
# is so of each unit; `containers/`, what `docker` has; `will/UNIT`, a word that says what goes wrong with a unit;
# `calls`, a line a call; `die-at`, the number of the call at which the session of `pid` is killed, as systemd does with
# a unit whose main process is gone; `meet`, how many restarts wait for each other, and `met`, how many were under way
# at once.
fake=${0%/bin/*}
files=$fake/../etc/systemd/system
printf '%s\n' "$*" >>"$fake/calls"
if [ -s "$fake/die-at" ] && [ "$(wc -l <"$fake/calls")" -ge "$(cat "$fake/die-at")" ]; then
  kill -9 "-$(cat "$fake/pid")"
  exit 1
fi

properties='' words=''
while [ $# -gt 0 ]; do
  case $1 in
  -p)
    properties=$2
    shift
    ;;
  -*) ;;
  *) words="$words ${1%.service}" ;;
  esac
  shift
done
# shellcheck disable=SC2086 # names of units have no blanks
set -- $words
verb=$1
shift

# know UNIT: what is so of it.
know() {
  active=inactive sub=dead result=success invocation='' shows=0
  # shellcheck source=/dev/null
  [ ! -r "$fake/units/$1" ] || . "$fake/units/$1"
}

# keep UNIT STATE...
keep() {
  of=$1
  shift
  printf '%s\n' "$@" "result=$result" "invocation=$invocation" "shows=$shows" >"$fake/units/$of"
}

# will UNIT WORD: whether this goes wrong with it.
will() {
  [ "$(cat "$fake/will/$1" 2>/dev/null)" = "$2" ]
}

# begin UNIT: starts it, with the unit file that was last read.
begin() {
  know "$1"
  if [ ! -r "$fake/loaded/$1.service" ]; then
    echo "Failed to restart $1.service: Unit $1.service not found." >&2
    exit 5
  fi
  if [ "$result" = start-limit-hit ]; then
    echo "Job for $1.service failed because start of the service was attempted too often." >&2
    exit 1
  fi
  if will "$1" unheard; then
    # systemd is executed anew: nobody took the job.
    rm "$fake/will/$1"
    echo 'Failed to get D-Bus connection: Connection refused' >&2
    exit 1
  fi
  # It is up late; only once, so that the way back is in time. The other `sleep` is over at once.
  if will "$1" late; then
    rm "$fake/will/$1"
    exec /bin/sleep 30
  fi
  echo >>"$fake/starts"
  invocation=start-$(($(wc -l <"$fake/starts")))
  rm -f "$fake/containers/$1"
  shows=0
  if will "$1" fail; then
    result=exit-code
    keep "$1" active=failed sub=failed
    echo "Job for $1.service failed because the control process exited with error code." >&2
    exit 1
  fi
  result=success
  keep "$1" active=active sub=running
  will "$1" no-container || sed -n 's/.* bayplan.inputs=\([^ ]*\) .*/\1/p' "$fake/loaded/$1.service" >"$fake/containers/$1"
  if will "$1" unanswered; then
    # The job is done, but its client lost systemd before it was told.
    echo 'Warning! D-Bus connection terminated.' >&2
    exit 1
  fi
}

case $verb in
daemon-reload)
  rm -rf "$fake/loaded"
  mkdir "$fake/loaded"
  for file in "$files"/*.service "$files"/*.timer; do
    [ ! -e "$file" ] || cp "$file" "$fake/loaded"
  done
  ;;
reenable)
  for unit; do
    case $unit in
    *.timer) file=$unit target=timers ;;
    *) file=$unit.service target=multi-user ;;
    esac
    mkdir -p "$files/$target.target.wants"
    ln -sf "/etc/systemd/system/$file" "$files/$target.target.wants/$file"
  done
  ;;
show)
  know "$1"
  shows=$((shows + 1))
  if will "$1" crash && [ "$shows" -gt 2 ]; then
    active=activating sub=auto-restart
  fi
  # It is healthy, and ends a little later.
  if will "$1" crash-later && [ "$shows" -gt 4 ]; then
    active=activating sub=auto-restart
  fi
  keep "$1" "active=$active" "sub=$sub"
  case $properties in
  *Job*) echo Job= ;;
  esac
  case $properties in
  *ActiveState*) printf 'ActiveState=%s\n' "$active" ;;
  esac
  case $properties in
  *SubState*) printf 'SubState=%s\n' "$sub" ;;
  esac
  case $properties in
  *InvocationID*) printf 'InvocationID=%s\n' "$invocation" ;;
  esac
  case $properties in
  *Result*) printf 'Result=%s\n' "$result" ;;
  esac
  ;;
reset-failed)
  know "$1"
  [ "$active" != failed ] || active=inactive sub=dead
  result=success
  keep "$1" "active=$active" "sub=$sub"
  ;;
start)
  know "$1"
  [ "$active" = active ] || begin "$1"
  ;;
restart)
  mkdir -p "$fake/inside"
  true >"$fake/inside/$$"
  if [ -s "$fake/meet" ]; then
    echo >>"$fake/arrived"
    tries=0
    while [ "$(wc -l <"$fake/arrived")" -lt "$(cat "$fake/meet")" ] && [ "$tries" -lt 5000 ]; do tries=$((tries + 1)); done
    inside=$(find "$fake/inside" -type f | wc -l)
    [ "$inside" -le "$(cat "$fake/met" 2>/dev/null || echo 0)" ] || echo "$inside" >"$fake/met"
  fi
  if will "$1" killed; then
    # All of the shells that wait for it, up to the one of `pid`.
    above=$PPID
    while [ "$above" != "$(cat "$fake/pid")" ]; do
      read -r _ _ _ next _ <"/proc/$above/stat"
      kill -9 "$above"
      above=$next
    done
    exit 1
  fi
  failed=0
  for unit; do
    (begin "$unit") || failed=1
  done
  rm -f "$fake/inside/$$"
  exit "$failed"
  ;;
stop)
  know "$1"
  will "$1" orphan || rm -f "$fake/containers/$1"
  keep "$1" active=inactive sub=dead
  ;;
*)
  echo "no such verb here: $verb" >&2
  exit 1
  ;;
esac
