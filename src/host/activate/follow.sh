# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# What an activation says after its first $from bytes, as it comes. It ends with the activation, and
# after two seconds, so that a session that was cut off ends soon. Status 3: it has ended, and that was
# all; 0: it goes on, or it may; 4: the log is gone, or is that of another activation.
#
# Reads: unit said id from.

running() {
  [ -L "/run/systemd/units/invocation:$unit.service" ]
}

# Before its words are read: one that has ended says nothing more.
if running; then state=0; else state=3; fi
# Opened once: whatever takes the name of the log meanwhile is not read. The first line tells whose it is.
pid='' theirs=''
command exec 3<"$said" || exit 4
read -r word _ _ pid theirs <&3
[ "$word" = begin ] && [ "$theirs" = "$id" ] || exit 4
case $pid in
'' | *[!0-9]*) pid='' ;;
esac
if [ "$pid" ] && [ "$state" = 0 ]; then
  timeout 2 tail -c "+$((from + 1))" -f -s 0.02 --pid="$pid" /dev/fd/3 2>/dev/null
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
[ "$state" = 3 ] || sleep 0.1
tail -c "+$((from + 1))" /dev/fd/3 2>/dev/null
exit "$state"
