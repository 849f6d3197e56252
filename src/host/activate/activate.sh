# What each step does. A step tells on stdout `step <n> start <call>` and, in words, `doing <what>`, then
# `done`, `skipped` or `failed`; before `failed` come lines of `error`, and of a unit's `state` and `journal`. A step that
# was done before does no harm. The first one that fails ends the script, after what had changed was
# put back: that is told in the same way, with `back` for `step`.

# Standard input may be the lock of the host: it is kept, and no command reads from it.
exec 8<&0 </dev/null
# What cannot tell what it does does nothing.
printf 'begin %s %s %s %s\n' "$steps" "$(date +%s)" "$$" "$id" || exit 1
set -u
started='' why='' unhappy='' made=false
newline='
'

# each_line WORD TEXT: the text, every line led by the word.
each_line() {
  printf '%s\n' "$2" | while IFS= read -r line || [ -n "$line" ]; do printf '%s %s\n' "$1" "$line"; done
}

fail() {
  each_line error "$*"
  [ -n "$why" ] || why=$*
  return 1
}

# run COMMAND...: nothing is said unless it fails.
run() {
  said=$("$@" 2>&1 8<&-) && return 0
  status=$?
  fail "\`$*\` failed with status $status${said:+: $said}"
}

# act KIND NUMBER FUNCTION ARGUMENT...
act() {
  kind=$1 number=$2
  shift 2
  printf '%s %s start %s\n' "$kind" "$number" "$*"
  printf 'doing %s\n' "$doing"
  if [ "$supervisor" = none ]; then
    case $1 in
    reload | stop_unit | restart_* | ask_probe | await_healthy | name_image)
      printf '%s %s skipped\n' "$kind" "$number"
      return
      ;;
    esac
  fi
  if "$@"; then
    printf '%s %s done\n' "$kind" "$number"
  else
    printf '%s %s failed\n' "$kind" "$number"
    return 1
  fi
}

# step NUMBER FUNCTION ARGUMENT...
step() {
  act step "$@" && return
  failed_at=$number
  put_back
}

# back NUMBER FROM FUNCTION ARGUMENT...: done only if the activation had begun its step FROM. One that fails
# does not keep the others from going back; but then nothing is removed that may still be named.
back() {
  back=$1 from=$2
  shift 2
  [ "$failed_at" -ge "$from" ] || return 0
  case $unhappy$1 in
  1remove_inputs) return 0 ;;
  esac
  act back "$back" "$@" || unhappy=1
}

# leave: it ends here, and failed.
leave() {
  note failed
  exit 1
}

# go_back NUMBER: from now on files come from a generation that is whole.
go_back() {
  source=$var/generations/$1
  said=$({ cd "$source" && sha256sum -c --quiet digests; } 2>&1) || {
    fail "expected a whole generation in $source: $said"
    leave
  }
}

# was_put_back
was_put_back() {
  [ -z "$unhappy" ] || leave
  note 'put back'
  printf 'put back\n'
  exit 1
}

# note RESULT: with the first thing that went wrong, as the inside of a JSON string.
note() {
  note_history "$1" "$(printf '%s' "$why" | tr -c '[:print:]' ' ' | tr -d '\\"' | head -c 300)"
}

# finish RESULT: every step was done.
finish() {
  note_history "$1" ''
  printf 'end\n'
}

# there DIRECTORY: makes it where it is not.
there() {
  [ -d "$1" ] || run mkdir -p "$1"
}

# absent PATH...: nothing has these names afterwards.
absent() {
  for name_; do
    if [ -e "$name_" ] || [ -L "$name_" ]; then run rm -rf "$name_" || return 1; fi
  done
}

# write FILE LINE: by a program that says why it failed; the shell's own does not.
write() {
  said=$(printf '%s\n' "$2" | { cat >"$1"; } 2>&1) || fail "may not write $1: ${said#cat: }"
}

