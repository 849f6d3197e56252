# What an activation said after its first $from bytes. Waits two seconds at most for something new,
# so that a session that was cut off ends soon. The first line tells whether it still runs.
tries=20
while :; do
  # Before its words are read: one that has ended says nothing more.
  if [ -L "/run/systemd/units/invocation:$unit.service" ]; then state=running; else state=ended; fi
  words=$(tail -c "+$((from + 1))" "$said" 2>/dev/null && printf x)
  if [ "$words" != x ] || [ "$state" = ended ] || [ "$tries" -eq 0 ]; then break; fi
  tries=$((tries - 1))
  sleep 0.1
done
printf '%s\n%s' "$state" "${words%x}"
