# shellcheck shell=sh disable=SC2154,SC2034 # its globals are shared with the files beside it
# Unit files, what they are enabled by, and systemd that reads them. A file is called with its suffix.
#
# Reads: root units cluster source; status, of `run`; the functions of ours.sh.
# Sets, for itself: to new unit calls.

# service_of FILE: whose unit file it is, in `unit`; a unit without its suffix will do. No service has a dot in its name, or an @.
service_of() {
  unit=${1#"$cluster"-}
  unit=${unit%%.*}
  unit=${unit%@*}
}

# ours FILE: whether it is a unit of this cluster, or none.
ours() {
  [ -e "$1" ] || [ -L "$1" ] || return 0
  is_ours "$1" || fail "$1 is not a unit of $cluster; it is left alone"
}

# write_unit FILE: systemd reads no file whose name does not end like a unit's.
write_unit() {
  to=$units/$1 new=$units/.$1.bayplan-new
  service_of "$1"
  there "$units" && ours "$to" && absent "$new" && run cp "$source/units/$1" "$new" &&
    run sync "$new" && run mv -T "$new" "$to" && run sync "$units" && wrote "$unit"
}

# unlink_unit FILE: as `systemctl --no-reload disable`, also if it is gone.
unlink_unit() {
  for link in "$units"/*.wants/"$1" "$units"/*.requires/"$1"; do
    [ ! -L "$link" ] || run rm -f "$link" || return 1
  done
}

# link_unit FILE DIRECTORY...: as `systemctl --no-reload reenable`, where no systemctl need be.
link_unit() {
  unit=$1
  shift
  unlink_unit "$unit" || return 1
  for directory; do
    run mkdir -p "$units/$directory" &&
      run ln -s "/etc/systemd/system/$unit" "$units/$directory/$unit" || return 1
  done
}

# enable_units FILE...
enable_units() {
  again systemctl --quiet --no-reload reenable "$@" && run sync "$units" || return 1
  for unit; do
    service_of "$unit"
    wrote "$unit"
  done
}

# disable_units FILE...: as `systemctl --no-reload disable`, also where none is.
disable_units() {
  for file; do
    ours "$units/$file" && unlink_unit "$file" || return 1
  done
  run sync "$units"
}

# end_hold SERVICE
end_hold() {
  run rm -f "$var/holds/$1"
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

# reload: the moment is from before, so whatever is older than it was read.
reload() {
  there "$root/run/bayplan" && run touch "$root/run/bayplan/reloading" || return 1
  again timeout 120 systemctl daemon-reload || {
    [ "$status" != 124 ] || fail 'systemd took more than 120 s to reload; a slow generator in /usr/lib/systemd/system-generators is the usual cause'
    return 1
  }
  run mv -T "$root/run/bayplan/reloading" "$root/run/bayplan/reloaded" && close_marks
}

# remove_unit FILE: one beside that of a service which stays is a change of the service.
remove_unit() {
  to=$units/$1
  ours "$to" || return 1
  case $1 in
  *.watch.*)
    drop_watch "$1"
    return
    ;;
  # Without its file a run would leave its container behind when it ends.
  *.service) ! is_under_way "${1%.service}" || fail "a run of ${1%.service} is under way" || return 1 ;;
  esac
  unlink_unit "$1" && run rm -f "$to" && run sync "$units" || return 1
  service_of "$1"
  case $1 in
  *.service) did removed "$unit" ;;
  *) [ ! -e "$units/$cluster-$unit.service" ] || wrote "$unit" ;;
  esac
}
