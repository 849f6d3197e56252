# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# What the first look left open: the texts of some files, and what systemd says of some units.
#
# Reads: engine environments properties deaths shown images texts networks; the function of image_keys.sh, and what every
#   script begins with.

# How containers ended that systemd started again by itself: systemd knows how often, the journal when, the
# engine with which exit code, and whether for lack of memory. Each may have forgotten.
tell_deaths() {
  printf 'now %s\0' "$(date +%s)"
  for unit; do
    shift
    set -- "$@" "UNIT=$unit"
  done
  # The MESSAGE_IDs are those of a scheduled restart, and of the end of a main process.
  # Of --output-fields, and of what is always there, only a few are read.
  restart=MESSAGE_ID=5eb03494b6584870a536b337290809b3
  fields=UNIT,MESSAGE_ID,N_RESTARTS,EXIT_CODE,EXIT_STATUS
  set -- --quiet --no-pager --output=json --output-fields=$fields "$restart" "$@"
  printf 'restarts %s\0' "$(journalctl --since=-15min --lines=2000 MESSAGE_ID=98e322203f7a4ed290d09fe03c09fe15 "$@" 2>/dev/null)"
  printf 'first %s\0' "$(journalctl --since=-30d --lines=500 N_RESTARTS=1 "$@" 2>/dev/null)"
  case $engine in
  docker)
    answer=$(docker events --since 15m --until "$(date +%s.%N)" --filter "label=bayplan.cluster=$cluster" --filter event=die --filter event=oom \
      --format '{{.Action}} {{.Actor.ID}} {{.Actor.Attributes.exitCode}} {{.Actor.Attributes.name}}' 2>/dev/null)
    ;;
  podman)
    answer=$(podman events --stream=false --since 15m --filter "label=bayplan.cluster=$cluster" --filter event=died \
      --format '{{.Status}} {{.ID}} {{.ContainerExitCode}} {{.Name}}' 2>/dev/null)
    ;;
  esac
  printf 'deaths %s\0' "$answer"
}

printf 'bayplan more 1\0'
if [ -n "$shown" ]; then
  # Before systemd 248 there is no --timestamp, and times come in whole seconds.
  answer=$(eval "systemctl show --no-pager --timestamp=us+utc -p $properties -- $shown" 2>/dev/null ||
    eval "systemctl show --no-pager -p $properties -- $shown" 2>&1)
  printf 'show %s %s\0' "$?" "$answer"
  case $deaths$answer in
  asked*NRestarts=[1-9]* | asked*SubState=auto-restart*)
    eval "tell_deaths $shown"
    ;;
  esac
  answer=$(systemctl show --no-pager --timestamp=us+utc -p UnitsLoadTimestamp 2>/dev/null)
  printf 'loaded %s\0' "$answer"
fi

# Whether containers were started with what their env files say now. Both sides stay on this host, since there are
# secrets in them: the engine writes what it keeps of an environment in the form of the files, and only whether the
# digests are the same is told.
# shellcheck disable=SC2016 # they are variables of the engine's templates
form='{{$c := .Config}}{{range $k := split $n " "}}{{if eq $k "IMAGE"}}IMAGE="{{$c.Image}}"
{{else}}{{range $c.Env}}{{$p := split . "="}}{{if eq (index $p 0) $k}}{{$k}}="{{join (split (join (split (join (slice $p 1) "=") "\\") "\\\\") "\"") "\\\""}}"
{{end}}{{end}}{{end}}{{end}}'

# Each of these gets a container, the names of its variables, its env files.
add_names() {
  containers="$containers $1"
  names="$names{{if eq .Name \"$1\" \"/$1\"}}{{\$n = \"$2\"}}{{end}}"
}
add_files() {
  shift 2
  for file; do
    tail -n +2 -- "$file" 2>/dev/null
  done
  echo
}
kept() {
  # shellcheck disable=SC2086 # words
  "$engine" container inspect -f "{{\$n := \"\"}}$names$form" $containers 2>/dev/null | sha256sum
}
tell() {
  printf 'environment %s %s\0' "$verdict" "$1"
}
tell_one() {
  containers='' names='' verdict=another
  add_names "$@"
  [ "$(add_files "$@" | sha256sum)" != "$(kept)" ] || verdict=same
  tell "$1"
}
containers='' names=''
environments add_names
if [ -n "$containers" ]; then
  # All at once, since nearly always all are the same and the engine's client takes long to start.
  if [ "$(environments add_files | sha256sum)" = "$(kept)" ]; then
    verdict=same
    environments tell
  else
    environments tell_one
  fi
fi
# Who is in networks that are not as described, also one that does not run: podman keeps a network for it. As JSON,
# which has no line breaks: anybody's label may.
case $engine in
podman) owner='{{json (index .Labels "bayplan.cluster")}} {{json (index .Labels "bayplan.service")}}' ;;
*) owner='{{json (.Label "bayplan.cluster")}} {{json (.Label "bayplan.service")}}' ;;
esac
for network in $networks; do
  answer=$("$engine" ps --all --filter "network=$network" --format "{{.Names}} $owner" 2>&1)
  printf 'attached %s %s %s\0' "$?" "$network" "$answer"
done
tell_images() {
  for reference; do
    printf 'known %s %s\0' "$reference" "$(image_keys "$reference")"
  done
}
[ -z "$images" ] || eval "tell_images $images"
[ -z "$texts" ] || eval "stat --printf 's %f %s %.9Z %.9Y %n\\0' -- $texts"
printf 'texts\0'
[ -z "$texts" ] || eval "cat -- $texts"
printf 'end\n'
