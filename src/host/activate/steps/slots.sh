# shellcheck shell=sh disable=SC2154,SC2034 # its globals are shared with the files beside it
# One slot of a service takes over from the other. A plain link says which one serves; the proxy reads the file to which it
# leads, and what it has read is noted as in live.sh. A proxy may have two instances itself: then each that runs reads it.
#
# Reads: known_after, in hundredths of a second, when a proxy that asks twice a second knows that a slot is well; root var units cluster engine newline kind patience; what live.sh and processes.sh have.
# Sets, for itself: link_ wanted_ slot_ served_ path_ host_ port_ since_ connections drained_at keeper up reader taker_ first_
#   theirs_ pid_ group_ process_ opened_ listened local_ state_ inode_ wants_ lacks_ listens_by.

known_after=200

# flip_slot SERVICE SLOT TARGET PORT PATH HOST PROXY signal NAME | command WORD...: the link, then the proxy, then the proof.
flip_slot() {
  link_=$var/swap/$1 wanted_=$3 slot_=$2
  point_link "$1" || return 1
  port_=$4 path_=$5 host_=$6
  shift 6
  service_of "$1"
  shift
  up_units "$unit"
  # What does not run reads the link when it starts.
  [ -n "$up" ] || return 0
  for reader in $up; do
    ! has_read "$reader" || continue
    swaps_=1 since_=$watched_since
    reload_service "$reader" "$@"
    status=$?
    # It is no start that has to last longer than it did.
    swaps_='' watched_since=$since_
    [ "$status" -eq 0 ] || return 1
    forget "$reader"
  done
  # shellcheck disable=SC2086 # names of units have no blanks
  serves $up
}

# up_units SERVICE: its units that run, in `up`: mostly one.
up_units() {
  up=''
  for reader in "$cluster-$1" "$cluster-$1@a" "$cluster-$1@b"; do
    [ -e "$units/$reader.service" ] || continue
    ask "$reader" ActiveState
    case $said in
    *ActiveState=active* | *ActiveState=reloading*) ;;
    *ActiveState=activating*)
      tries=$((patience / 2))
      # It may have read the link before or after.
      wait_active "$reader" || continue
      ;;
    *) continue ;;
    esac
    up="$up $reader"
  done
}

# take_over SERVICE TARGET UNIT [PORT...]: one instance of a proxy serves beside the other one, which then may go.
take_over() {
  link_=$var/swap/$1 wanted_=$2 slot_='' taker_=$3 first_=$1
  shift 3
  listens_beside "$@" || {
    # On the way back it is the one that was well.
    [ "$kind" = back ] && point_link "$first_"
    return 1
  }
  point_link "$first_"
}

# listens_beside [PORT...]: until processes of its own container listen on each of these ports on which another instance does,
# or, if that is none of them, on each of its ports. A probe may have been answered by the other one.
listens_beside() {
  up_units "$first_"
  theirs_=' '
  for reader in $up; do
    [ "$reader" != "$taker_" ] || continue
    listened_by "$reader"
    theirs_=$theirs_$listened
  done
  wants_=''
  for port_; do
    case $theirs_ in
    *" $port_ "*) wants_="$wants_ $port_" ;;
    esac
  done
  [ -n "$wants_" ] || wants_=$theirs_
  # It is healthy: that takes no third of what a start may take.
  moment
  listens_by=$((now + patience * 10 / 3))
  while :; do
    listened_by "$taker_"
    lacks_=''
    for port_ in $wants_; do
      case $listened in
      *" $port_ "*) ;;
      *) lacks_=$port_ ;;
      esac
    done
    [ -n "$lacks_" ] || return 0
    ask "$taker_" ActiveState
    case $said in
    *=failed | *=inactive) break ;;
    esac
    moment
    [ "$now" -lt "$listens_by" ] || break
    sleep 0.2
  done
  fail "$taker_ does not listen on port $lacks_, where the instance before it does: expected a service that opens its ports with SO_REUSEPORT, as the same user"
  tell_unit "$taker_"
  return 1
}

# listened_by UNIT: the ports of the host on which processes of its container listen, in `listened`, between blanks. Containers differ
# in their processes' ids, and where they are given those of the host in their cgroup.
listened_by() {
  listened=' ' opened_=''
  container_of "$1"
  pid_=$("$engine" inspect --type container --format '{{.State.Pid}}' "$container" 2>/dev/null)
  case $pid_ in
  '' | 0 | *[!0-9]*) return 0 ;;
  esac
  group_=$(cat "/proc/$pid_/cgroup" 2>/dev/null)
  for process_ in /proc/[0-9]*; do
    # shellcheck disable=SC3013 # dash, bash and busybox have it
    [ "$process_/ns/pid" -ef "/proc/$pid_/ns/pid" ] || continue
    [ "$(cat "$process_/cgroup" 2>/dev/null)" = "$group_" ] || continue
    opened_=$opened_$newline$(readlink "$process_"/fd/* 2>/dev/null)
  done
  # Where, in which state, and which socket.
  listened=" $(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep ' 0A ' |
    while read -r _ local_ _ state_ _ _ _ _ _ inode_ _; do
      case $state_$newline$opened_$newline in
      "0A"*"${newline}socket:[$inode_]$newline"*) printf '%s ' "$((0x${local_##*:}))" ;;
      esac
    done)"
}

# point_link SERVICE: one rename, on the disk before anybody is told.
point_link() {
  [ "$(readlink "$link_")" != "$wanted_" ] || return 0
  # The process of the proxy that is about to go learns nothing after that, and a client may keep it for long: it has to
  # have found the new slot well.
  case $newline$watched in
  *"$newline$cluster-$1@$slot_ "*)
    moment
    left=$((known_after - (now - watched_since)))
    [ "$left" -le 0 ] || rest "$left"
    ;;
  esac
  [ -d "$var/swap" ] || run mkdir -p -m 0755 "$var/swap" || return 1
  absent "$var/swap/.$1.new" && run ln -s "$wanted_" "$var/swap/.$1.new" &&
    run mv -T "$var/swap/.$1.new" "$link_" && run sync "$var/swap"
}

# has_read PROXY: whether the process that runs noted that it read this link.
has_read() {
  ask "$1" InvocationID || return 1
  record_=$root/run/bayplan/loaded/$1
  [ -f "$record_" ] || return 1
  case "$(cat "$record_") " in
  "${said#InvocationID=} "*" swap:${link_##*/}=$wanted_ "*) return 0 ;;
  esac
  return 1
}

