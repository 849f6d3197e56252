# shellcheck shell=sh disable=SC2154,SC2034 # its globals are shared with the files beside it
# Restarts that are side by side: jobs of this shell, at most $parallel at once. Each tells what comes of it in a pipe, in
# lines that begin with the number of its step. This shell alone prints, and keeps what is watched.
#
# Reads: root id supervisor newline doing; parallel, how many at once, or empty for twice as many as there are cores.
# Sets: watched watched_since containers recorded, as a restart does; why and failed_at, as a step does.
# Sets, for itself: ends, which is `open` once the pipe is, as 6; pipe_; under_way, the numbers of the steps that run;
#   room, for how many more; last_begun, the step that began last; ill, the numbers of those that failed, and tale, what
#   these said; line_ rest_ left_ named_ told.

ends='' under_way='' room=0 last_begun='' ill='' tale=''

# has_ends: whether restarts can be side by side here. The pipe needs no name once it is open.
has_ends() {
  [ -z "$ends" ] || return 0
  [ "$supervisor" = systemd ] || return 1
  # A start mostly waits: for its container, and for its probe.
  [ -n "$parallel" ] || parallel=$(($(nproc 2>/dev/null || echo 1) * 2))
  case $parallel in
  '' | 0 | 1 | *[!0-9]*) return 1 ;;
  esac
  pipe_=$root/run/bayplan/ends-$id
  { mkdir -p "$root/run/bayplan" && rm -f "$pipe_" && mkfifo -m 0600 "$pipe_"; } 2>/dev/null || return 1
  # A pipe that has no writer yet would be waited for.
  command exec 7<>"$pipe_" || return 1
  command exec 6<"$pipe_" || return 1
  exec 7>&-
  rm -f "$pipe_"
  ends=open room=$parallel
}

# beside NUMBER restart_unit UNIT: begins as soon as there is room. Once one has failed none begins any more.
beside() {
  has_ends || {
    step "$@"
    return
  }
  while [ "$room" = 0 ]; do one_ends; done
  [ -z "$ill" ] || return 0
  kind=step last_begun=$1
  printf 'step %s start %s %s\ndoing %s\n' "$1" "$2" "$3" "$doing"
  tell_restart "$3"
  # Only those that run hold it open for writing: so its end is the end of all of them.
  exec 7>/proc/self/fd/6
  restart_beside "$1" "$3" &
  exec 7>&-
  under_way="$under_way $1" room=$((room - 1))
}

# restart_beside NUMBER UNIT: as `restart_unit`, as a job. A line that fits into the pipe arrives whole.
restart_beside() {
  exec 6<&-
  if tale=$(start restart "$2"); then
    tale=$(invocation "$2")
    printf '%s up %s\n' "$1" "$tale" >&7
  else
    # Known at once, so that none begins while it is told.
    printf '%s failed\n' "$1" >&7
    [ -n "$tale" ] || tale="error the restart of $2 was ended from outside"
    tale=$tale$newline$(tell_unit "$2")
    printf '%s\n' "$tale" | cut -b 1-4000 | while IFS= read -r line_; do
      printf '%s %s\n' "$1" "$line_"
    done >&7
    printf '%s down\n' "$1" >&7
  fi
}

# one_ends: waits until one of them has ended.
one_ends() {
  while IFS= read -r line_ <&6; do
    number=${line_%% *}
    line_=${line_#* }
    case $line_ in
    'up '*)
      moment
      watched_since=$now watched=$watched${line_#up }$newline
      printf 'step %s done\n' "$number"
      has_ended "$number"
      return
      ;;
    failed) ill="$ill $number" ;;
    down)
      has_ended "$number"
      return
      ;;
    *) tale=$tale$number\ $line_$newline ;;
    esac
  done
  # They are all gone, and the last words of some are missing.
  for number in $under_way; do
    tale="$tale$number error a restart was ended from outside$newline"
    case "$ill " in
    *" $number "*) ;;
    *) ill="$ill $number" ;;
    esac
    has_ended "$number"
  done
}

# has_ended NUMBER
has_ended() {
  left_=''
  for line_ in $under_way; do
    [ "$line_" = "$1" ] || left_="$left_ $line_"
  done
  under_way=$left_ room=$((room + 1))
}

# all_ended: waits for all of them, and tells of those that failed.
all_ended() {
  [ -n "$ends" ] || return 0
  while [ -n "$under_way" ]; do one_ends; done
  containers='' recorded=''
  [ -n "$ill" ] || return 0
  told=''
  for number in $ill; do
    rest_=$tale named_=''
    while [ -n "$rest_" ]; do
      line_=${rest_%%"$newline"*}
      rest_=${rest_#*"$newline"}
      case $line_ in
      "$number error "*)
        [ -n "$named_" ] || told="${told:+$told; }${line_#* error }"
        named_=yes
        ;;
      "$number "*) ;;
      *) continue ;;
      esac
      printf '%s\n' "${line_#* }"
    done
    printf 'step %s failed\n' "$number"
  done
  [ -n "$why" ] || why=$told
  # Those before it have begun, too.
  failed_at=$last_begun
  put_back
}
