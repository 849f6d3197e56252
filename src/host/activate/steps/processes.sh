# shellcheck shell=sh disable=SC2154,SC2034 # its globals are shared with the files beside it
# Units that start, restart and stop. A unit is called without its suffix, as its container is.
#
# Reads: cluster engine newline kind deadline deadline_at; starts, the services that are started, not restarted; journal, whether its
#   lines are `shown`.
# Sets: said, what systemd says of a unit; containers and recorded, which are not true any more.
# Sets, for itself: container began asked calls before state status told label probed together files then_ failed member.

# Of a unit's journal, only what is as old as this activation is told: before that another container ran, whose
# secrets may have been others.
began=$(date +%s)

# container_of UNIT: what its container is called, in `container`: no engine takes a name with an @.
container_of() {
  container=$1
  case $1 in
  *@*) container=${1%@*}.${1##*@} ;;
  esac
}

# ask UNIT PROPERTY,...: what systemd says of a unit, in `said`.
ask() {
  asked=0
  until said=$(systemctl show --no-pager -p "$2" "$1.service" 2>&1 8<&-); do
    asked=$((asked + 1))
    [ "$asked" -lt 100 ] || return 1
    sleep 0.2
  done
}

# await_job UNIT: waits until systemd has nothing more to do for a unit; its own limits end that.
await_job() {
  while ask "$1" Job,ActiveState,SubState; do
    case $said in
    *Job=[1-9]*) ;;
    *SubState=auto-restart*) return 0 ;;
    *ActiveState=activating* | *ActiveState=deactivating* | *ActiveState=reloading*) ;;
    *) return 0 ;;
    esac
    sleep 0.2
  done
  return 1
}

# tell_unit UNIT: what its failure looks like.
tell_unit() {
  ask "$1" ActiveState,SubState,Result,ExecMainStatus,NRestarts
  each_line "state $1" "$said"
  [ "$journal" = shown ] || return 0
  said=$(journalctl --unit "$1.service" --since "@$began" --lines 20 --no-pager --output cat 2>&1)
  each_line "journal $1" "$said"
}

# late: whether starts are, in a step: a way back takes the time that it needs.
late() {
  [ "$deadline" -gt 0 ] && [ "$kind" = step ] || return 1
  moment
  [ "$now" -ge "$deadline_at" ]
}

# in_time COMMAND...: until it would be late.
in_time() {
  if [ "$deadline" -eq 0 ] || [ "$kind" != step ]; then
    "$@"
    return
  fi
  moment
  left=$((deadline_at - now))
  [ "$left" -gt 0 ] || return 124
  in_seconds "$left"
  timeout "$seconds" "$@"
}

# fail_late UNIT
fail_late() {
  fail "$1 was not up before the deadline, $((deadline / 100)).$((deadline % 100 / 10)) s after the first step"
}

# start VERB UNIT: by `systemctl start` or `restart`, which wait until the unit says that it is healthy. It is
# the unit that failed only if systemd says so: a client that lost systemd is no answer.
start() {
  ask "$2" InvocationID || said=''
  before=$said calls=0
  while :; do
    # Else an earlier crash loop may forbid the start (start-limit-hit).
    systemctl reset-failed "$2.service" >/dev/null 2>&1
    told=$(in_time systemctl "$1" "$2.service" 2>&1 8<&-) && return 0
    status=$?
    ! late || {
      fail_late "$2"
      return 1
    }
    calls=$((calls + 1))
    case $told in
    *"ob for $2.service "* | *"Unit $2.service "*) break ;;
    esac
    if [ "$calls" -ge 10 ] || ! await_job "$2"; then break; fi
    state=$said
    ask "$2" InvocationID || break
    # The job went on without its client, or was never begun, or failed.
    if [ "$1.$said" != "restart.$before" ]; then
      case $state in
      *ActiveState=active*) return 0 ;;
      esac
    fi
    [ "$said" = "$before" ] || break
    sleep 1
  done
  fail "\`systemctl $1 $2.service\` failed with status $status${told:+: $told}"
}

# stop_unit UNIT: one that systemd does not know has stopped.
stop_unit() {
  did_unit stopped "$1"
  end_unit "$1"
}

