# shellcheck shell=sh disable=SC2154,SC2034 # its globals are shared with the files beside it
# How an activation goes from step to step, and what it tells of that. Each step is a call of a function of
# steps/. A step tells on stdout `step <n> start <call>` and, in words, `doing <what>`, then `done`, `skipped` or
# `failed`; before `failed` come lines of `error`, and of a unit's `state` and `journal`. A step that was done
# before does no harm. The first one that fails ends the script, after what had changed was put back: that is
# told in the same way, with `back` for `step`.
#
# Reads, from the script's first lines: steps id supervisor var units cluster staged deadline
#   numbered; doing, before each step.
# Sets, for all: newline; source, the directory that files come from; kind and number, of the step that runs;
#   said and status, of the command that ran last; why, the first thing that went wrong; failed_at, the step that
#   failed; unhappy, if a step back failed; made, whether the generation is current; deadline_at, when starts are late.

why='' unhappy='' made=false deadline_at=0
newline='
'

# begin: once, before the first step.
begin() {
  # Standard input may be the lock of the host: it is kept, and no command reads from it.
  exec 8<&0 </dev/null
  # What cannot tell what it does does nothing.
  printf 'begin %s %s %s %s\n' "$steps" "$(date +%s)" "$$" "$id" || exit 1
  set -u
  source=$staged
  [ -d "$source" ] || source=$numbered
  [ -d "$source" ] || {
    fail "expected the files of this activation in $staged or $numbered, found neither"
    exit 1
  }
  [ "$deadline" -eq 0 ] || {
    moment
    deadline_at=$((now + deadline))
  }
  # What a script that was killed left beside the units.
  for left in "$units/.$cluster-"*.bayplan-new; do
    [ ! -e "$left" ] || rm -f "$left"
  done
  begin_flush
}

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
    reload | reload_service | flip_slot | take_over | wake_slot | keep_slot | drain_slot | end_slot | stop_unit | drop_timer | start_timer | stop_timer | await_run | restart_* | run_once | ask_probe | await_healthy | name_image | *_network)
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
  1remove_inputs | 1clean_live) return 0 ;;
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

# did_unit WORD UNIT: as `did`, of the service that the unit runs.
did_unit() {
  service_of "$2"
  did "$1" "$unit"
}
