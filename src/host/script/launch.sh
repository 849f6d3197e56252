# Starts an activation as a unit of its own, which goes on when this connection ends. It takes the
# host's lock over from this session without a gap: the lock's descriptor is its standard input. What
# it says goes to a file; in /run, so that a full disk does not silence it. It is root's alone: what a
# container printed is in it. An older one, and whoever has it open, is let go.
umask 077
mkdir -p /run/bayplan && chmod 0700 /run/bayplan && rm -f "$said" && : >"$said" || exit 1
systemd-run --quiet --collect --pipe --unit="$unit" \
  --property=Description="bayplan: activation of $cluster" \
  sh "$script" 0<&9 >>"$said" 2>&1 9<&- &
client=$!
# Whoever follows it sees it from its first word on.
tries=500
until [ -s "$said" ] || [ "$tries" -eq 0 ] || ! kill -0 "$client" 2>/dev/null; do
  tries=$((tries - 1))
  sleep 0.02
done
