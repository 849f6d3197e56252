# shellcheck shell=sh disable=SC2154,SC2034 # its globals are shared with the files beside it
# Jobs that run once. Their units keep the records of their runs: render/once.rs says how.
#
# Reads: var newline; the functions of processes.sh.
# Sets, for itself: job runs keys run_ line_ before_ calls told.

# runs_of: a line for each record of the job's runs.
runs_of() {
  for run_ in "$runs"/*; do
    [ ! -f "$run_" ] || cat "$run_" 2>/dev/null
  done
}

# has_succeeded KEY...: whether a success is on the disk under one of these keys, or of an image that is known by one.
has_succeeded() {
  for run_ in "$runs"/*; do
    line_=''
    [ ! -f "$run_" ] || read -r line_ 2>/dev/null <"$run_"
    case " $line_ " in
    *' state=ok '*) ;;
    *) continue ;;
    esac
    for key_; do
      [ "${run_##*/}" != "$key_" ] || return 0
      case " $line_ " in
      *" id=$key_ "*) return 0 ;;
      esac
    done
  done
  return 1
}

# ended_since WORD: whether a run came to this end after the records that are in `before_` were read.
ended_since() {
  runs_of | {
    while read -r line_; do
      case " $line_ " in
      *" state=$1 "*) ;;
      *) continue ;;
      esac
      case $newline$before_$newline in
      *"$newline$line_$newline"*) ;;
      *) exit 0 ;;
      esac
    done
    exit 1
  }
}

# run_once UNIT SERVICE KEY...: to its end. One that runs already is waited for: never do two run at the same time.
run_once() {
  job=$1 runs=$var/jobs/$2
  shift 2
  await_job "$job"
  case $said in
  # A service had this name until now.
  *ActiveState=active*) stop_unit "$job" || return 1 ;;
  esac
  ! has_succeeded "$@" || return 0
  did_unit ran "$job"
  before_=$(runs_of) calls=0
  while :; do
    systemctl reset-failed "$job.service" >/dev/null 2>&1
    told=$(systemctl start "$job.service" 2>&1 8<&-) && break
    status=$?
    calls=$((calls + 1))
    case $told in
    *"ob for $job.service "* | *"Unit $job.service "*) calls=10 ;;
    # The client lost systemd, which is no answer: its job goes on, or was never begun.
    *) await_job "$job" || calls=10 ;;
    esac
    ! ended_since ok || break
    if [ "$calls" -ge 10 ] || ended_since failed; then
      fail "$job failed: \`systemctl start $job.service\` ended with status $status${told:+: $told}"
      tell_unit "$job"
      return 1
    fi
    sleep 1
  done
  containers='' recorded=''
}
