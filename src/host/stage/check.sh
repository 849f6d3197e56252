# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# Each finding is a line that begins with its kind. Nothing of the host changes, but the engine may
# get images.
#
# Reads: engine stage digests needed staged_units fixed moving exact platforms jobs ports networks sources declare slots, the functions of
#   sealed.sh and image_keys.sh, and what every script begins with.

# each_line WORD TEXT
each_line() {
  printf '%s\n' "$2" | while IFS= read -r line; do
    [ -z "$line" ] || printf '%s %s\n' "$1" "$line"
  done
}

check_digests() {
  cd "$stage" || {
    printf 'digest %s is not there\n' "$stage"
    return
  }
  said=$(printf '%s  digests\n' "$digests" | sha256sum -c --quiet - 2>&1 && sha256sum -c --quiet digests 2>&1) ||
    each_line digest "$said"
}

check_space() {
  for place in /etc /var/lib; do
    [ -d "$root$place" ] || continue
    df -kP "$root$place" 2>/dev/null | {
      read -r _ && read -r _ _ _ available _ && [ "$available" -lt "$needed" ] &&
        printf 'space %s %s %s\n' "$root$place" "$needed" "$available"
    }
  done
}

# able WORD COMMAND...: what an activation, and whoever follows it, need of the tools beyond POSIX.
able() {
  word=$1
  shift
  "$@" >/dev/null 2>&1 || printf 'unable %s\n' "$word"
}

check_tools() {
  able sync sync "$stage/digests"
  able sleep sleep 0.01
  able timeout timeout 5 true
  true &
  able tail timeout 5 tail -c +1 -f -s 0.01 --pid="$!" "$stage/digests"
}

# Only what the host itself would find wrong: its programs and its other units are there.
check_units() {
  [ -n "$staged_units" ] || return
  # shellcheck disable=SC2086 # names of units have no blanks
  said=$(systemd-analyze verify --man=no --recursive-errors=no $staged_units 2>&1) && return
  case $said in
  *'unrecognized option'*)
    # Before systemd 250 only worse mistakes are told by the status.
    # shellcheck disable=SC2086
    said=$(systemd-analyze verify --man=no $staged_units 2>&1) && return
    ;;
  esac
  each_line verify "${said:-systemd-analyze verify failed}"
}

# containers MORE OPTION...: a line each: its name, whose it is, and MORE, a template of the engine's.
containers() {
  case $engine in
  podman) owner='index .Labels "bayplan.cluster"' ;;
  *) owner='.Label "bayplan.cluster"' ;;
  esac
  more=$1
  shift
  # As JSON, which has no line breaks: anybody's label may.
  "$engine" ps "$@" --format "{{.Names}} {{json ($owner)}}$more" 2>/dev/null
}

# A unit removes a container of its name before it starts one: there must be none but its own.
check_names() {
  containers '' --all | while read -r name owner; do
    case " $staged_units " in
    *" units/$name.service "*) ;;
    *) continue ;;
    esac
    [ "$owner" = "\"$cluster\"" ] || printf 'container %s %s\n' "$engine" "$name"
  done
}

# What listens, and which addresses there are, where ports are needed that no container of this cluster has now. Of what
# is not told (there is no `ss`, no `ip`) nobody knows.
check_ports() {
  [ -n "$ports" ] || return
  # `protocol state queue queue address:port peer users:(("name",pid=1,fd=3))`
  listening=$(ss -H -l -n -t -u -p 2>/dev/null)
  # After it: a container that starts in between then listens to nothing yet.
  own=$("$engine" ps --quiet --no-trunc --filter "label=bayplan.cluster=$cluster" 2>/dev/null)
  printf '%s\n' "$listening" | while read -r protocol _ _ _ socket _ users; do
    [ -n "$protocol" ] || continue
    pid=${users#*pid=}
    pid=${pid%%,*}
    case $pid in
    '' | *[!0-9]*) pid=- name=- ;;
    *)
      # One that has ended meanwhile has no port any more.
      name=$(cat "/proc/$pid/comm" 2>/dev/null) || continue
      # It listens for a container, perhaps of this cluster: docker tells them below.
      [ "$engine,$name" != docker,docker-proxy ] || continue
      is_ours "$pid" && continue
      ;;
    esac
    printf 'listens %s %s %s %s\n' "$protocol" "$socket" "$pid" "${name:--}"
  done
  # A container may have ports for which no process listens.
  containers ' {{.Ports}}' | while read -r name owner published; do
    [ "$owner" = "\"$cluster\"" ] || [ -z "$published" ] || printf 'publishes %s %s %s\n' "$engine" "$name" "$published"
  done
  # With it an address may come and go.
  [ "$(cat /proc/sys/net/ipv4/ip_nonlocal_bind 2>/dev/null)" != 1 ] || return
  ip -o address show 2>/dev/null | while read -r _ _ _ address _; do
    printf 'address %s\n' "${address%%/*}"
  done
}

