# Runs an activation as a unit of its own, which goes on when this connection ends. It takes the
# host's lock over from this session without a gap: the lock's descriptor is its standard input. What
# it says goes to a file beside its script, which is followed here.
: >"$said" || exit 1
systemd-run --quiet --collect --pipe --unit="$unit" \
  --property=Description="bayplan: activation of $cluster" \
  sh "$script" 0<&9 >>"$said" 2>&1 9<&- &
client=$!
# By descriptor: the file is renamed with the generation. `tail` reads once more after the client ended.
tail -n +1 -s 0.1 -f --pid="$client" "$said" 9<&-
wait "$client"
