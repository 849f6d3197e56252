# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# What a cluster has on a host beside what its units run, and what of the host uses it. Nothing is changed.
#
# Each answer is a line: its kind, then words without blanks, or JSON that has no line breaks. Of a cluster that is to go
# (`wanted` is `all`) also its units, with their text.
#
# Reads: engine wanted, and what every script begins with; the functions of ours.sh.

# told COMMAND...: what it says; a question that fails ends the look.
told() {
  said=$("$@" 2>&1 </dev/null) && return 0
  # shellcheck disable=SC2016 # these are no commands
  printf 'problem `%s` failed: %s\n' "$*" "$(printf '%s' "$said" | tr '\n' ' ' | head -c 500)"
  printf 'end\n'
  exit 0
}

# each_told TRIES FORMAT COMMAND...: a line for each that the command lists. One that goes in between is no failure: all of it is asked again.
each_told() {
  tries=$1 format=$2 kind=$3
  shift 3
  told "$engine" "$kind" ls "$@" --quiet --no-trunc
  [ -n "$said" ] || return 0
  ids=$(printf '%s\n' "$said" | sort -u)
  # shellcheck disable=SC2086 # ids have no blanks
  if lines=$("$engine" "$kind" inspect --format "$format" $ids 2>/dev/null </dev/null); then
    printf '%s\n' "$lines"
  elif [ "$tries" -gt 1 ]; then
    each_told "$((tries - 1))" "$format" "$kind" "$@"
  else
    # shellcheck disable=SC2086
    told "$engine" "$kind" inspect --format "$format" $ids
    printf '%s\n' "$said"
  fi
}

tell_engine() {
  each_told 3 'container ["{{.Id}}",{{json .Image}},{{json .Name}},{{json .State.Status}},{{json (index .Config.Labels "bayplan.cluster")}},{{json .Mounts}},{{json .NetworkSettings.Networks}}]' \
    container --all
  each_told 3 'image ["{{.Id}}",{{json .Size}},{{json .RepoTags}},{{json .RepoDigests}}]' image
  told "$engine" network ls --no-trunc --filter "label=bayplan.cluster=$cluster" --format '{{.ID}} {{.Name}}'
  [ -z "$said" ] || printf '%s\n' "$said" | while read -r id name; do
    wanted_by=nobody
    for unit in "$units/$cluster"-*.service; do
      if grep -qF -- "$name" "$unit" 2>/dev/null; then wanted_by=units; fi
    done
    printf 'network %s %s %s\n' "$id" "$name" "$wanted_by"
  done
}

# tell_generations: which images generations, what was pushed, and inputs of units name, whoever's they are; and which ours named once.
tell_generations() {
  for one in "$root"/var/lib/bayplan/*/generations/* "$root"/var/lib/bayplan/*/staging/*; do
    [ -d "$one" ] || continue
    owner=${one#"$root/var/lib/bayplan/"}
    owner=${owner%%/*}
    case $one in
    # What a release left that failed is of no use. Under the lock none is at work.
    */staging/*) [ -e "$root/var/lib/bayplan/$owner/pushed.json" ] || continue ;;
    esac
    sed -n "s/^ *\"image\": \"\([^\" ]*\)\",\{0,1\}\$/keeps $owner \1/p" "$one/manifest.json"
    sed -n 's/.*"images":{\([^{}]*\)}.*/\1/p' "$one/record.json" | tr ',' '\n' |
      sed -n "s/^\"[^\"]*\":\"\([^\" ]*\)\"\$/keeps $owner \1/p"
  done
  for one in "$root"/etc/bayplan/*; do
    [ -d "$one" ] || continue
    sed -n "s/^IMAGE=\"\{0,1\}\([^\" ]*\)\"\{0,1\}\$/keeps ${one##*/} \1/p" "$one"/*/*/*.env
  done
  sed -n 's/^[^ ]*$/once &/p' "$var/images"
} 2>/dev/null

# tell_text FILE
tell_text() {
  printf 'text %s\n' "$(wc -c <"$1")"
  cat "$1"
  printf '\n'
}

tell_files() {
  printf 'files %s %s\n' "$(du -sk "$1" 2>/dev/null | cut -f 1)" "$1"
}

tell_cluster() {
  others=''
  for one in "$units/$cluster"-*.service "$units/$cluster"-*.timer; do
    is_ours "$one" || continue
    printf 'unit %s\n' "${one##*/}"
    tell_text "$one"
  done
  for one in "$var"/generations/*/units/*.service; do
    [ ! -f "$one" ] || tell_text "$one"
  done
  for one in "$etc" "$var"; do
    [ ! -d "$one" ] || tell_files "$one"
  done
  # What all clusters share goes with the last one.
  for one in "${etc%/*}"/* "${var%/*}"/*; do
    [ ! -d "$one" ] || [ "$one" = "$etc" ] || [ "$one" = "$var" ] || others=1
  done
  if [ -z "$others" ] && [ ! -d "$var" ]; then
    for one in "${etc%/*}" "${var%/*}" "$root/run/bayplan"; do
      [ ! -d "$one" ] || tell_files "$one"
    done
  fi
  for one in "$var"/generations/*; do
    [ ! -d "$one" ] || printf 'generation %s\n' "${one##*/}"
  done
}

printf 'bayplan belongings 1\n'
if [ "$supervisor" = systemd ]; then
  tell_engine
  told systemctl list-units --full --plain --no-legend --no-pager \
    --state=active,activating,deactivating,reloading "$cluster-*.service" "$cluster-*.timer"
  [ -z "$said" ] || printf '%s\n' "$said" | while read -r name _; do printf 'active %s\n' "$name"; done
fi
tell_generations
[ "$wanted" != all ] || tell_cluster
printf 'end\n'
