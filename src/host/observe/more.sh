# What the first look left open: the texts of some files, and what systemd says of some units.
printf 'bayplan more 1\0'
if [ -n "$shown" ]; then
  # Before systemd 248 there is no --timestamp, and times come in whole seconds.
  answer=$(eval "systemctl show --no-pager --timestamp=us+utc -p $properties -- $shown" 2>/dev/null ||
    eval "systemctl show --no-pager -p $properties -- $shown" 2>&1)
  printf 'show %s %s\0' "$?" "$answer"
  answer=$(systemctl show --no-pager --timestamp=us+utc -p UnitsLoadTimestamp 2>/dev/null)
  printf 'loaded %s\0' "$answer"
fi
[ -z "$texts" ] || eval "stat --printf 's %f %s %.9Z %.9Y %n\\0' -- $texts"
printf 'texts\0'
[ -z "$texts" ] || eval "cat -- $texts"
printf 'end\n'
