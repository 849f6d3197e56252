# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# A cluster leaves this host. Each part can be done again: what is gone is no failure.
#
# Reads: engine besides, and what every script begins with; the functions of ours.sh and prune.sh.

run=$root/run/systemd
failed=''

fail() {
  printf 'failed %s\n' "$(printf '%s' "$*" | tr '\n' ' ' | head -c 500)"
  failed=1
}

doing() {
  printf 'doing %s\n' "$*"
}

# try COMMAND...
try() {
  said=$("$@" 2>&1 </dev/null) || {
    fail "\`$*\`: $said"
    return 1
  }
}

# find_units: the names of its unit files, in `files`: those that are there, and those of generations, which an earlier run may have
# removed. `targets` are the units that are to start them.
find_units() {
  files='' targets=''
  for one in "$units/$cluster"-*.service "$units/$cluster"-*.timer "$var"/generations/*/units/*; do
    case $one in
    "$units"/*) is_ours "$one" || continue ;;
    *)
      [ -f "$one" ] || continue
      # Somebody else's may have the name by now.
      [ ! -e "$units/${one##*/}" ] || is_ours "$units/${one##*/}" || continue
      ;;
    esac
    case " $files " in
    *" ${one##*/} "*) ;;
    *) files="$files ${one##*/}" ;;
    esac
    # shellcheck disable=SC2013 # names of units have no blanks
    for target in $(sed -n 's/^WantedBy=//p; s/^RequiredBy=//p' "$one"); do
      case " $targets " in
      *" $target "*) ;;
      *) targets="$targets $target" ;;
      esac
    done
  done
}

# stop_units: timers first, which would start others; then all at once, as systemd orders it.
stop_units() {
  for kind in timer service; do
    these=''
    for file in $files; do
      case $kind.$file in
      *".$kind") these="$these $file" ;;
      # A slot that has handed over has a timer that stops it.
      timer.*@?.service)
        slot=${file%.service}
        these="$these bayplan-keep-${slot%@?}.${slot##*@}.timer"
        ;;
      esac
    done
    [ -n "$these" ] || continue
    # One that systemd does not know any more has stopped.
    # shellcheck disable=SC2086 # names of units have no blanks
    said=$(systemctl stop $these 2>&1 </dev/null)
    for file in $these; do
      state=$(systemctl show --no-pager --property ActiveState "$file" 2>&1 </dev/null)
      case $state in
      *=inactive | *=failed) ;;
      *)
        fail "$file does not stop: ${said:-$state}"
        return 1
        ;;
      esac
    done
  done
}

# remove_units: as `systemctl disable`, and the files with what was put beside them.
remove_units() {
  for file in $files; do
    for link in "$units"/*.wants/"$file" "$units"/*.requires/"$file"; do
      [ ! -L "$link" ] || try rm -f "$link" || return 1
    done
    for one in "$units/$file" "$units/$file.d" "$root/etc/systemd/system.control/$file.d" "$run/system.control/$file.d" \
      "$run/system/$file.d" "$run/transient/$file.d" "$root/var/lib/systemd/timers/stamp-$file" \
      "$root/run/bayplan/loaded/${file%.*}" "$root/run/bayplan/watch/${file%%.*}"; do
      if [ -e "$one" ] || [ -L "$one" ]; then try rm -rf "$one" || return 1; fi
    done
  done
  # What nothing is in any more was made for them: also where systemd notes when persistent timers ran.
  rmdir "$root/var/lib/systemd/timers" 2>/dev/null
  for target in $targets; do
    rmdir "$units/$target.wants" "$units/$target.requires" 2>/dev/null
  done
  rm -f "$units/.$cluster-"*.bayplan-new
  [ "$supervisor" = systemd ] || return 0
  try systemctl daemon-reload || return 1
  for file in $files; do systemctl reset-failed "$file" >/dev/null 2>&1 </dev/null; done
  return 0
}

remove_containers() {
  for filter in "label=bayplan.cluster=$cluster" "name=bayplan-run[.]${cluster}[.]"; do
    try "$engine" ps --all --quiet --no-trunc --filter "$filter" || return 1
    for id in $said; do
      "$engine" rm -f -v "$id" >/dev/null 2>&1 </dev/null
      ! "$engine" container inspect "$id" >/dev/null 2>&1 </dev/null || try "$engine" rm -f -v "$id" || return 1
    done
  done
}

# remove_networks: a container that just ended may take a moment to leave one. One that somebody else is in stays.
remove_networks() {
  try "$engine" network ls --quiet --no-trunc --filter "label=bayplan.cluster=$cluster" || return 1
  for id in $said; do
    tries=0
    until why=$("$engine" network rm "$id" 2>&1 </dev/null); do
      "$engine" network inspect "$id" >/dev/null 2>&1 </dev/null || break
      tries=$((tries + 1))
      [ "$tries" -lt 25 ] || {
        fail "a network stays: $why"
        break
      }
      sleep 0.2
    done
  done
}

# remove_data NAME...: volumes of the engine, and directories.
remove_data() {
  for name; do
    doing "removing $name"
    case $name in
    /*) [ ! -e "$root$name" ] || try rm -rf --one-file-system "$root$name" ;;
    *) ! "$engine" volume inspect "$name" >/dev/null 2>&1 </dev/null || try "$engine" volume rm "$name" ;;
    esac
  done
}

remove_files() {
  rm -f "$root/run/bayplan/activate-$cluster.log"
  # What sessions noted that are over.
  for one in "$root/run/bayplan"/call-*; do
    pid=${one##*/call-}
    [ -d "/proc/${pid%%.*}" ] || rm -f "$one"
  done
  try rm -rf "$etc" || return 1
  rmdir "${etc%/*}" 2>/dev/null
  # Last: what it names is gone by now.
  try rm -rf "$var" || return 1
  for one in "${etc%/*}"/* "${var%/*}"/*; do
    [ ! -d "$one" ] || return 0
  done
  # No cluster is here any more.
  rm -rf "$root/run/bayplan"
  rm -f "${var%/*}/lock" "${var%/*}/.mending" "${var%/*}/lock.new"
  rmdir "${var%/*}" 2>/dev/null
  return 0
}

depart() {
  find_units
  if [ "$supervisor" = systemd ]; then
    doing 'stopping units'
    stop_units || return
  fi
  doing 'removing units'
  remove_units || return
  if [ "$supervisor" = systemd ]; then
    doing 'removing containers and networks'
    remove_containers || return
    remove_networks
    besides
  fi
  # They say what is left to do.
  [ -z "$failed" ] || return
  doing 'removing files'
  remove_files
}

depart
printf 'end\n'
