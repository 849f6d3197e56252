# shellcheck shell=sh disable=SC2154,SC2034 # its globals are shared with the files beside it
# Timers, the runs of jobs that they start, and watches. A unit is called without its suffix.
#
# Reads: root cluster engine units newline supervisor; patience, in tenths of a second.
# Sets: said.
# Sets, for itself: stamp; waits, that are left.

# is_under_way UNIT: whether a run of the job is. systemd starts it until it ends; a service that is no job is active.
is_under_way() {
  [ "$supervisor" = systemd ] || return 1
  ask "$1" ActiveState,SubState,Type || return 1
  case $newline$said$newline in
  *"${newline}Type=oneshot$newline"*) ;;
  *) return 1 ;;
  esac
  case $said in
  *ActiveState=inactive* | *ActiveState=failed*) return 1 ;;
  esac
}

# used_by_run UNIT: the inputs directory that a run under way has, by the label of its container; one without a
# container yet, or not any more, may have any.
used_by_run() {
  label=$("$engine" inspect --type container --format '{{index .Config.Labels "bayplan.directory"}}' "$1" 2>/dev/null)
  echo "${label:-all}"
}

# drop_timer UNIT: as long as systemd knows a timer it knows when it last fired, and makes up for any time that has
# passed since, which a new calendar may name. So it is to know nothing of this one when its file comes back.
drop_timer() {
  did_unit stopped "$1"
  ours "$units/$1.timer" || return 1
  case $(systemctl is-active "$1.timer" 2>/dev/null) in
  inactive | unknown | '') ;;
  *) again systemctl stop "$1.timer" || return 1 ;;
  esac
  unlink_unit "$1.timer" && run rm -f "$units/$1.timer" && run sync "$units" && reload
}

# start_timer UNIT: a release starts no run. What a timer with Persistent=true has to make up for counts from its stamp:
# one of an older timer of this name, or of before it stopped, is as new as this start.
start_timer() {
  did_unit started "$1"
  stamp=/var/lib/systemd/timers/stamp-$1.timer
  if [ -e "$stamp" ] && ! systemctl --quiet is-active "$1.timer"; then run touch "$stamp" || return 1; fi
  again systemctl start "$1.timer"
}

# stop_timer UNIT: its file stays, and so does a run that is under way.
stop_timer() {
  did_unit stopped "$1"
  again systemctl stop "$1.timer"
}

# await_run UNIT: until no run of it is under way. Its timer has stopped.
await_run() {
  waits=$((patience / 2))
  while is_under_way "$1"; do
    waits=$((waits - 1))
    [ "$waits" -gt 0 ] ||
      fail "a run of $1 is under way, which no release ends; release again when it has ended" || return 1
    sleep 0.2
  done
  systemctl reset-failed "$1.service" >/dev/null 2>&1
  return 0
}

# start_watch FILE: its service runs.
start_watch() {
  again systemctl start "$1"
}

# drop_watch FILE: what it found goes with it, and what nothing is wanted by any more.
drop_watch() {
  service_of "$1"
  case $1 in
  *.timer) [ "$supervisor" != systemd ] || again systemctl stop "$1" || return 1 ;;
  esac
  unlink_unit "$1" && run rm -f "$units/$1" "$root/run/bayplan/watch/$cluster-$unit" && run sync "$units" || return 1
  rmdir "$units/$cluster-$unit.service.wants" "$units/$cluster-$unit"@?.service.wants 2>/dev/null
  [ ! -e "$units/$cluster-$unit.service" ] || wrote "$unit"
}
