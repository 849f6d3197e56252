# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# Reads: engine, and what every script begins with; the functions of ours.sh.

# named_by_others NAME: whether a unit names it that is not of this cluster. A name may stand in another word: then it counts, too.
named_by_others() {
  for other in "$units"/*.service "$root"/etc/containers/systemd/*.container; do
    [ -f "$other" ] || continue
    grep -qF -- "$1" "$other" 2>/dev/null || continue
    is_ours "$other" || return 0
  done
  return 1
}

# sizes NAME...: of what is there.
sizes() {
  for name; do
    case $name in
    /*) place=$root$name ;;
    *) place=$("$engine" volume inspect --format '{{.Mountpoint}}' "$name" 2>/dev/null </dev/null) || continue ;;
    esac
    [ -d "$place" ] || continue
    whose=ours
    ! named_by_others "$name" || whose=shared
    size=$(timeout 20 du -sk -- "$place" 2>/dev/null | cut -f 1)
    printf 'data %s %s %s\n' "$whose" "${size:--}" "$name"
  done
}