# is_ours PID: a process of a container of this cluster.
is_ours() {
  group=$(cat "/proc/$1/cgroup" 2>/dev/null)
  for id in $own; do
    case $group in
    *"$id"*) return 0 ;;
    esac
  done
  return 1
}

# What networks there are of these names, with their labels.
check_networks() {
  for name in $networks; do
    # It reads a pattern.
    pattern=$(printf '%s' "$name" | sed 's/[.]/[.]/g')
    ids=$("$engine" network ls --quiet --filter "name=^$pattern\$" 2>/dev/null | tr '\n' ' ')
    # shellcheck disable=SC2016 # these are the engine's
    labels=$("$engine" network inspect --format '{{range $name, $value := .Labels}}{{$name}}={{$value}} {{end}}' "$name" \
      2>/dev/null | tr '\n' ' ')
    printf 'network %s %s,%s\n' "$name" "$ids" "$labels"
  done
}

# check_memory: what there is for who starts, and what the containers of slots use without what the kernel can take back.
check_memory() {
  [ -n "$slots" ] || return
  sed -n 's/^MemAvailable: *\([0-9]*\) kB$/memory available \1/p' /proc/meminfo
  eval "used_by $slots"
}

# used_by CONTAINER...
used_by() {
  for name; do
    pid=$("$engine" inspect --type container --format '{{.State.Pid}}' "$name" 2>/dev/null)
    [ "${pid:-0}" -gt 0 ] 2>/dev/null || continue
    # The hierarchy that has the memory: of its own, or the only one.
    while IFS=: read -r _ of path; do
      case ,$of, in
      *,memory,*) group=/sys/fs/cgroup/memory$path file=memory.usage_in_bytes idle=total_inactive_file ;;
      ,,) group=/sys/fs/cgroup$path file=memory.current idle=inactive_file ;;
      *) continue ;;
      esac
      [ -r "$group/$file" ] || continue
      uses=$(cat "$group/$file") idle=$(sed -n "s/^$idle //p" "$group/memory.stat")
      [ "${uses:-0}" -lt "${idle:-0}" ] || printf 'memory %s %s\n' "$name" "$((uses - ${idle:-0}))"
      break
    done <"/proc/$pid/cgroup"
  done
} 2>/dev/null

# absent PATH...
absent() {
  for path; do
    [ -e "$path" ] || printf 'absent %s\n' "$path"
  done
}

check_sources() {
  [ -z "$sources" ] || eval "absent $sources"
}

# declared REFERENCE...: its volumes and its health check, as JSON. Of an image that is not there nothing is said.
declared() {
  case $engine in
  podman) health='.HealthCheck' ;;
  *) health='.Config.Healthcheck' ;;
  esac
  # One question about all: it is asked once they are there.
  all=$("$engine" image inspect --format "{{json .Config.Volumes}} {{json $health}}" "$@" 2>/dev/null) || return
  printf '%s\n' "$all" | while IFS= read -r line; do
    printf 'declares %s %s\n' "$1" "$line"
    shift
  done
}

# manager NAME: a variable of systemd's manager, which its units get.
manager() {
  systemctl show-environment 2>/dev/null | sed -n "s/^$1=//p"
}