# served: one request by way of the proxy. Its answer has to say that the slot's own file is in force, and be no error.
served() {
  # shellcheck disable=SC2016 # for bash
  served_=$(timeout 10 /bin/bash -c '
    exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
    printf "GET %s HTTP/1.0\r\nHost: %s\r\nX-Bayplan-Slot: ask\r\nConnection: close\r\n\r\n" "$2" "$3" >&3
    while IFS= read -r line <&3 && [ "${#line}" -gt 1 ]; do
      printf "%s\n" "$line"
    done' - "$port_" "$path_" "$host_" 2>&1 8<&-)
  case $served_ in
  'HTTP/1.'[01]' '[23][0-9][0-9]*) ;;
  *) return 1 ;;
  esac
  served_=$(printf '%s' "$served_" | tr -d '\r')
  case $newline$(printf '%s' "$served_" | tr '[:upper:]' '[:lower:]')$newline in
  *"${newline}x-bayplan-slot: $slot_$newline"*) return 0 ;;
  esac
  return 1
}

# serves UNIT...: of a proxy. One that refuses its new files goes on with the old ones, and says so to nobody.
serves() {
  tries=75
  until served; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || {
      for reader; do run rm -f "$root/run/bayplan/loaded/$reader"; done
      fail "$1 was told that slot $slot_ of ${link_##*/} serves, and does not say so: expected an answer without error and with \`x-bayplan-slot: $slot_\` to GET $path_ on port $port_, found ${served_:-none}"
      tell_unit "$1"
      return 1
    }
    sleep 0.2
  done
}

# connections PORT: how many are established to this port of the host, from the host itself.
connections() {
  port_=$(printf '%04X' "$1")
  connections=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -c "^ *[0-9]*: [0-9A-F:]* [0-9A-F]*:$port_ 01 ")
}

# drain UNIT [PORT SECONDS]: waits for its connections, but not longer.
drain() {
  [ $# -gt 1 ] || return 0
  moment
  drained_at=$((now + $3 * 100))
  while
    connections "$2"
    moment
    [ "$connections" -gt 0 ] && [ "$now" -lt "$drained_at" ]
  do
    sleep 0.2
  done
}

# keeper_of UNIT: what the timer and the service are called that stop it when it was kept, in `keeper`.
keeper_of() {
  container_of "$1"
  keeper=bayplan-keep-$container
}

# drop_keeper UNIT: no timer of ours stops it any more. Only a slot may have one.
drop_keeper() {
  case $1 in
  *@?) keeper_of "$1" ;;
  *) return 0 ;;
  esac
  calls=0
  until told=$(systemctl stop "$keeper.timer" "$keeper.service" 2>&1 8<&-); do
    # systemd knows nothing of that name.
    [ $? -ne 5 ] || return 0
    calls=$((calls + 1))
    [ "$calls" -lt 5 ] || fail "$keeper.timer does not stop: $told" || return 1
    sleep 1
  done
}

# wake_slot UNIT FINGERPRINT: it is to serve again, and starts only if it does not run as it should.
wake_slot() {
  drop_keeper "$1" || return 1
  await_job "$1"
  case $said in
  *ActiveState=active*) ! carries "$1" "$2" || return 0 ;;
  esac
  restart_unit "$1"
}

# keep_slot UNIT SECONDS: it runs on until a timer stops it, and no boot starts it. Whoever starts or stops it drops the timer.
keep_slot() {
  forget "$1"
  keeper_of "$1"
  if ! systemctl --quiet is-active "$keeper.timer"; then
    drop_keeper "$1" || return 1
    # After a reload systemd 252 reads `$`, `;` and quotes of it otherwise than it was told.
    again systemd-run --quiet --collect --unit="$keeper" --on-active="$2" --timer-property=AccuracySec=1s \
      --description="$1 has handed over and is stopped at @$(($(date +%s) + $2))" systemctl stop "$1.service" || return 1
  fi
  containers='' recorded=''
  # What has read that it is enabled would start it with docker.
  ours "$units/$1.service" && unlink_unit "$1.service" && run sync "$units" && reload
}

# drain_slot UNIT [PORT SECONDS]: it is to start anew.
drain_slot() {
  drain "$@"
  forget "$1"
  end_unit "$1"
}

# end_slot UNIT [PORT SECONDS]: then it is gone, and no boot starts it.
end_slot() {
  drain "$@"
  forget "$1"
  ours "$units/$1.service" && unlink_unit "$1.service" && run sync "$units" && end_unit "$1" || return 1
  containers='' recorded=''
  run rm -f "$units/$1.service" && run sync "$units" && reload
}
