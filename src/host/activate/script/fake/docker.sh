#!/bin/sh
# A docker for tests: its containers are files, which `systemctl` beside it makes. In each is its fingerprint. Beside
# them `networks/ID`: name, options and who is in it, a line each.
fake=${0%/bin/*}
all=$*
case "$1 $*" in
'inspect '*'{{index .Config.Labels "bayplan.inputs"}}'*)
  for name; do :; done
  cat "$fake/containers/$name"
  ;;
'inspect '*'{{.State.Running}} {{.Name}} {{.Image}}'*)
  shift 5
  status=0
  for name; do
    if [ -e "$fake/containers/$name" ]; then printf 'true /%s sha256:0a1b\n' "$name"; else status=1; fi
  done
  exit "$status"
  ;;
'inspect '*'{{.State.Pid}}'*)
  for name; do :; done
  cat "$fake/pids/$name"
  ;;
'network network ls '*)
  pattern=${all##*name=}
  for file in "$fake"/networks/*; do
    [ ! -e "$file" ] || ! head -n 1 "$file" | grep -q "$pattern" || basename "$file"
  done
  ;;
'network network inspect '*)
  for id; do :; done
  sed -n 2p "$fake/networks/$id"
  ;;
'network network rm '*)
  [ -z "$(sed -n 3p "$fake/networks/$3")" ] || {
    echo "error while removing network: network $3 has active endpoints" >&2
    exit 1
  }
  rm "$fake/networks/$3"
  ;;
'ps '*--filter\ network=*)
  network=${all##*network=}
  network=${network%% *}
  for file in "$fake"/networks/*; do
    if [ "${file##*/}" = "$network" ] || [ "$(head -n 1 "$file")" = "$network" ]; then sed -n 3p "$file"; fi
  done
  ;;
'ps '*) ls "$fake/containers" ;;
'rm '*) rm "$fake/containers/$3" ;;
*)
  echo "no such command here: $*" >&2
  exit 1
  ;;
esac