# What an engine's configuration gives to every container. It is no input that anybody reviewed, and no
# fingerprint has it.
check_engine() {
  # A rollback goes back to what ran here.
  [ -n "$staged_units" ] || return
  case ${engine##*/} in
  docker)
    # shellcheck disable=SC2086 # names of units have no blanks
    named=$(sed -n 's/^Environment=.*DOCKER_CONFIG=\([^" ]*\).*/\1/p' $staged_units)
    home=$(manager HOME)
    # shellcheck disable=SC2116 # in quotes no tilde is a home
    for settings in $named "$(manager DOCKER_CONFIG)" "${home:-$(echo ~root)}/.docker"; do
      [ -f "$settings/config.json" ] || continue
      case $(tr -d ' \t\r\n' <"$settings/config.json") in
      *'"proxies":{"'*) printf 'given proxies %s\n' "$settings/config.json" ;;
      esac
    done
    ;;
  podman)
    for settings in /usr/share/containers/containers.conf /etc/containers/containers.conf \
      /usr/share/containers/containers.conf.d/*.conf /etc/containers/containers.conf.d/*.conf; do
      [ -f "$settings" ] || continue
      # Only of [containers]: what is below [engine] is the engine's own.
      found=$(sed -n '/^[[:space:]]*\[/{s/^[[:space:]]*\[\([^]]*\)\].*/\1/;h;}
        /^[[:space:]]*env[[:space:]]*=[[:space:]]*\[[[:space:]]*\]/d
        /^[[:space:]]*env[[:space:]]*=/{x;/^containers$/p;x;}' "$settings")
      [ -z "$found" ] || printf 'given env %s\n' "$settings"
    done
    ;;
  esac
}

# podman 4.7.0 reads the files of --env-file by rules of its own, which 4.7.1 took back.
check_literal() {
  [ "$engine" = podman ] || return
  for file in "$stage"/inputs/*/*/literal "$stage"/inputs/*/*/40-secrets.literal*; do
    [ -f "$file" ] || continue
    case $(podman --version 2>/dev/null) in
    *' 4.7.0' | *' 4.7.0-'*) printf 'misreads %s\n' "${file#"$stage/inputs/"}" ;;
    esac
    return
  done
}

# image_id REFERENCE: prints nothing if there is no such image.
image_id() {
  "$engine" image inspect --format '{{.Id}}' "$1" 2>/dev/null
}

