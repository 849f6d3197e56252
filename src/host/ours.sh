# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# Whose a unit file is.
#
# Reads: what every script begins with. Sets: newline.

newline='
'

# is_ours FILE: whether it is a unit of this cluster.
is_ours() {
  [ -f "$1" ] && [ ! -L "$1" ] || return 1
  case $(cat "$1")$newline in
  *"${newline}[X-Bayplan]$newline"*"Cluster=$cluster$newline"*) return 0 ;;
  esac
  return 1
}
