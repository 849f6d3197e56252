# shellcheck shell=sh disable=SC2154,SC2034 # its globals are shared with the files beside it
# Networks that units make. Only those are removed that carry this cluster's label, and none that somebody is in: the
# engine sees to that, and `--force` is never said.
#
# Reads: cluster engine; said, of `run`.
# Sets, for itself: ids id pattern tries inside.

# own_networks NAME: the ids of this cluster's networks of that name, in `ids`. The engine reads a pattern.
own_networks() {
  pattern=$(printf '%s' "$1" | sed 's/[.]/[.]/g')
  run "$engine" network ls --quiet --no-trunc --filter "label=bayplan.cluster=$cluster" --filter "name=^$pattern\$" ||
    return 1
  ids=$said
}

# unmake NETWORK: a container that was stopped may take a moment to leave it.
unmake() {
  tries=0
  until said=$("$engine" network rm "$1" 2>&1 8<&-); do
    "$engine" network inspect "$1" >/dev/null 2>&1 || return 0
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || return 1
    sleep 0.2
  done
}

# who_is_in NETWORK: the names of containers, also of those that do not run.
who_is_in() {
  "$engine" ps --all --filter "network=$1" --format '{{.Names}}' 2>/dev/null | tr '\n' ' '
}

# remake_network NAME OPTIONS: it goes if it has other options. The units that use it make it.
remake_network() {
  own_networks "$1" || return 1
  for id in $ids; do
    run "$engine" network inspect --format '{{index .Labels "bayplan.network"}}' "$id" || return 1
    [ "$said" != "$2" ] || continue
    unmake "$id" || {
      inside=$(who_is_in "$1")
      fail "the network $1 cannot be made anew${inside:+ while these are in it: $inside}: $said"
      return 1
    }
  done
}

# remove_network NAME: one that somebody is in stays.
remove_network() {
  own_networks "$1" || return 1
  for id in $ids; do
    unmake "$id" || [ -n "$(who_is_in "$1")" ] || {
      fail "the network $1 cannot be removed: $said"
      return 1
    }
  done
}