# flush DIRECTORY: every file and directory in it is on the disk. Nothing may follow the recursion
# that needs `entry`.
flush() {
  for entry in "$1"/*; do
    [ ! -d "$entry" ] || flush "$entry" || return 1
  done
  set -- "$1" "$1"/*
  # A pattern that matches nothing stays as it is: the last service of a host may have left.
  [ -e "$2" ] || set -- "$1"
  run sync "$@"
}

# begin_flush: the staged generation is on the disk by the time it is needed there. The lock is not for it.
flusher=''
begin_flush() {
  [ -d "$staged" ] || return 0
  flush "$staged" >/dev/null 2>&1 8<&- &
  flusher=$!
}

# flush_staged: the same, to its end, with what was written since.
flush_staged() {
  if [ -n "$flusher" ] && wait "$flusher"; then
    set -- "$staged/record.json" "$staged"
    [ ! -f "$staged/did" ] || set -- "$staged/did" "$@"
    run sync "$@"
  else
    flush "$staged"
  fi
}

# ours FILE: whether it is a unit of this cluster, or none.
ours() {
  [ -e "$1" ] || [ -L "$1" ] || return 0
  if [ -f "$1" ] && [ ! -L "$1" ]; then
    case $(cat "$1")$newline in
    *"${newline}[X-Bayplan]$newline"*"Cluster=$cluster$newline"*) return 0 ;;
    esac
  fi
  fail "$1 is not a unit of $cluster; it is left alone"
}

# place_inputs SERVICE DIRECTORY: a directory of this name is complete, since it got its name last.
place_inputs() {
  to=$etc/$1/$2 new=$etc/$1/.new-$2
  if [ -d "$to" ] && [ ! -L "$to" ]; then return 0; fi
  there "$etc/$1" && absent "$new" "$to" && run cp -R "$source/inputs/$1/$2" "$new" &&
    make_secrets "$1" "$2" "$new" && flush "$new" && run mv -T "$new" "$to" && run sync "$etc/$1" "$etc" &&
    wrote "$1"
}

# make_secrets SERVICE DIRECTORY NEW: in a copy of a staged inputs directory, what is made of secrets in
# place of the ciphertexts. Only root enters it from then on. If anything fails nothing of it is left.
make_secrets() {
  [ -f "$3/.sealed" ] || return 0
  run chmod 0700 "$3" && run rm -f "$3/.sealed" && run touch "$3/.secrets" && run chmod 0600 "$3/.secrets" &&
    make_each "$1" "$2" "$3" && run sync "$3/.secrets" && return 0
  rm -rf "$3"
  return 1
}

make_each() {
  while read -r sealed stands mode path <&3; do
    run rm -f "$3/$path.age" && make_secret "$1" "$2" "$path" "$3/$path" && note_secret "$3" || return 1
  done 3<"$source/inputs/$1/$2/.sealed"
  delivered=$etc/$1/.secrets-$2
  [ ! -d "$delivered" ] || run rm -rf "$delivered"
}

# make_secret SERVICE DIRECTORY PATH TO: one file, from its ciphertext or from what was delivered
# beside its place. Leaves its digest in `found`. `sealed`, `stands` and `mode` are of the list.
make_secret() {
  run mkdir -p "${4%/*}" || return 1
  if [ "$sealed" = - ]; then
    run cp "$etc/$1/.secrets-$2/$3" "$4" || return 1
  else
    [ -n "$keys" ] || host_keys
    run open_sealed "$source/inputs/$1/$2/$3.age" "$4" || {
      rm -f "$4"
      return 1
    }
  fi
  run chmod "$mode" "$4" || return 1
  found=$(sha256sum <"$4") || return 1
  found=${found%% *}
}

# note_secret DIRECTORY: the digest of the file that was made, and the digest that stands for it.
note_secret() {
  said=$(printf '%s %s %s\n' "$found" "$stands" "$path" | { cat >>"$1/.secrets"; } 2>&1) ||
    fail "may not write $1/.secrets: ${said#cat: }"
}

# remake_secret SERVICE DIRECTORY FILE: a file of secrets in a directory that is there.
remake_secret() {
  to=$etc/$1/$2 target=$etc/$1/$2/$3 new=$etc/$1/.new-file
  list=$source/inputs/$1/$2/.sealed
  path=$3
  while read -r sealed stands mode listed <&3; do
    [ "$listed" != "$path" ] || break
  done 3<"$list"
  [ "$listed" = "$path" ] || fail "expected $path in $list, found none" || return 1
  run chmod 0700 "$to" && run mkdir -p "${target%/*}" || return 1
  # Root's alone while it is made, whatever the mode that it gets.
  run rm -rf "$new" && (umask 077 && mkdir "$new") && make_secret "$1" "$2" "$path" "$new/file" &&
    run sync "$new/file" || {
    rm -rf "$new"
    return 1
  }
  (umask 077 && touch "$to/.secrets") && kept=$(grep -v " $path\$" "$to/.secrets")
  write "$to/.secrets" "$kept" && note_secret "$to" && run sync "$to/.secrets" || return 1
  if [ -d "$target" ] && [ ! -L "$target" ]; then run rm -rf "$target" || return 1; fi
  run mv -T "$new/file" "$target" && run rm -rf "$new" && run sync "$to"
}

# wrote SERVICE: files of it, because they were changed by hand, or since the description was.
wrote() {
  case $mends in
  *" $1 "*) did mended "$1" ;;
  *) did written "$1" ;;
  esac
}

# write_input SERVICE DIRECTORY FILE: one file of a directory that is there.
write_input() {
  did mended "$1"
  case $3 in
  40-secrets.env | secret-files/*)
    remake_secret "$@"
    return
    ;;
  esac
  to=$etc/$1/$2/$3 new=$etc/$1/.new-file
  if [ -d "$to" ] && [ ! -L "$to" ]; then run rm -rf "$to" || return 1; fi
  there "${to%/*}" && absent "$new" && run cp "$source/inputs/$1/$2/$3" "$new" &&
    run sync "$new" && run mv -T "$new" "$to" && run sync "${to%/*}"
}

# remove_input SERVICE DIRECTORY FILE: a file or directory that does not belong there.
remove_input() {
  did mended "$1"
  run rm -rf "$etc/$1/$2/$3"
}

# mark_edited SERVICE DIRECTORY: the mark is newer than any process that runs now. A hand may have
# removed the directory meanwhile; then there is nothing to mark.
mark_edited() {
  [ -d "$etc/$1/$2" ] || return 0
  run touch "$etc/$1/$2/.edited" && run sync "$etc/$1/$2"
}

# write_unit UNIT: systemd reads no file whose name does not end like a unit's.
write_unit() {
  to=$units/$1.service new=$units/.$1.service.bayplan-new
  there "$units" && ours "$to" && absent "$new" && run cp "$source/units/$1.service" "$new" &&
    run sync "$new" && run mv -T "$new" "$to" && run sync "$units" && wrote "${1#"$cluster"-}"
}

# unlink_unit UNIT: as `systemctl --no-reload disable`, also if its file is gone.
unlink_unit() {
  for link in "$units"/*.wants/"$1.service" "$units"/*.requires/"$1.service"; do
    [ ! -L "$link" ] || run rm -f "$link" || return 1
  done
}

# link_unit UNIT DIRECTORY...: as `systemctl --no-reload reenable`, where no systemctl need be.
link_unit() {
  unit=$1
  shift
  unlink_unit "$unit" || return 1
  for directory; do
    run mkdir -p "$units/$directory" &&
      run ln -s "/etc/systemd/system/$unit.service" "$units/$directory/$unit.service" || return 1
  done
}

# again COMMAND...: as `run`, of a call to systemd that does no harm twice. systemd may be executed anew at any
# moment (`systemctl daemon-reexec`, as at an upgrade of its package); who waits for its answer then gets none.
again() {
  calls=0
  until said=$("$@" 2>&1 8<&-); do
    status=$?
    calls=$((calls + 1))
    [ "$calls" -lt 5 ] && [ "$status" != 124 ] || fail "\`$*\` failed with status $status${said:+: $said}" || return 1
    sleep 1
  done
}

# ask UNIT PROPERTY,...: what systemd says of a unit, in `said`.
ask() {
  asked=0
  until said=$(systemctl show --no-pager -p "$2" "$1.service" 2>&1 8<&-); do
    asked=$((asked + 1))
    [ "$asked" -lt 100 ] || return 1
    sleep 0.2
  done
}

# await_job UNIT: waits until systemd has nothing more to do for a unit; its own limits end that.
await_job() {
  while ask "$1" Job,ActiveState,SubState; do
    case $said in
    *Job=[1-9]*) ;;
    *SubState=auto-restart*) return 0 ;;
    *ActiveState=activating* | *ActiveState=deactivating* | *ActiveState=reloading*) ;;
    *) return 0 ;;
    esac
    sleep 0.2
  done
  return 1
}

# start VERB UNIT: by `systemctl start` or `restart`, which wait until the unit says that it is healthy. It is
# the unit that failed only if systemd says so: a client that lost systemd is no answer.
start() {
  ask "$2" InvocationID || said=''
  before=$said calls=0
  while :; do
    # Else an earlier crash loop may forbid the start (start-limit-hit).
    systemctl reset-failed "$2.service" >/dev/null 2>&1
    told=$(systemctl "$1" "$2.service" 2>&1 8<&-) && return 0
    status=$?
    calls=$((calls + 1))
    case $told in
    *"ob for $2.service "* | *"Unit $2.service "*) break ;;
    esac
    [ "$calls" -lt 10 ] && await_job "$2" && state=$said && ask "$2" InvocationID || break
    # The job went on without its client, or was never begun, or failed.
    if [ "$1.$said" != "restart.$before" ]; then
      case $state in
      *ActiveState=active*) return 0 ;;
      esac
    fi
    [ "$said" = "$before" ] || break
    sleep 1
  done
  fail "\`systemctl $1 $2.service\` failed with status $status${told:+: $told}"
}

# enable_units UNIT...
enable_units() {
  again systemctl --quiet --no-reload reenable "$@" && run sync "$units" || return 1
  for unit; do
    wrote "${unit#"$cluster"-}"
  done
}

# reload: the moment is from before, so whatever is older than it was read.
reload() {
  there /run/bayplan && run touch /run/bayplan/reloading || return 1
  again timeout 120 systemctl daemon-reload || {
    [ "$status" != 124 ] || fail 'systemd took more than 120 s to reload; a slow generator in /usr/lib/systemd/system-generators is the usual cause'
    return 1
  }
  run mv -T /run/bayplan/reloading /run/bayplan/reloaded
}

# tell_unit UNIT: what its failure looks like. Of its journal, what is as old as this activation: before that
# another container ran, whose secrets may have been others.
began=$(date +%s)
tell_unit() {
  ask "$1" ActiveState,SubState,Result,ExecMainStatus,NRestarts
  each_line "state $1" "$said"
  [ "$journal" = shown ] || return 0
  said=$(journalctl --unit "$1.service" --since "@$began" --lines 20 --no-pager --output cat 2>&1)
  each_line "journal $1" "$said"
}

# stop_unit UNIT: one that systemd does not know has stopped.
stop_unit() {
  did stopped "${1#"$cluster"-}"
  calls=0
  until told=$(systemctl stop "$1.service" 2>&1 8<&-); do
    await_job "$1"
    case $said in
    *ActiveState=inactive* | *ActiveState=failed*) break ;;
    esac
    calls=$((calls + 1))
    [ "$calls" -lt 5 ] || {
      fail "$1 does not stop: $told"
      tell_unit "$1"
      return 1
    }
    sleep 1
  done
  systemctl reset-failed "$1.service" >/dev/null 2>&1
  # One that lost its client runs on without its unit.
  case $newline$("$engine" ps --filter "label=bayplan.cluster=$cluster" --format '{{.Names}}' 2>/dev/null)$newline in
  *"$newline$1$newline"*) run "$engine" rm -f "$1" ;;
  esac
}

# moment: hundredths of a second since some fixed moment, without a process.
moment() {
  read -r now rest </proc/uptime
  now=${now%.*}${now#*.}
}

# restart_unit UNIT: starts a stopped one.
restart_unit() {
  case $kind$starts in
  step*" ${1#"$cluster"-} "*) did started "${1#"$cluster"-}" ;;
  *) did restarted "${1#"$cluster"-}" ;;
  esac
  forget "$1"
  start restart "$1" || {
    tell_unit "$1"
    return 1
  }
  watch "$1"
  containers='' recorded=''
}

# watch UNIT: from now on it has to stay the same start.
watch() {
  moment
  restarted=$now
  started="$started$(invocation "$1")$newline"
}

# forget UNIT: whatever start of it was watched.
forget() {
  rest_=$started started=''
  while [ -n "$rest_" ]; do
    line_=${rest_%%"$newline"*}
    rest_=${rest_#*"$newline"}
    case $line_ in
    "$1 "*) ;;
    *) started=$started$line_$newline ;;
    esac
  done
}

# restart_unless UNIT FINGERPRINT: restarts it unless its container carries this fingerprint.
restart_unless() {
  label=$("$engine" inspect --type container --format '{{index .Config.Labels "bayplan.inputs"}}' "$1" 2>/dev/null)
  if [ "$label" = "$2" ]; then
    # Where systemd started it by itself, that start counts; it may still be under way.
    forget "$1"
    containers='' recorded=''
    start start "$1" >/dev/null && return
  fi
  restart_unit "$1"
}

# restart_unjudged UNIT: it was not well before, so nobody waits until it is.
restart_unjudged() {
  did restarted "${1#"$cluster"-}"
  systemctl reset-failed "$1.service" >/dev/null 2>&1
  again systemctl --no-block restart "$1.service"
}

# ask_probe UNIT COMMAND...: what the unit does from now on to find out whether it is healthy, asked of the
# container that runs.
ask_probe() {
  probed=$1
  shift
  ask "$probed" MainPID
  said=$(MAINPID=${said#MainPID=} "$@" 2>&1 8<&-) && return
  fail "$probed runs, but does not pass its new health check${said:+: $said}"
  tell_unit "$probed"
  return 1
}

# name_image ID REFERENCE: what the reference meant before the pull.
name_image() {
  run "$engine" tag "$1" "$2"
}

# invocation UNIT: which start of the unit is running, after how many restarts by systemd. A unit
# that crashed keeps its invocation until systemd starts it again, so its state is told, too.
invocation() {
  ask "$1" ActiveState,InvocationID,NRestarts
  # shellcheck disable=SC2086 # one line of it
  echo "$1" $said
}

# wait_active UNIT: one that is still starting gets until $tries is used up.
wait_active() {
  while :; do
    ask "$1" ActiveState,SubState
    case $said in
    *ActiveState=active*) return 0 ;;
    *SubState=auto-restart*) return 1 ;;
    *ActiveState=activating* | *ActiveState=deactivating* | *ActiveState=reloading*) ;;
    *) return 1 ;;
    esac
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 0.2
  done
}

# unwell UNIT REASON
unwell() {
  fail "$1 $2"
  tell_unit "$1"
  return 1
}

# await_healthy UNIT...: active, with a container, and still the same start $settle hundredths of a
# second after the last one became active. Waits for what is under way for $patience tenths of a second.
await_healthy() {
  tries=$((patience / 2))
  for unit; do
    wait_active "$unit" || unwell "$unit" 'did not become active' || return 1
    # One that this script did not start is watched from now on.
    case $newline$started in
    *"$newline$unit "*) ;;
    *) watch "$unit" ;;
    esac
  done
  for unit; do
    # The engine's client is the unit's process; the container comes a little later. It ends the
    # client when it ends, so from then on the unit tells.
    until container_runs "$unit"; do
      stays_active "$unit" || break
      tries=$((tries - 1))
      [ "$tries" -gt 0 ] || unwell "$unit" 'has no running container' || return 1
      sleep 0.2
    done
  done
  # In the time that has to pass anyway.
  recorded=$(images)
  moment
  left=$((settle - (now - restarted)))
  if [ "$left" -gt 0 ]; then
    hundredths=$((left % 100))
    [ "$hundredths" -gt 9 ] || hundredths=0$hundredths
    sleep "$((left / 100)).$hundredths"
  fi
  for unit; do
    stays_active "$unit" ||
      unwell "$unit" "did not stay active for $((settle / 100)).$((settle % 100 / 10)) s" || return 1
  done
}

# stays_active UNIT
stays_active() {
  case $newline$started in
  *"$newline$(invocation "$1")$newline"*) return 0 ;;
  esac
  return 1
}

# inspect: of every container that a unit of the cluster may have, whether it runs, its name and its
# image's id, in `containers`. A unit without one is told by an error that says nothing of the others.
containers=''
inspect() {
  set --
  for name_ in "$units/$cluster"-*.service; do
    name_=${name_##*/}
    set -- "$@" "${name_%.service}"
  done
  containers=$("$engine" inspect --type container --format '{{.State.Running}} {{.Name}} {{.Image}}' "$@" 2>/dev/null)
}