# end_unit UNIT: the same of what the service does without.
end_unit() {
  drop_keeper "$1" || return 1
  calls=0
  until told=$(systemctl stop "$1.service" 2>&1 8<&-); do
    await_job "$1"
    case $said in
    *ActiveState=inactive* | *ActiveState=failed*) break ;;
    esac
    calls=$((calls + 1))
    [ "$calls" -lt 5 ] || {
      fail "$1 does not stop: $told"
      tell_unit "$1"
      return 1
    }
    sleep 1
  done
  systemctl reset-failed "$1.service" >/dev/null 2>&1
  # One that lost its client runs on without its unit.
  container_of "$1"
  case $newline$("$engine" ps --filter "label=bayplan.cluster=$cluster" --format '{{.Names}}' 2>/dev/null)$newline in
  *"$newline$container$newline"*) run "$engine" rm -f "$container" ;;
  esac
}

# tell_restart UNIT: for the history. Whatever start of it was watched is over.
tell_restart() {
  service_of "$1"
  case $kind$starts in
  step*" $unit "*) did_unit started "$1" ;;
  *) did_unit restarted "$1" ;;
  esac
  forget "$1"
}

# restart_unit UNIT: starts a stopped one.
restart_unit() {
  tell_restart "$1"
  drop_keeper "$1" || return 1
  start restart "$1" || {
    tell_unit "$1"
    return 1
  }
  watch "$1"
  containers='' recorded=''
}

# carries UNIT FINGERPRINT: whether its container does.
carries() {
  container_of "$1"
  label=$("$engine" inspect --type container --format '{{index .Config.Labels "bayplan.inputs"}}' "$container" 2>/dev/null)
  [ "$label" = "$2" ]
}

# restart_together UNIT FINGERPRINT...: in one call, so that none is waited for before all are started; those whose
# container carries the fingerprint are left alone. Where the call fails, what is not up by then gets a second one.
restart_together() {
  together='' files='' then_=''
  while [ $# -gt 0 ]; do
    if carries "$1" "$2"; then
      forget "$1"
    else
      tell_restart "$1"
      ask "$1" InvocationID || said=''
      systemctl reset-failed "$1.service" >/dev/null 2>&1
      together="$together $1" files="$files $1.service" then_="$then_$1 $said$newline"
    fi
    shift 2
  done
  containers='' recorded=''
  [ -n "$together" ] || return 0
  # shellcheck disable=SC2086 # names of units have no blanks
  in_time systemctl restart $files >/dev/null 2>&1 8<&-
  failed=$?
  for member in $together; do
    if [ "$failed" -ne 0 ] && late; then
      fail_late "$member"
      tell_unit "$member"
      return 1
    fi
    if [ "$failed" -ne 0 ] && ! came_up "$member"; then
      start restart "$member" || {
        tell_unit "$member"
        return 1
      }
    fi
    watch "$member"
  done
}

# came_up UNIT: whether it is active, by another start than the one in `then_`.
came_up() {
  await_job "$1" || return 1
  case $said in
  *ActiveState=active*) ;;
  *) return 1 ;;
  esac
  ask "$1" InvocationID || return 1
  case $newline$then_ in
  *"$newline$1 $said$newline"*) return 1 ;;
  esac
}

# restart_unless UNIT FINGERPRINT: restarts it unless its container carries this fingerprint.
restart_unless() {
  if carries "$1" "$2"; then
    # Where systemd started it by itself, that start counts; it may still be under way.
    forget "$1"
    drop_keeper "$1" || return 1
    containers='' recorded=''
    start start "$1" >/dev/null && return
  fi
  restart_unit "$1"
}

# restart_unjudged UNIT: it was not well before, so nobody waits until it is.
restart_unjudged() {
  did_unit restarted "$1"
  drop_keeper "$1" || return 1
  systemctl reset-failed "$1.service" >/dev/null 2>&1
  again systemctl --no-block restart "$1.service"
}

# ask_probe UNIT COMMAND...: what the unit does from now on to find out whether it is healthy, asked of the
# container that runs.
ask_probe() {
  probed=$1
  shift
  ask "$probed" MainPID
  said=$(MAINPID=${said#MainPID=} "$@" 2>&1 8<&-) && return
  fail "$probed runs, but does not pass its new health check${said:+: $said}"
  tell_unit "$probed"
  return 1
}

# name_image ID REFERENCE: what the reference meant before the pull.
name_image() {
  run "$engine" tag "$1" "$2"
}
