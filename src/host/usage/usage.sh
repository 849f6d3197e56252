# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# What a host and the containers of a cluster use now. What cannot be told is left out.
#
# Reads: engine, and what every script begins with; the functions of ours.sh.

tab=$(printf '\t')

tell_host() {
  printf 'cpus %s\n' "$(getconf _NPROCESSORS_ONLN 2>/dev/null || grep -c '^processor' /proc/cpuinfo)"
  read -r one _ </proc/loadavg && printf 'load %s\n' "$one"
  while read -r key value _; do
    case $key in
    MemTotal: | MemAvailable:) printf 'memory %s %s\n' "$key" "$value" ;;
    esac
  done </proc/meminfo
  case $engine in
  podman) data=/var/lib/containers ;;
  *) data=/var/lib/docker ;;
  esac
  # Each file system once.
  for place in / /var/lib "$data"; do
    [ -d "$place" ] && df -kP "$place" 2>/dev/null | tail -n 1
  done | sort -u | while read -r _ total used free _ mount; do
    printf 'disk %s %s %s %s\n' "$total" "$used" "$free" "$mount"
  done
}

tell_units() {
  # A cluster `demo` has no units of a cluster `demo-two`.
  set --
  for file in "$units/$cluster"-*.service; do
    case $file in
    *.watch.service) ;;
    *) ! is_ours "$file" || set -- "$@" "${file##*/}" ;;
    esac
  done
  [ $# -gt 0 ] || return 0
  systemctl show --no-pager --property Id,NRestarts,ActiveState "$@" 2>/dev/null </dev/null |
    while IFS='=' read -r key value; do
      [ -z "$key" ] || printf 'unit %s %s\n' "$key" "$value"
    done
}

tell_containers() {
  ids=$("$engine" ps --quiet --no-trunc --filter "label=bayplan.cluster=$cluster" 2>/dev/null </dev/null)
  [ -n "$ids" ] || return 0
  # shellcheck disable=SC2086 # ids have no blanks
  "$engine" inspect --type container --format '{{.Name}} {{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}' $ids 2>/dev/null </dev/null |
    sed 's/^/limits /'
  # shellcheck disable=SC2086
  said=$(timeout 60 "$engine" stats --no-stream --format "{{.Name}}$tab{{.CPUPerc}}$tab{{.MemUsage}}" $ids 2>&1 </dev/null) || {
    printf 'silent %s\n' "$(printf '%s' "$said" | tr '\n' ' ' | head -c 300)"
    return 0
  }
  printf '%s\n' "$said" | sed "s/^/uses$tab/"
}

printf 'bayplan usage 1\n'
tell_host
if [ "$supervisor" = systemd ]; then
  tell_units
  tell_containers
fi
printf 'end\n'
