# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# Removes what nothing uses. The engine has the last word: nothing is forced, so what somebody began to use meanwhile stays.
#
# Reads: engine, and what every script begins with.

# outcome KIND ID: of the command that just ran.
outcome() {
  status=$?
  if [ "$status" -eq 0 ]; then
    printf 'gone %s %s\n' "$1" "$2"
  else
    printf 'stays %s %s %s\n' "$1" "$2" "$(printf '%s' "$said" | tr '\n' ' ' | head -c 500)"
  fi
}

remove_container() {
  said=$("$engine" container rm "$1" 2>&1 </dev/null)
  outcome container "$1"
}

remove_network() {
  said=$("$engine" network rm "$1" 2>&1 </dev/null)
  outcome network "$1"
}

# remove_image ID [TAG…]: by its tags, as long as they mean it: the last one takes the image along.
remove_image() {
  image=$1
  shift
  [ $# -gt 0 ] || set -- "$image"
  for name; do
    means=$("$engine" image inspect --format '{{.Id}}' "$name" 2>/dev/null </dev/null)
    [ "${means#sha256:}" = "$image" ] || continue
    said=$("$engine" image rm "$name" 2>&1 </dev/null) || {
      outcome image "$image"
      return
    }
  done
  if "$engine" image inspect "$image" >/dev/null 2>&1 </dev/null; then
    said='something else names it'
    false
  fi
  outcome image "$image"
}

# remember NAME...: of what was named once, only this.
remember() {
  if [ $# -eq 0 ]; then
    rm -f "$var/images"
  else
    printf '%s\n' "$@" >"$var/.images.new" && sync "$var/.images.new" && mv -T "$var/.images.new" "$var/images"
  fi 2>/dev/null
}
