# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# What goes on under the host's lock, without touching it. A session holds it as descriptor 9, an
# activation as another one.
#
# Reads: lock; the functions of lock/holder.sh.

printf 'bayplan activity 1\n'
for descriptor in /proc/[0-9]*/fd/9; do
  if holds "$descriptor"; then
    printf 'session\n'
    break
  fi
done
# A unit is called after its cluster and its activation's id. No cluster has a dot in its name; an older
# bayplan gave no id.
for link in /run/systemd/units/invocation:bayplan-activate-*.service; do
  [ -L "$link" ] || continue
  name=${link##*:bayplan-activate-}
  name=${name%.service}
  case $name in
  *.*) id=${name##*.} ;;
  *) id='' ;;
  esac
  said=/run/bayplan/activate-${name%.*}.log
  printf 'activation %s\n' "$name"
  theirs=''
  read -r _ _ _ _ theirs 2>/dev/null <"$said"
  # The log of another activation says nothing of this one.
  [ "$theirs" = "$id" ] || continue
  grep -a -m 1 '^begin ' "$said"
  # A step, and what it is in words.
  grep -a -e '^step [0-9]* start ' -e '^back [0-9]* start ' -e '^doing ' "$said" | tail -n 2
done
look_who
printf 'holder %s\n' "$who"
printf 'end\n'