# find_platform REFERENCE: the one that it is pulled for, in `platform`; empty for the host's own.
find_platform() {
  platform=''
  wanted=$1
  eval "set -- $platforms"
  while [ $# -gt 0 ]; do
    [ "$1" != "$wanted" ] || platform=$2
    shift 2
  done
}

# is_for_platform REFERENCE: whether the image that is there is for the platform that it is pulled for. An engine does not tell a
# variant as `v8`.
is_for_platform() {
  find_platform "$1"
  [ -n "$platform" ] || return 0
  case $platform/ in
  "$("$engine" image inspect --format '{{.Os}}/{{.Architecture}}' "$1" 2>/dev/null)"/*) ;;
  *) return 1 ;;
  esac
}

# pull REFERENCE: says what it meant before and what it means now.
pull() {
  before=$(image_id "$1")
  find_platform "$1"
  if said=$("$engine" pull --quiet ${platform:+--platform "$platform"} "$1" 2>&1) && after=$(image_id "$1"); then
    printf 'image %s %s %s\n' "$1" "${before:--}" "$after"
  else
    printf 'pull %s %s\n' "$1" "$(printf '%s' "${said:-no image of this name after the pull}" | tr '\n' ' ')"
  fi
}

# pull_all REFERENCE...: a few at the same time, each with its own file for what it says.
pull_all() {
  count=0
  for reference; do
    count=$((count + 1))
    printf 'pulling %s\n' "$reference"
    pull "$reference" >"$stage/.pull-$count" </dev/null &
    [ "$((count % 8))" -ne 0 ] || wait
  done
  wait
  note_pulled "$@"
  while [ "$count" -gt 0 ]; do
    cat "$stage/.pull-$count"
    rm -f "$stage/.pull-$count"
    count=$((count - 1))
  done
}

# note_pulled REFERENCE...: for `bayplan prune`: if the release fails, no generation ever names them.
note_pulled() {
  for reference; do
    grep -qxF -- "$reference" "$var/images" || printf '%s\n' "$reference" >>"$var/images"
  done
} 2>/dev/null

# known REFERENCE...: tells those that are there; the others are left in `absent`.
known() {
  absent=''
  # One question about all: nearly always all are there.
  if [ -z "$platforms" ] && ids=$("$engine" image inspect --format '{{.Id}}' "$@" 2>/dev/null); then
    for id in $ids; do
      printf 'image %s %s %s\n' "$1" "$id" "$id"
      shift
    done
    return
  fi
  for reference; do
    if id=$(image_id "$reference") && is_for_platform "$reference"; then
      printf 'image %s %s %s\n' "$reference" "$id" "$id"
    else
      absent="$absent '$reference'"
    fi
  done
}

# name_each REFERENCE ID...: each reference means that image afterwards. An image that is gone is
# pulled, and may be another one by now.
name_each() {
  while [ $# -gt 0 ]; do
    before=$(image_id "$1")
    if [ "${before#sha256:}" != "${2#sha256:}" ]; then
      find_platform "$1"
      "$engine" tag "${2#sha256:}" "$1" >/dev/null 2>&1 ||
        "$engine" pull --quiet ${platform:+--platform "$platform"} "$1" >/dev/null 2>&1
    fi
    after=$(image_id "$1")
    if [ "${after#sha256:}" = "${2#sha256:}" ]; then
      printf 'image %s %s %s\n' "$1" "${before:--}" "$after"
    else
      printf 'pull %s it ran as %s, which is neither here nor in the registry any more\n' "$1" "$2"
    fi
    shift 2
  done
}

# tell_jobs REFERENCE...: what the images of jobs are known by.
tell_jobs() {
  for reference; do
    printf 'job %s %s\n' "$reference" "$(image_keys "$reference")"
  done
}

check_images() {
  absent=''
  [ -z "$fixed" ] || eval "known $fixed"
  [ -z "$absent$moving" ] || eval "pull_all $absent $moving"
  [ -z "$exact" ] || eval "name_each $exact"
  [ -z "$declare" ] || eval "declared $declare"
  [ -z "$jobs" ] || eval "tell_jobs $jobs"
  try_all
}

# Each ciphertext is opened once, to nowhere: so it is whole, and this host's key is the right one.
check_secrets() {
  for list in "$stage"/inputs/*/*/.sealed; do
    [ -f "$list" ] || continue
    while read -r digest _ _ path; do
      [ "$digest" != - ] || continue
      command -v age >/dev/null 2>&1 || {
        printf 'noage %s\n' "$(how_to_install age)"
        return
      }
      [ -n "$keys" ] || host_keys
      [ -n "$keys" ] || {
        printf 'nokey -\n'
        return
      }
      file=${list%/.sealed}/$path.age
      found=$(sha256sum <"$file" 2>&1)
      if [ "${found%% *}" != "$digest" ]; then
        printf 'digest %s is not what it was\n' "${file#"$stage/"}"
      elif ! said=$(open_to_nowhere "$file"); then
        printf 'sealed %s %s\n' "${file#"$stage/"}" "$(printf '%s' "${said:-age failed}" | tr '\n' ' ')"
      fi
    done <"$list"
  done
}

how_to_install() {
  for manager in 'apt-get install' 'dnf install' 'zypper install' 'apk add' 'pacman -S'; do
    command -v "${manager%% *}" >/dev/null 2>&1 && echo "$manager $1" && return
  done
  echo -
}

# Nothing is there to be checked below a root directory, and if the stage is gone the digests say so.
check_running() {
  [ "$supervisor" = none ] || [ ! -d "$stage" ] || "$@"
}

# Three at the same time, each with a pipe for what it says: most of it is waiting for the engine.
printf 'bayplan check 1\n'
check_running check_images </dev/null | {
  check_running check_names </dev/null | {
    {
      check_digests
      [ ! -d "$stage" ] || check_secrets
      check_space
      check_running check_tools
      check_running check_units
      check_running check_engine
      check_running check_ports
      check_running check_networks
      check_running check_sources
      check_running check_memory
      check_running check_literal
    } </dev/null
    cat
  }
  cat
}
printf 'end\n'
