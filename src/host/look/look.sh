# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# One look at the files, the units and the containers of a cluster. It prints records that end
# with NUL, then two texts as they are (their lengths are in their records), then the containers.
#
# A look is nearly the whole cost of a diff, so there are few processes: states, digests and times of
# everything by one program each, and one that asks the engine meanwhile and passes all of it on.
#
# Reads: asked engine, and what every script begins with.

bad=''
newline='
'
# Where units of other people may be; /lib is mostly the same as /usr/lib.
run=$root/run/systemd usr=$root/usr/lib/systemd/system lib=$root/lib/systemd/system
usr_local=$root/usr/local/lib/systemd/system
[ ! -L "$root/lib" ] || lib=$usr

# made RECORD: what this host made of secrets: the digest then, the digest that stands for it, the path.
made() {
  [ -r "$1" ] || return
  while read -r found stands path; do
    case $found$stands in
    *[!0-9a-f]*) continue ;;
    esac
    case $path in
    '' | *[!A-Za-z0-9_./+@-]*) continue ;;
    esac
    printf 'made %s %s %s %s\0' "$found" "$stands" "$path" "$1"
  done <"$1"
}

# modes LIST: what files of the config repository should be, and which of them are there. The owner counts only if it was
# root who gave them away.
modes() {
  [ -r "$1" ] || return
  while read -r mode owner path; do
    case $mode:$owner in
    *[!0-7:]*[!0-9:]*) continue ;;
    esac
    case $path in
    '' | *..* | *[!A-Za-z0-9_./+@-]*) continue ;;
    esac
    [ -O / ] || owner=any
    printf 'listed %s %s %s/%s\0' "$mode" "$owner" "${1%/*}" "$path"
    listed="$listed ${1%/*}/$path"
  done <"$1"
}

# look_at_live: of each live directory, which version it shows, whether its names are the right links, and whether others are
# there; and what each process noted that it read, after which start it is.
look_at_live() {
  [ -d "$var/live" ] || return 0
  for entry in "$var"/live/*/*; do
    if [ ! -d "$entry" ] || [ -L "$entry" ]; then continue; fi
    version=- links=right others=none
    if [ -L "$entry/..data" ] && cd -P "$entry/..data"; then
      # shellcheck disable=SC3013 # dash, bash and busybox have it
      [ ! "${PWD%/*}" -ef "$entry" ] || version=${PWD##*/}
      cd /
    fi
    for name in "$entry"/* "$entry"/.[!.]*; do
      # shellcheck disable=SC3013
      if [ -L "$name" ] && [ "$name" -ef "$entry/..data/${name##*/}" ]; then continue; fi
      if [ -e "$name" ] || [ -L "$name" ]; then links=wrong; fi
    done
    for name in "$entry"/..data/*; do
      [ ! -e "$name" ] || [ -L "$entry/${name##*/}" ] || links=wrong
    done
    for name in "$entry"/..?*; do
      case ${name##*/} in
      ..data | "$version") ;;
      *) others=some ;;
      esac
    done
    printf 'live %s %s %s %s\0' "$version" "$links" "$others" "$entry"
  done
  [ "$asked" = systemd ] || return 0
  for entry in "$root/run/bayplan/loaded/$cluster"-*; do
    if [ -f "$entry" ]; then
      # The start first: a note of an older one then counts for nothing.
      link=$(readlink "$run/units/invocation:${entry##*/}.service")
      read -r line <"$entry"
      printf 'read %s %s %s\0' "${entry##*/}" "${link:--}" "$line"
    fi
  done
}

# look_at_watches: what each watch found, after the start that runs of the unit that it asked.
look_at_watches() {
  [ "$asked" = systemd ] || return 0
  for entry in "$root/run/bayplan/watch/$cluster"-*; do
    [ -f "$entry" ] || continue
    line=''
    read -r line <"$entry"
    case $line in
    '' | *[!\ -~]*) continue ;;
    esac
    printf 'watch %s %s %s\0' "${entry##*/}" "$(readlink "$run/units/invocation:${line%% *}.service")" "$line"
  done
}

