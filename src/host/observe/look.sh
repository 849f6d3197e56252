# One look at the files, the units and the containers of a cluster. It prints records that end
# with NUL, then two texts as they are (their lengths are in their records), then the containers.
#
# A look is nearly the whole cost of a diff, so there are few processes: digests, times and states
# of everything by one program each, and all of them while the engine answers, through whose pipe
# its answer comes last.

names='' files='' all_names='' all_files='' texts='' bad=''
places='/run/systemd/transient /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system'
[ -L "$root/lib" ] || places="$places /lib/systemd/system"

# take digest|plain PATH: notes an entry for `stat`, and a regular file for `sha256sum`.
take() {
  case $2 in
  *\'*)
    # A name that cannot stand between quotes; only a hand makes one, so it may cost more.
    [ "$1" = plain ] || sha256sum -z -- "$2"
    stat --printf 's %f %s %.9Z %.9Y %n\0' -- "$2"
    ;;
  *)
    names="$names '$2'"
    [ "$1" = plain ] || files="$files '$2'"
    ;;
  esac
}

# made RECORD: what this host made of secrets: the digest then, the digest that stands for it, the path.
made() {
  [ -r "$1" ] || return
  while read -r found stands path; do
    case $found$stands in
    *[!0-9a-f]*) continue ;;
    esac
    case $path in
    '' | *[!A-Za-z0-9_./-]*) continue ;;
    esac
    printf 'made %s %s %s %s\0' "$found" "$stands" "$path" "$1"
  done <"$1"
}

# walk DIRECTORY: takes everything below it. Nothing may follow the recursion: `entry` is shared.
walk() {
  for entry in "$1"/* "$1"/.*; do
    case $entry in
    */. | */..) continue ;;
    esac
    if [ -f "$entry" ] && [ ! -L "$entry" ]; then
      take digest "$entry"
      case $entry in
      */.secrets) made "$entry" ;;
      esac
    elif [ -d "$entry" ] && [ ! -L "$entry" ]; then
      take plain "$entry"
      walk "$entry"
    elif [ -e "$entry" ] || [ -L "$entry" ]; then
      take plain "$entry"
    fi
  done
}

# each PATH...: takes those that are there; a pattern that matches nothing is not.
each() {
  for entry; do
    if [ -L "$entry" ]; then
      take plain "$entry"
      # shellcheck disable=SC3013 # dash, bash and busybox have it
      [ ! "$entry" -ef /dev/null ] || printf 'masked %s\0' "$entry"
    elif [ -e "$entry" ]; then
      take plain "$entry"
    fi
  done
}

