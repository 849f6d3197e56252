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
    if [ "$1" = digest ] && [ -f "$2" ] && [ ! -L "$2" ]; then sha256sum -z -- "$2"; fi
    stat --printf 's %f %s %.9Z %.9Y %n\0' -- "$2"
    ;;
  *)
    names="$names '$2'"
    if [ "$1" = digest ] && [ -f "$2" ] && [ ! -L "$2" ]; then files="$files '$2'"; fi
    ;;
  esac
}

# walk DIRECTORY: takes everything below it. Nothing may follow the recursion: `entry` is shared.
walk() {
  for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    [ -e "$entry" ] || [ -L "$entry" ] || continue
    take digest "$entry"
    [ ! -d "$entry" ] || [ -L "$entry" ] || walk "$entry"
  done
}

# each digest|plain PATH...: takes those that are there; a pattern that matches nothing is not.
each() {
  kind=$1
  shift
  for entry; do
    [ -e "$entry" ] || [ -L "$entry" ] || continue
    take "$kind" "$entry"
    # shellcheck disable=SC3013 # dash, bash and busybox have it
    if [ -L "$entry" ] && [ "$entry" -ef /dev/null ]; then printf 'masked %s\0' "$entry"; fi
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
  each digest "$units/$cluster"-*.service
  for place in $places; do
    each plain "$root$place/$cluster"-*.service
  done
  for place in /etc/systemd/system.control /run/systemd/system.control /etc/systemd/system $places; do
    each plain "$root$place/$cluster"-*.service.d/*.conf
  done
  each plain "$units"/*.wants/"$cluster"-*.service "$units"/*.requires/"$cluster"-*.service
  each plain "$var"/generations/*
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
      each plain "$var/current/$text"
      texts="$texts '$var/current/$text'"
    done
  elif [ -e "$var/current" ]; then
    printf 'current other\0'
  fi
  if [ "$runs" = processes ]; then
    # An invocation's link is made when a unit starts; the other two were made before systemd
    # last read the unit files.
    each plain /run/systemd/units/invocation:"$cluster"-*.service /run/bayplan/reloaded /run/systemd/notify
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
  [ -w "$units" ] || problem unwritable "$units"
  command -v "$engine" >/dev/null 2>&1 || problem engine "$engine"
}

containers() {
  case $runs.$engine in
  files.*) ;;
  processes.docker)
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
