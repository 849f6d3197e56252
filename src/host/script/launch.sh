# Starts an activation as a unit of its own, which goes on when this connection ends. It takes the
# host's lock over from this session without a gap: the lock's descriptor is its standard input. What
# it says goes to a file that anybody may follow; in /run, so that a full disk does not silence it.
mkdir -p /run/bayplan && : >"$said" || exit 1
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