look_at_files() {
  for service in "$etc"/*; do
    [ -e "$service" ] || [ -L "$service" ] || continue
    # One service at a time: a string that grows with every file is copied with every file.
    all_names=$all_names$names all_files=$all_files$files names='' files=''
    take plain "$service"
    [ ! -d "$service" ] || [ -L "$service" ] || walk "$service"
  done
  for entry in "$units/$cluster"-*.service; do
    if [ -f "$entry" ] && [ ! -L "$entry" ]; then take digest "$entry"; else each "$entry"; fi
  done
  for place in $places; do
    each "$root$place/$cluster"-*.service
  done
  for place in /etc/systemd/system.control /run/systemd/system.control /etc/systemd/system $places; do
    each "$root$place/$cluster"-*.service.d/*.conf
  done
  each "$units"/*.wants/"$cluster"-*.service "$units"/*.requires/"$cluster"-*.service
  each "$var"/generations/*
  if [ -L "$var/current" ]; then
    # `cd` and PWD tell where a link leads without a process.
    if cd -P "$var/current" 2>/dev/null; then
      printf 'current link %s\0' "$PWD"
      cd /
    else
      printf 'current dangling\0'
    fi
    for text in manifest.json record.json; do
      [ -f "$var/current/$text" ] || continue
      each "$var/current/$text"
      texts="$texts '$var/current/$text'"
    done
  elif [ -e "$var/current" ]; then
    printf 'current other\0'
  fi
  if [ "$runs" = processes ]; then
    # An invocation's link is made when a unit starts; the other two were made before systemd
    # last read the unit files.
    each /run/systemd/units/invocation:"$cluster"-*.service /run/bayplan/reloaded /run/systemd/notify
    # Activations that run, of whatever cluster.
    each /run/systemd/units/invocation:bayplan-activate-*.service
  fi
  all_names=$all_names$names all_files=$all_files$files
  # Digests first: a file that changes in between then has a time that is too new, never too old.
  [ -z "$all_files" ] || eval "sha256sum -z -- $all_files"
  [ -z "$all_names" ] || eval "stat --printf 's %f %s %.9Z %.9Y %n\\0' -- $all_names"
}

problem() {
  printf 'problem %s\0' "$*"
  bad=1
}

look_for_problems() {
  missing=''
  for tool in sha256sum stat tar flock; do
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
  done
  [ -z "$missing" ] || problem tools "${missing# }"
  [ "$runs" = processes ] || return 0
  [ -d /run/systemd/system ] || problem systemd
  [ -w "$units" ] || {
    if [ "$(id -u)" = 0 ]; then problem readonly "$units"; else problem unwritable "$units"; fi
  }
  command -v "$engine" >/dev/null 2>&1 || problem engine "$engine"
}

# get PATH: what dockerd answers, by the smallest client that is there. perl takes a fourth of the processor
# time of curl, and that a fourth of docker's own, which is more than the whole rest of a look.
get() {
  perl -e 'alarm 60;
    socket(S, 1, 1, 0) && connect(S, pack("Sa*", 1, "/run/docker.sock")) or exit 1;
    syswrite(S, "GET $ARGV[0] HTTP/1.0\r\nHost: docker\r\n\r\n");
    1 while sysread(S, $a, 65536, length($a));
    $a =~ s/^HTTP\S+ 200 .*?\r\n\r\n//s && $a =~ /\]\s*$/ or exit 1;
    print $a' "$1" ||
    curl -q --silent --fail --noproxy '*' --max-time 60 --unix-socket /run/docker.sock "http://docker$1"
} 2>/dev/null

# The request that `docker ps` sends. Only where docker's own client would ask there, too.
ask_dockerd() {
  [ -S /run/docker.sock ] && [ -z "${DOCKER_HOST:-}${DOCKER_CONTEXT:-}" ] || return 1
  settings=${DOCKER_CONFIG:-${HOME:-/root}/.docker}/config.json
  if [ -e "$settings" ]; then
    case $(cat "$settings") in
    *currentContext*) return 1 ;;
    esac
  fi
  # filters={"label":["bayplan.cluster=…"]}
  answer=$(get "/containers/json?filters=%7B%22label%22%3A%5B%22bayplan.cluster%3D$cluster%22%5D%7D") || return 1
  printf '%s\n' "$answer"
}

containers() {
  case $runs.$engine in
  files.*) ;;
  processes.docker)
    ask_dockerd ||
      docker ps --no-trunc --filter "label=bayplan.cluster=$cluster" --format '[{{json .Names}},{{json .ID}},{{json (.Label "bayplan.service")}},{{json (.Label "bayplan.inputs")}},{{json (.Label "bayplan.directory")}},{{json .Image}},"",{{json .Ports}}]'
    ;;
  processes.podman)
    podman ps --no-trunc --filter "label=bayplan.cluster=$cluster" --format '[{{json .Names}},{{json .ID}},{{json (index .Labels "bayplan.service")}},{{json (index .Labels "bayplan.inputs")}},{{json (index .Labels "bayplan.directory")}},{{json .Image}},{{json .ImageID}},{{json .Ports}}]' &&
      podman images --no-trunc --format '[{{json .ID}},{{json .Repository}},{{json .Tag}}]'
    ;;
  esac
}

printf 'bayplan look 1\0'
look_for_problems
if [ -n "$bad" ]; then
  printf 'end\0'
else
  {
    containers 2>&1 </dev/null
    printf 'status %s\nend\n' "$?"
  } | {
    if [ "$runs" = processes ]; then
      states=$(systemctl list-units --all --full --plain --no-legend --no-pager "$cluster-*.service" 2>&1 </dev/null)
      printf 'states %s %s\0' "$?" "$states"
    fi
    look_at_files 2>/dev/null
    printf 'texts\0'
    eval "exec cat $texts -"
  }
fi
