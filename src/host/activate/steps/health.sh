# shellcheck shell=sh disable=SC2154,SC2034 # its globals are shared with the files beside it
# Whether the units that were started are healthy, and stay the same start.
#
# Reads: cluster engine units supervisor newline kind; settle and soak, in hundredths of a second; patience, in tenths;
#   soak_probe, a function that asks a unit's probe.
# Sets: containers, a line for each container of the cluster: whether it runs, its name, its image's id; recorded,
#   these ids as members of JSON, for the generation's record.
# Sets, for itself: watched, a line for each start that has to last; watched_since, when the last one began; now,
#   both in hundredths of a second; tries, that are left; begun, the units that this activation started or told to
#   read again; soaked_at, when they have lasted; seconds.

watched='' containers='' recorded='' watched_since=0

# moment: hundredths of a second since some fixed moment, without a process.
moment() {
  read -r now rest </proc/uptime
  now=${now%.*}${now#*.}
}

# in_seconds HUNDREDTHS: as `sleep` and `timeout` take it, in `seconds`.
in_seconds() {
  seconds=$(($1 % 100))
  [ "$seconds" -gt 9 ] || seconds=0$seconds
  seconds=$(($1 / 100)).$seconds
}

# invocation UNIT: which start of the unit is running, after how many restarts by systemd. A unit
# that crashed keeps its invocation until systemd starts it again, so its state is told, too.
invocation() {
  ask "$1" ActiveState,InvocationID,NRestarts
  # shellcheck disable=SC2086 # one line of it
  echo "$1" $said
}

# watch UNIT: from now on it has to stay the same start.
watch() {
  moment
  watched_since=$now
  watched="$watched$(invocation "$1")$newline"
}

# forget UNIT: whatever start of it was watched.
forget() {
  rest_=$watched watched=''
  while [ -n "$rest_" ]; do
    line_=${rest_%%"$newline"*}
    rest_=${rest_#*"$newline"}
    case $line_ in
    "$1 "*) ;;
    *) watched=$watched$line_$newline ;;
    esac
  done
}

# stays_active UNIT
stays_active() {
  case $newline$watched in
  *"$newline$(invocation "$1")$newline"*) return 0 ;;
  esac
  return 1
}

# wait_active UNIT: one that is still starting gets until $tries is used up.
wait_active() {
  while :; do
    ask "$1" ActiveState,SubState
    case $said in
    *ActiveState=active*) return 0 ;;
    *SubState=auto-restart*) return 1 ;;
    *ActiveState=activating* | *ActiveState=deactivating* | *ActiveState=reloading*) ;;
    *) return 1 ;;
    esac
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 0.2
  done
}

# unwell UNIT REASON
unwell() {
  fail "$1 $2"
  tell_unit "$1"
  return 1
}

# await_healthy UNIT...: active, with a container, and still the same start $settle hundredths of a
# second after the last one became active. Waits for what is under way for $patience tenths of a second.
await_healthy() {
  tries=$((patience / 2)) begun=''
  for unit; do
    wait_active "$unit" || unwell "$unit" 'did not become active' || return 1
    # One that this script did not start is watched from now on.
    case $newline$watched in
    *"$newline$unit "*) begun="$begun $unit" ;;
    *) watch "$unit" ;;
    esac
  done
  for unit; do
    # The engine's client is the unit's process; the container comes a little later. It ends the
    # client when it ends, so from then on the unit tells.
    until container_runs "$unit"; do
      stays_active "$unit" || break
      tries=$((tries - 1))
      [ "$tries" -gt 0 ] || unwell "$unit" 'has no running container' || return 1
      sleep 0.2
    done
  done
  # In the time that has to pass anyway.
  recorded=$(images)
  moment
  left=$((settle - (now - watched_since)))
  [ "$left" -le 0 ] || rest "$left"
  for unit; do
    stays_active "$unit" ||
      unwell "$unit" "did not stay active for $((settle / 100)).$((settle % 100 / 10)) s" || return 1
  done
  # shellcheck disable=SC2086 # names of units have no blanks
  [ "$kind" != step ] || soak $begun
}

# rest HUNDREDTHS: of a second.
rest() {
  in_seconds "$1"
  sleep "$seconds"
}

# soak UNIT...: each is the same start, and answers its probe, all along until $soak hundredths of a second after the last
# one became active.
soak() {
  if [ "$soak" -eq 0 ] || [ $# -eq 0 ]; then return 0; fi
  soaked_at=$((watched_since + soak))
  printf 'soaking %s\n' "$((soak / 100)).$((soak % 100 / 10))"
  while :; do
    # Each is looked at once more when the time is over.
    moment
    left=$((soaked_at - now))
    for unit; do
      stays_active "$unit" || no_longer_well "$unit" 'did not stay the same start' || return 1
      soak_probe "$unit" || no_longer_well "$unit" 'did not go on answering' "$said" || return 1
    done
    [ "$left" -gt 0 ] || return 0
    [ "$left" -lt 100 ] || left=100
    rest "$left"
  done
}

# no_longer_well UNIT REASON [WHAT IT SAID]
no_longer_well() {
  unwell "$1" "was healthy, but $2 for $((soak / 100)).$((soak % 100 / 10)) s${3:+: $3}"
}

# asks UNIT COMMAND...: whether a probe of the unit ends well now.
asks() {
  ask "$1" MainPID
  shift
  said=$(MAINPID=${said#MainPID=} "$@" 2>&1 8<&-)
}

# inspect: of every container that a unit of the cluster may have, whether it runs, its name and its
# image's id, in `containers`. A unit without one is told by an error that says nothing of the others.
inspect() {
  set --
  for name_ in "$units/$cluster"-*.service; do
    name_=${name_##*/}
    container_of "${name_%.service}"
    set -- "$@" "$container"
  done
  containers=$("$engine" inspect --type container --format '{{.State.Running}} {{.Name}} {{.Image}}' "$@" 2>/dev/null)
}

# container_runs UNIT: all are asked for at once, and again only if this one is missing.
container_runs() {
  is_running "$1" && return
  inspect || [ -n "$containers" ] || said=$("$engine" ps 2>&1) || {
    fail "\`$engine ps\` failed: $said"
    tries=0
    return 1
  }
  is_running "$1"
}

# is_running UNIT: docker writes a slash before the name, podman none.
is_running() {
  container_of "$1"
  case $newline$containers in
  *"${newline}true $container "* | *"${newline}true /$container "*) return 0 ;;
  esac
  return 1
}

# images: the ids of the images that the cluster's containers run, as members of JSON.
images() {
  [ "$supervisor" = systemd ] || return 0
  # Those that were just seen are not asked for again.
  [ -n "$containers" ] || inspect
  comma=''
  printf '%s\n' "$containers" | while read -r running name id; do
    name=${name#/}
    # Of a service with slots, it is the one that serves.
    case $name in
    *.[a-z])
      slot_=${name##*.} name=${name%.?}
      said=$(readlink "$var/swap/${name#"$cluster"-}" 2>/dev/null)
      case ${said##*/} in
      "${name#"$cluster"-}.$slot_."* | '') ;;
      *) continue ;;
      esac
      ;;
    esac
    case $running$name$id in
    *[!a-z0-9:-]*) ;;
    "true$cluster"-*)
      printf '%s"%s":"%s"' "$comma" "${name#"$cluster"-}" "$id"
      comma=,
      ;;
    esac
  done
}
