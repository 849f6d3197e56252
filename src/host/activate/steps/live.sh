# shellcheck shell=sh disable=SC2154,SC2034 # its globals are shared with the files beside it
# Directories of files that a service reads again without a restart. A version is whole before `..data` leads to it, and its
# name is never used again: a name alone tells what a process has read.
#
# Reads: root var cluster engine client source kind patience; invocation and tries of health.sh; container_of of processes.sh;
#   the columns of a line of `.modes`, as inputs.sh has them.
# Sets, for itself: live version odd reading record_ told_ swaps_, whether it is a proxy that is told.

swaps_=''

# swap_files SERVICE NAME DIGEST: the staged files as another version.
swap_files() {
  live=$var/live/$1/$2
  # Whatever containers may enter, nobody else on the host does.
  [ -d "$var/live" ] || run mkdir -p -m 0700 "$var/live" || return 1
  if [ -L "$live" ] || { [ -e "$live" ] && [ ! -d "$live" ]; }; then run rm -rf "$live" || return 1; fi
  there "$live" || return 1
  version=$(mktemp -d "$live/..$3.XXXXXX" 2>&1) || fail "\`mktemp -d $live/..$3.XXXXXX\` failed: $version" || return 1
  run cp -R "$source/inputs/$1/$2/." "$version" && make_secrets "$1" "$2" "$version" && set_live_modes "$version" &&
    flush_live "$version" && switch_live "$live" "${version##*/}" && wrote "$1"
}

# set_live_modes VERSION: permissions and owners are those of its list. Containers enter its directories only then.
set_live_modes() {
  run find "$1" -type f ! -name '.*' -exec chmod 0644 {} + || return 1
  while read -r listed_mode listed_owner listed_path <&3; do
    case "$listed_mode $listed_owner" in
    '0644 0:0') ;;
    *) set_mode "$1/$listed_path" || return 1 ;;
    esac
  done 3<"$1/.modes"
  run find "$1" -type d -exec chmod 0755 {} +
}

# flush_live VERSION: with the two files of ours in it, which `flush` does not see.
flush_live() {
  if [ -e "$1/.secrets" ]; then run chmod 0600 "$1/.secrets" && run sync "$1/.secrets" || return 1; fi
  run sync "$1/.modes" && flush "$1"
}

# switch_live DIRECTORY VERSION: one rename, then the links. Who reads in between finds each file in one of both versions.
switch_live() {
  if [ -d "$1/..data" ] && [ ! -L "$1/..data" ]; then run rm -rf "$1/..data" || return 1; fi
  absent "$1/..switch" && run ln -s "$2" "$1/..switch" && run mv -T "$1/..switch" "$1/..data" && link_live "$1" && run sync "$1"
}

# link_live DIRECTORY: each name is a link to what it is in the version. A start does the same.
link_live() {
  for odd in "$1"/* "$1"/.[!.]*; do
    # shellcheck disable=SC3013 # dash, bash and busybox have it
    if [ -L "$odd" ] && [ "$odd" -ef "$1/..data/${odd##*/}" ]; then continue; fi
    absent "$odd" || return 1
  done
  for odd in "$1"/..data/*; do
    [ -e "$odd" ] || continue
    # A start may make it at the same time.
    [ -L "$1/${odd##*/}" ] || ln -s "..data/${odd##*/}" "$1/" 2>/dev/null || [ -L "$1/${odd##*/}" ] ||
      fail "may not make the link $1/${odd##*/}" || return 1
  done
}

# swap_back SERVICE NAME VERSION: to one that is still there.
swap_back() {
  live=$var/live/$1/$2
  [ -d "$live/$3" ] || fail "expected $live/$3, found no such directory" || return 1
  did written "$1"
  switch_live "$live" "$3"
}

# reads_now UNIT: what a process that reads its live directories now reads, in `reading`, as a start notes it.
reads_now() {
  ask "$1" InvocationID || return 1
  reading=${said#InvocationID=}
  service_of "$1"
  for live in "$var/live/$unit"/*; do
    [ ! -d "$live" ] || reading="$reading ${live##*/}=$(readlink "$live/..data")"
  done
  # A proxy reads who serves, too.
  case "$swaps_ $(cat "$root/run/bayplan/loaded/$1" 2>/dev/null)" in
  *' swap:'* | 1*)
    for live in "$var/swap"/*; do
      [ ! -L "$live" ] || reading="$reading swap:${live##*/}=$(readlink "$live")"
    done
    ;;
  esac
}

# reload_service UNIT signal NAME | command WORD...: what it read is noted after it read that, by the names from before: whoever dies
# in between leaves no note, and so a reload that is pending.
reload_service() {
  record_=$root/run/bayplan/loaded/$1
  tries=$((patience / 2))
  wait_active "$1" || {
    # It ended meanwhile, and on the way back perhaps by what it was to read: it starts with what is there now.
    restart_unit "$1"
    return
  }
  if [ "$kind" = back ]; then
    reads_now "$1" && [ -f "$record_" ] && [ "$(cat "$record_")" = "$reading" ] && return
  fi
  # Who serves is no file of its own.
  [ -n "$swaps_" ] || did_unit written "$1"
  reads_now "$1" || fail "systemd does not tell which start of $1 runs" || return 1
  there "$root/run/bayplan/loaded" && absent "$record_" || return 1
  forget "$1"
  watch "$1"
  unit=$1 told_="$2 $3"
  container_of "$1"
  case $2 in
  signal) said=$(timeout 60 "$client" kill --signal "$3" "$container" 2>&1 8<&-) ;;
  *)
    shift 2
    said=$(timeout 60 "$client" exec "$container" "$@" 2>&1 8<&-)
    ;;
  esac || {
    status=$?
    [ "$status" != 124 ] || said="it took more than 60 s. $said"
    fail "the reload of $unit ($told_) failed with status $status${said:+: $said}"
    tell_unit "$unit"
    return 1
  }
  stays_active "$unit" || unwell "$unit" 'did not survive its reload' || return 1
  write "$record_.new" "$reading" && run mv -T "$record_.new" "$record_"
}

# clean_live SERVICE NAME...: what nothing shows any more, and all directories but these.
clean_live() {
  for live in "$var/live/$1"/*; do
    [ -e "$live" ] || [ -L "$live" ] || continue
    case " $* " in
    *" ${live##*/} "*) ;;
    *)
      run rm -rf "$live" || return 1
      continue
      ;;
    esac
    version=$(readlink "$live/..data") || version=
    for odd in "$live"/..?*; do
      case ${odd##*/} in
      ..data | "$version") ;;
      *) absent "$odd" || return 1 ;;
      esac
    done
  done
  if [ $# = 1 ]; then run rm -f "$root/run/bayplan/loaded/$cluster-$1" "$root/run/bayplan/loaded/$cluster-$1@"? || return 1; fi
  rmdir "$var/live/$1" "$var/live" 2>/dev/null
  return 0
}