# held WORD FILE...: who holds something: the file's name, and its line; none where that is not of ours.
held() {
  word=$1
  shift
  for entry; do
    [ -f "$entry" ] || continue
    line=''
    read -r line <"$entry"
    case $line in
    *[!\ -~]*) line='' ;;
    esac
    printf '%s %s %s\0' "$word" "${entry##*/}" "$line"
    clock=asked
  done
}

# digest PATH...: of the regular files; `odd` says that there is something that must not be read.
digest() {
  if [ -n "$odd" ]; then
    for entry; do
      shift
      [ ! -f "$entry" ] || set -- "$@" "$entry"
    done
  fi
  # The digest of nothing tells whether this is a sha256sum that we can read; `stat` is told by the root.
  sha256sum -z -- /dev/null "$@"
}

# A glob sees a whole directory for what the test of a name costs, so each name that is read is tested once,
# and all others are left to `stat`. A pattern that matches nothing stays as it is; nothing has that name.
look_at_files() {
  set -- "$etc"/*/*/* "$etc"/*/*/.[!.]*
  # The files that live directories show; names that begin with two dots are none of a glob's.
  [ ! -d "$var/live" ] || set -- "$@" "$var"/live/*/*/..data/* "$var"/live/*/*/..data/.[!.]*
  for kind in service timer; do
    set -- "$units/$cluster"-*."$kind" "$run/transient/$cluster"-*."$kind" "$run/system/$cluster"-*."$kind" \
      "$usr_local/$cluster"-*."$kind" "$usr/$cluster"-*."$kind" "$lib/$cluster"-*."$kind" "$@"
  done
  tested=0 odd='' listed=''
  while [ "$tested" -lt $# ]; do
    known=$# count=0
    for entry; do
      count=$((count + 1))
      [ "$count" -gt "$tested" ] || continue
      if [ -f "$entry" ]; then
        case $entry in
        # Anything may be called like that there.
        "$etc"/*/*/files/* | "$etc"/*/*/secret-files/*) ;;
        "$var"/live/*/..data/.secrets) made "$entry" ;;
        "$var"/live/*/..data/.modes) modes "$entry" ;;
        "$var"/live/*) ;;
        */.secrets) made "$entry" ;;
        */files.modes) modes "$entry" ;;
        esac
      elif [ -d "$entry" ] && [ ! -L "$entry" ]; then
        set -- "$@" "$entry"/* "$entry"/.[!.]*
      elif [ -e "$entry" ]; then
        odd=1
        # As a masked unit is.
        # shellcheck disable=SC3013 # dash, bash and busybox have it
        [ ! -L "$entry" ] || [ ! "$entry" -ef /dev/null ] || printf 'masked %s\0' "$entry"
      fi
    done
    tested=$known
  done
  look_at_live
  look_at_watches
  # Which slot of a service serves.
  for entry in "$var"/swap/*; do
    [ ! -L "$entry" ] || printf 'swap %s %s\0' "${entry##*/}" "$(readlink "$entry")"
  done
  for entry in "$var"/jobs/*/*; do
    line=''
    [ ! -f "$entry" ] || read -r line <"$entry"
    [ "${#line}" -le 1000 ] || continue
    case $line${entry##*/} in
    "${entry##*/}" | *[!A-Za-z0-9_./:@+=\ -]*) ;;
    *) printf 'run %s %s\0' "${entry#"$var/jobs/"}" "$line" ;;
    esac
  done
  if [ -L "$var/current" ]; then
    # `cd` and PWD tell where a link leads without a process.
    if cd -P "$var/current"; then
      printf 'current link %s\0' "$PWD"
      cd /
    else
      printf 'current dangling\0'
    fi
  elif [ -e "$var/current" ]; then
    printf 'current other\0'
  fi
  [ ! -f "$var/begun.json" ] || printf 'begun %s\0' "$(cat -- "$var/begun.json")"
  [ ! -f "$var/pushed.json" ] || printf 'pushed %s\0' "$(cat -- "$var/pushed.json")"
  clock=''
  held frozen "$var/frozen.json"
  held hold "$var"/holds/*
  [ -z "$clock" ] || printf 'clock %s\0' "$(date +%s)"
  # Digests first: a file that changes in between then has a time that is too new, never too old.
  digest "$@"
  # shellcheck disable=SC2086 # paths without blanks
  [ -z "$listed" ] || stat --printf 'owner %04a %u:%g %n\0' -- $listed
  # The links that enable units, and drop-ins.
  for kind in service timer; do
    set -- "$@" "$root/etc/systemd/system.control/$cluster"-*."$kind".d/*.conf \
      "$run/system.control/$cluster"-*."$kind".d/*.conf "$units/$cluster"-*."$kind".d/*.conf \
      "$run/transient/$cluster"-*."$kind".d/*.conf "$run/system/$cluster"-*."$kind".d/*.conf \
      "$usr_local/$cluster"-*."$kind".d/*.conf "$usr/$cluster"-*."$kind".d/*.conf "$lib/$cluster"-*."$kind".d/*.conf \
      "$units"/*.wants/"$cluster"-*."$kind" "$units"/*.requires/"$cluster"-*."$kind"
  done
  # The links of invocations are made when units start, those of activations among them; systemd last
  # read the unit files after `reloaded` and `notify`.
  stat --printf 's %f %s %.9Z %.9Y %n\0' -- / "$@" "$etc"/* "$etc"/*/* "$etc"/*/.[!.]* \
    "$var"/generations/* "$var/current/manifest.json" "$var/current/record.json" "$var/placement.json" \
    "$run/units/invocation:$cluster"-*.service "$run"/units/invocation:bayplan-activate-*.service \
    "$root/run/bayplan/reloaded" "$run/notify"
}

problem() {
  printf 'problem %s\0' "$*"
  bad=1
}

look_for_problems() {
  [ "$asked" = systemd ] || return 0
  # A session that is not root's ended before.
  [ -w "$units" ] || problem readonly "$units"
}

# What docker's own client would ask, and only where it would ask there, too.
at_dockerd() {
  [ "$asked.$engine" = systemd.docker ] && [ -S /run/docker.sock ] && [ -z "${DOCKER_HOST:-}${DOCKER_CONTEXT:-}" ] ||
    return 1
  settings=${DOCKER_CONFIG:-${HOME:-/root}/.docker}/config.json
  if [ -e "$settings" ]; then
    case $(cat "$settings") in
    *currentContext*) return 1 ;;
    esac
  fi
  # filters={"label":["bayplan.cluster=…"]}
  ours="filters=%7B%22label%22%3A%5B%22bayplan.cluster%3D$cluster%22%5D%7D"
  request="/containers/json?$ours" networks="/networks?$ours"
}

# Podman's answer costs a process, and few hosts have networks of ours: one that has is told by its files.
podman_networks() {
  set -- "$root/etc/containers/networks/$cluster"-*.json "$root/etc/cni/net.d/$cluster"-*.conflist
  [ -e "$1" ] || [ -e "$2" ] || [ $# -gt 2 ] || return 0
  networks=$(podman network ls --quiet --filter "label=bayplan.cluster=$cluster" </dev/null) || return
  # shellcheck disable=SC2086 # names of networks have no blanks
  [ -z "$networks" ] || podman network inspect --format 'network {{.ID}} {{.Name}} {{index .Labels "bayplan.network"}}' $networks </dev/null
}

# finish TEXT...: what was seen so far, the texts, and the containers. The smallest client that is there asks
# dockerd: perl takes a fourth of the processor time of curl, and that a fourth of docker's own, which
# is more than the whole rest of a look. It leaves its input alone until it has the whole answer.
finish() {
  request=''
  if at_dockerd; then
    perl -e 'alarm 60;
      sub ask {
        my $a = "";
        socket(S, 1, 1, 0) && connect(S, pack("Sa*", 1, "/run/docker.sock")) or exit 1;
        syswrite(S, "GET " . shift . " HTTP/1.0\r\nHost: docker\r\n\r\n");
        1 while sysread(S, $a, 65536, length($a));
        ($v) = $a =~ m{^Server: Docker/(\S+)}mi;
        $a =~ s/^HTTP\S+ 200 .*?\r\n\r\n//s && $a =~ /\]\s*$/ or exit 1;
        chomp $a;
        $a;
      }
      $c = ask(shift);
      $n = ask(shift);
      alarm 0;
      $/ = \65536;
      print while <STDIN>;
      for (@ARGV) { open(T, "<", $_) and print <T> }
      print "version $v\n" if $v;
      print "$c\nnetworks $n\n"' "$request" "$networks" "$@" 2>/dev/null && return
  fi
  cat - "$@" 2>/dev/null
  case $asked.$engine in
  none.*) ;;
  systemd.docker)
    answer=''
    [ -z "$request" ] ||
      answer=$(curl -q --silent --fail --noproxy '*' --max-time 60 --unix-socket /run/docker.sock "http://docker$request" \
        --next --silent --fail --noproxy '*' --max-time 60 --unix-socket /run/docker.sock "http://docker$networks" 2>/dev/null)
    # Each ends with a line break: two lines, if both are there.
    case $answer in
    *"]${newline}["*"]") two=1 ;;
    *) two='' ;;
    esac
    if [ -n "$two" ]; then
      printf '%s\nnetworks %s\n' "${answer%%"$newline"*}" "${answer#*"$newline"}"
    else
      docker network ls --no-trunc --filter "label=bayplan.cluster=$cluster" --format 'network {{.ID}} {{.Name}} {{.Label "bayplan.network"}}' &&
      docker ps --no-trunc --filter "label=bayplan.cluster=$cluster" --format '[{{json .Names}},{{json .ID}},{{json (.Label "bayplan.service")}},{{json (.Label "bayplan.inputs")}},{{json (.Label "bayplan.directory")}},{{json .Image}},"",{{json .Ports}},{{json .Status}}]'
    fi
    ;;
  systemd.podman)
    # The version comes meanwhile; an older podman does not know such a format.
    podman --version 2>&1 </dev/null | {
      podman ps --no-trunc --filter "label=bayplan.cluster=$cluster" --format '[{{json .Names}},{{json .ID}},{{json (index .Labels "bayplan.service")}},{{json (index .Labels "bayplan.inputs")}},{{json (index .Labels "bayplan.directory")}},{{json .Image}},{{json .ImageID}},{{json .Ports}},{{json .Status}}]' </dev/null &&
        podman images --no-trunc --format '[{{json .ID}},{{json .Repository}},{{json .Tag}}]' </dev/null &&
        podman_networks
      status=$?
      sed 's/^podman //'
      exit "$status"
    }
    ;;
  esac
}

see() {
  if [ "$asked" = systemd ]; then
    printf 'states '
    systemctl list-units --all --full --plain --no-legend --no-pager "$cluster-*.service" "$cluster-*.timer" \
      "bayplan-keep-$cluster-*" 2>&1 </dev/null
    printf ' %s\0' "$?"
  fi
  look_at_files 2>/dev/null
  printf 'texts\0'
}

tell() {
  finish "$var/current/manifest.json" "$var/current/record.json" "$var/placement.json" 2>&1
  printf 'status %s\nend\n' "$?"
}

printf 'bayplan look 1\0'
look_for_problems
if [ -n "$bad" ]; then
  printf 'end\0'
elif [ "$asked" = systemd ]; then
  see | tell
else
  see
  tell </dev/null
fi
