# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# Asks registries for an image each, as root's login there does, and pulls nothing.
#
# Reads: engine client.

# ask REGISTRY REPOSITORY REFERENCE [OPTION]: in the background, since each may take its time.
ask() {
  case $engine in
  docker) words=$(timeout 30 "$client" manifest inspect ${4:+"$4"} "$3" 2>&1 >/dev/null) ;;
  podman) words=$(timeout 30 "$client" search --list-tags --limit 1 "$2" 2>&1 >/dev/null) ;;
  esac
  printf 'registry %s %s %s\n' "$?" "$1" "$(printf '%s' "$words" | tr '\n\r\t' '   ')"
}
