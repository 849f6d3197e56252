#!/bin/sh
# An engine for tests: containers are directories below $HOME/.engine, and nothing is started. An image with the tag
# `broken` ends at once, one with `absent` is not there.
base=$HOME/.engine
mkdir -p "$base/networks" "$base/volumes"
said() { echo "$*" >&2; exit 1; }
case $1 in
--version) echo "Docker version 20.10.24"; exit 0 ;;
ps)
  owner=
  for word; do case $word in label=*) owner=${word#label=} ;; esac; done
  for c in "$base"/local.*; do
    [ -d "$c" ] && grep -qx "$owner" "$c/labels" && echo "${c##*/}"
  done
  exit 0 ;;
inspect)
  shift
  while [ $# -gt 0 ]; do
    case $1 in --type | --format) shift 2 ;; *) break ;; esac
  done
  for name; do
    c=$base/$name
    [ -d "$c" ] || said "Error: No such container: $name"
    labels=$(sed 's/\(.*\)=\(.*\)/"\1":"\2",/' "$c/labels" | tr -d '\n')
    ports=$(tr -d '\n' <"$c/ports")
    printf '["%s","sha256:%s",{%s},{"Running":%s,"ExitCode":%s,"StartedAt":"2026-11-27T09:00:00Z"},0,{%s}]\n' \
      "$name" "$(cat "$c/image")" "${labels%,}" "$(cat "$c/running")" "$(cat "$c/exit")" "${ports%,}"
  done
  exit 0 ;;
image)
  for word; do :; done
  case $word in *:absent) said "Error: No such image: $word" ;; esac
  echo "sha256:$(echo "$word" | cksum | cut -d' ' -f1)"; exit 0 ;;
pull) said "Error response from daemon: manifest unknown" ;;
network | volume)
  for word; do :; done
  kind=$1s
  case $2 in
  inspect) [ -e "$base/$kind/$word" ] || said "Error: No such $1: $word" ;;
  create) touch "$base/$kind/$word"; echo "$word" ;;
  rm) rm "$base/$kind/$word" ;;
  ls) ls "$base/$kind" ;;
  esac
  exit 0 ;;
run)
  shift
  all=$*
  name='' job=''
  labels='' ports=''
  while [ $# -gt 0 ]; do
    case $1 in
    --name) name=$2; shift 2 ;;
    --label) labels="$labels$2
"; case $2 in bayplan.local.service=*) service=${2#*=} ;; bayplan.local.job=*) job=1 ;; bayplan.local.image=*) image=${2#*=} ;; esac; shift 2 ;;
    --publish)
      outside=${2#127.0.0.1:}
      ports="$ports\"${outside#*:}\":[{\"HostPort\":\"${outside%%:*}\"}],
"; shift 2 ;;
    *) shift ;;
    esac
  done
  c=$base/$name
  [ ! -d "$c" ] || said "Error response from daemon: Conflict. The container name is already in use"
  mkdir "$c"
  printf '%s' "$labels" >"$c/labels"
  printf '%s' "$ports" >"$c/ports"
  echo "$image" | cksum | cut -d' ' -f1 >"$c/image"
  echo "$all" >"$c/arguments"
  env >"$c/environment"
  echo "$service" >>"$base/ran"
  running=true exit=0
  [ -z "$job" ] || running=false
  case $image in *:broken) running=false exit=3 ;; esac
  echo $running >"$c/running"
  echo $exit >"$c/exit"
  echo "$name"; exit 0 ;;
stop) [ -d "$base/$2" ] && echo false >"$base/$2/running"; exit 0 ;;
rm) for word; do :; done; rm -rf "${base:?}/$word"; exit 0 ;;
logs) echo "the last words of ${4:-$2}"; exit 0 ;;
exec | kill) echo "$*" >>"$base/asked"; exit 0 ;;
esac
said "unknown: $*"
