# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# Starts an activation as a unit of its own, which goes on when this connection ends. It takes the
# host's lock over from this session without a gap: the lock's descriptor is its standard input. What
# it says goes to a file; in /run, so that a full disk does not silence it. It is root's alone: what a
# container printed is in it. Its first line has the activation's id. Says `launched`, or `failed` and
# why, or `unknown`.
#
# Reads: said cluster id unit script.

refuse() {
  printf 'failed\n%s\n' "$1"
  exit 1
}

# A file of its own: whoever still follows the one before reads that one to its end.
umask 077
why=$({ mkdir -p /run/bayplan && chmod 0700 /run/bayplan && true >"$said.new" && mv -T "$said.new" "$said"; } 2>&1) ||
  refuse "may not write $said: $why"

# begun: whether it has said its first word.
begun() {
  theirs=''
  read -r _ _ _ _ theirs 2>/dev/null <"$said"
  [ "$theirs" = "$id" ]
}

# there: whether systemd knows of it, or may: one that is executed anew does not answer for a moment.
there() {
  case $(systemctl show -p LoadState "$unit.service" 2>&1) in
  LoadState=not-found) return 1 ;;
  esac
}

launches=0 tries=2000
while :; do
  launches=$((launches + 1))
  systemd-run --quiet --collect --pipe --unit="$unit.service" \
    --property=Description="bayplan: activation of $cluster" \
    sh "$script" 0<&9 >>"$said" 2>&1 9<&- &
  client=$!
  until begun; do
    if ! kill -0 "$client" 2>/dev/null && ! there; then break; fi
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || {
      printf 'unknown\n'
      exit 1
    }
    sleep 0.02
  done
  ! begun || break
  wait "$client"
  status=$?
  # The client may have lost systemd while that was executed anew: then nothing was started.
  why=$(head -c 1000 "$said")
  [ "$launches" -lt 3 ] || refuse "expected an activation to begin, but \`systemd-run\` ended with status $status: \
${why:-nothing is in $said; is there room in /run?}"
  true >"$said"
  sleep 1
done
printf 'launched\n'
