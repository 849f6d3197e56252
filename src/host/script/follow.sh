# What an activation says after its first $from bytes, as it comes. It ends with the activation, and
# after two seconds, so that a session that was cut off ends soon. Status 3: it has ended, and that was
# all; 0: it goes on, or it may.
running() {
  [ -L "/run/systemd/units/invocation:$unit.service" ]
}

# The first line tells its process.
pid=''
read -r _ _ _ pid 2>/dev/null <"$said"
case $pid in
'' | *[!0-9]*) pid='' ;;
esac
if [ "$pid" ] && running; then
  timeout 2 tail -c "+$((from + 1))" -f -s 0.02 --pid="$pid" "$said" 2>/dev/null
  # It may have ended just when the time was over, with words that nobody read.
  [ $? != 124 ] || exit 0
  # systemd notices its end a moment later.
  tries=100
  while running; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || exit 0
    sleep 0.01
  done
  exit 3
fi
# Before its words are read: one that has ended says nothing more.
if running; then
  sleep 0.1
  state=0
else
  state=3
fi
tail -c "+$((from + 1))" "$said" 2>/dev/null
exit "$state"
