# shellcheck shell=sh disable=SC2154,SC2034 # what it reads is set before it; what it sets is read by the steps of an activation
# Whether a service accepts files before anything changes: in a container of its own that nobody notices, from a copy of all
# inputs which only root enters and which is never on a disk. Each refusal is a line, and what was said follows.
#
# Reads: engine client cluster stage; tried, the directory of the copies; the steps of an activation, by which files are made.

# In place of those of an activation.
did() { :; }
wrote() { :; }

# begin_tries: what a check that died left has secrets in it.
begin_tries() {
  for left in "/run/bayplan/check-$cluster"-*; do
    [ "$left" = "$tried" ] || rm -rf "$left"
  done
  [ -d "$tried" ] || { mkdir -p /run/bayplan && mkdir -m 0700 "$tried"; } || return 1
  trap 'rm -rf "$tried"' EXIT
  trap 'exit 1' HUP INT PIPE TERM
}

# copy_files SERVICE DIRECTORY NAME...: what an activation would place, below $tried.
copy_files() (
  etc=$tried/etc var=$tried/var source=$stage mends=' '
  place_inputs "$1" "$2" || exit 1
  service=$1
  shift 2
  for name; do
    swap_files "$service" "$name" check || exit 1
  done
)

# tell_refusal SERVICE STATUS COMMAND TEXT
tell_refusal() {
  printf 'refused %s %s %s\n' "$1" "$2" "$3"
  # The last lines say most, and one of them is enough to fill a screen.
  printf '%s\n' "$4" | tail -n 20 | tr -d '\r' | while IFS= read -r line; do
    [ -z "$line" ] || printf 'said %s\n' "$line" | head -c 1000 | tr '\n\0' ' ?'
    [ -z "$line" ] || echo
  done
}

# is_network NAME: whether a container can be in it now. Before the first start of a unit its networks are not there.
is_network() {
  case $1 in
  host | none | bridge | container:* | slirp4netns* | pasta*) return 0 ;;
  esac
  "$engine" network inspect "$1" >/dev/null 2>&1
}

# try SERVICE DIRECTORY IMAGE COMMAND NETWORKS PROGRAM OPTION... : COMMAND is what is shown of it. The variables come to the engine's
# client as systemd gives them to a unit.
try() {
  service=$1 directory=$2 image=$3 shown=$4 first='' others=''
  for network in $5; do
    is_network "$network" || continue
    if [ -z "$first" ]; then first=--network=$network; else others="$others $network"; fi
  done
  program=$6
  shift 6
  # Without its image nothing can be said, and the pull said so.
  "$engine" image inspect "$image" >/dev/null 2>&1 || return 0
  name=bayplan-check-$cluster-$service-$$
  if ! said=$(systemd-run --quiet --pipe --wait --collect -p "EnvironmentFile=$tried/etc/$service/$directory/*.env" -p RuntimeMaxSec=60 \
    -- "$program" create --name="$name" --pull=never ${first:+"$first"} "$@" 2>&1 </dev/null); then
    tell_refusal "$service" - "$shown" "$said"
    return
  fi
  for network in $others; do
    "$engine" network connect "$network" "$name" >/dev/null 2>&1
  done
  said=$(timeout 60 "$client" start --attach "$name" 2>&1 </dev/null)
  status=$?
  "$engine" rm -f -v "$name" >/dev/null 2>&1
  [ "$status" = 0 ] || tell_refusal "$service" "$status" "$shown" "$said"
}
