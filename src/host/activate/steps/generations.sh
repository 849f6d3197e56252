# shellcheck shell=sh disable=SC2154,SC2034 # its globals are shared with the files beside it
# Generations: the staged one gets its number, and old ones go.
#
# Reads: staged var; record, the beginning of its record.json; recorded, of `images`.
# Sets: source, made.
# Sets, for itself: flusher, the process that flushes the staged generation; generation saved.

flusher=''

# begin_flush: the staged generation is on the disk by the time it is needed there. The lock is not for it.
begin_flush() {
  [ -d "$staged" ] || return 0
  flush "$staged" >/dev/null 2>&1 8<&- &
  flusher=$!
}

# flush_staged: the same, to its end, with what was written since.
flush_staged() {
  if [ -n "$flusher" ] && wait "$flusher"; then
    set -- "$staged/record.json" "$staged"
    [ ! -f "$staged/did" ] || set -- "$staged/did" "$@"
    run sync "$@"
  else
    flush "$staged"
  fi
}

# set_current NUMBER: the staged generation gets its number, and `current` names it.
set_current() {
  generation=$var/generations/$1
  if [ -d "$staged" ]; then
    [ ! -e "$generation" ] || fail "$generation is there already" || return 1
    [ -n "$recorded" ] || recorded=$(images)
    write "$staged/record.json" "$record,\"result\":\"done\",\"finished\":\"$(date +%Y-%m-%dT%H:%M:%SZ)\",\"images\":{$recorded}}" || return 1
    there "$var/generations" && flush_staged && run mv -T "$staged" "$generation" && run sync "$var/generations" || return 1
    source=$generation
  fi
  [ -d "$generation" ] || fail "$generation is not there" || return 1
  if [ -e "$var/current" ] && [ ! -L "$var/current" ]; then
    saved=$var/current.saved-$(date +%Y%m%d-%H%M%S)
    run mv -T "$var/current" "$saved" || return 1
    printf 'note %s was not a link; it is now %s\n' "$var/current" "$saved"
  fi
  absent "$var/.current.new" && run ln -s "generations/$1" "$var/.current.new" &&
    run mv -T "$var/.current.new" "$var/current" && run sync "$var" || return 1
  made=true
  note_history 'done' ''
}

# note_images GENERATION: which images it names, for `bayplan prune`: once it is gone, nobody else knows whose they are. On a full
# disk that is not worth a failure.
note_images() {
  {
    {
      sed -n 's/^ *"image": "\([^" ]*\)",\{0,1\}$/\1/p' "$1/manifest.json"
      sed -n 's/.*"images":{\([^{}]*\)}.*/\1/p' "$1/record.json" | tr ',' '\n' | sed -n 's/^"[^"]*":"\([^" ]*\)"$/\1/p'
      cat "$var/images"
    } | sort -u >"$var/.images.new" && sync "$var/.images.new" && mv -T "$var/.images.new" "$var/images"
  } 2>/dev/null || rm -f "$var/.images.new"
}

# remove_generations NUMBER...
remove_generations() {
  for number_; do
    # shellcheck disable=SC3013 # dash, bash and busybox have it
    [ ! "$var/current" -ef "$var/generations/$number_" ] ||
      fail "generation $number_ is the current one" || return 1
    [ ! -d "$var/generations/$number_" ] || note_images "$var/generations/$number_"
    run rm -rf "$var/generations/$number_" || return 1
  done
}
