# What goes on under the host's lock, without touching it. A session holds it as descriptor 9, an
# activation as another one.
printf 'bayplan activity 1\n'
for descriptor in /proc/[0-9]*/fd/9; do
  if holds "$descriptor"; then
    printf 'session\n'
    break
  fi
done
for link in /run/systemd/units/invocation:bayplan-activate-*.service; do
  [ -L "$link" ] || continue
  name=${link##*:bayplan-activate-}
  name=${name%.service}
  said=/run/bayplan/activate-$name.log
  printf 'activation %s\n' "$name"
  grep -a -m 1 '^begin ' "$said"
  grep -a -e '^step [0-9]* start ' -e '^back [0-9]* start ' "$said" | tail -n 1
done
look_who
printf 'holder %s\n' "$who"
printf 'end\n'