# container_runs UNIT: all are asked for at once, and again only if this one is missing.
container_runs() {
  is_running "$1" && return
  inspect || [ -n "$containers" ] || said=$("$engine" ps 2>&1) || {
    fail "\`$engine ps\` failed: $said"
    tries=0
    return 1
  }
  is_running "$1"
}

# is_running UNIT: docker writes a slash before the name, podman none.
is_running() {
  case $newline$containers in
  *"${newline}true $1 "* | *"${newline}true /$1 "*) return 0 ;;
  esac
  return 1
}

# remove_unit UNIT
remove_unit() {
  to=$units/$1.service
  ours "$to" && unlink_unit "$1" && run rm -f "$to" && run sync "$units" && did removed "${1#"$cluster"-}"
}

# images: the ids of the images that the cluster's containers run, as members of JSON.
recorded=''
images() {
  [ "$supervisor" = systemd ] || return 0
  # Those that were just seen are not asked for again.
  [ -n "$containers" ] || inspect
  comma=''
  printf '%s\n' "$containers" | while read -r running name id; do
    name=${name#/}
    case $running$name$id in
    *[!a-z0-9:-]*) ;;
    "true$cluster"-*)
      printf '%s"%s":"%s"' "$comma" "${name#"$cluster"-}" "$id"
      comma=,
      ;;
    esac
  done
}

# set_current NUMBER: the staged generation gets its number, and `current` names it.
set_current() {
  generation=$var/generations/$1
  if [ -d "$staged" ]; then
    [ ! -e "$generation" ] || fail "$generation is there already" || return 1
    [ -n "$recorded" ] || recorded=$(images)
    write "$staged/record.json" "$record,\"result\":\"done\",\"finished\":\"$(date +%Y-%m-%dT%H:%M:%SZ)\",\"images\":{$recorded}}" || return 1
    there "$var/generations" && flush_staged && run mv -T "$staged" "$generation" && run sync "$var/generations" || return 1
    source=$generation
  fi
  [ -d "$generation" ] || fail "$generation is not there" || return 1
  if [ -e "$var/current" ] && [ ! -L "$var/current" ]; then
    saved=$var/current.saved-$(date +%Y%m%d-%H%M%S)
    run mv -T "$var/current" "$saved" || return 1
    printf 'note %s was not a link; it is now %s\n' "$var/current" "$saved"
  fi
  absent "$var/.current.new" && run ln -s "generations/$1" "$var/.current.new" &&
    run mv -T "$var/.current.new" "$var/current" && run sync "$var" || return 1
  made=true
  note_history 'done' ''
}

# remove_inputs SERVICE NAME...: under another name first, so that no half of one keeps its name.
remove_inputs() {
  service=$1
  shift
  for name; do
    if [ -d "$etc/$service/$name" ] && [ ! -L "$etc/$service/$name" ]; then
      run rm -rf "$etc/$service/.old" && run mv -T "$etc/$service/$name" "$etc/$service/.old" &&
        run rm -rf "$etc/$service/.old" || return 1
    else
      run rm -f "$etc/$service/$name" || return 1
    fi
  done
  # What is empty goes, up to the directory of all clusters.
  rmdir "$etc"/* 2>/dev/null
  rmdir "$etc" "${etc%/*}" 2>/dev/null
  [ -e "$units/$cluster-$service.service" ] || did removed "$service"
  return 0
}

# remove_generations NUMBER...
remove_generations() {
  for number_; do
    # shellcheck disable=SC3013 # dash, bash and busybox have it
    [ ! "$var/current" -ef "$var/generations/$number_" ] ||
      fail "generation $number_ is the current one" || return 1
    run rm -rf "$var/generations/$number_" || return 1
  done
}

source=$staged
[ -d "$source" ] || source=$numbered
[ -d "$source" ] || {
  fail "expected the files of this activation in $staged or $numbered, found neither"
  exit 1
}
# What a script that was killed left beside the units.
for left in "$units/.$cluster-"*.service.bayplan-new; do
  [ ! -e "$left" ] || rm -f "$left"
done
begin_flush
