# shellcheck shell=sh disable=SC2154,SC2034 # its globals are shared with the files beside it
# Inputs directories: a whole one gets its name last, and its files are mended in place.
#
# Reads: etc units cluster source supervisor; mends, the services whose files were changed by hand.
# Sets, for itself: to new service mark; listed_mode listed_owner listed_path, the columns of a line of
#   `files.modes`; found; used, the directory that a run of a job is under way from.

# place_inputs SERVICE DIRECTORY: a directory of this name is complete, since it got its name last.
place_inputs() {
  to=$etc/$1/$2 new=$etc/$1/.new-$2
  if [ -d "$to" ] && [ ! -L "$to" ]; then return 0; fi
  there "$etc/$1" && absent "$new" "$to" && run cp -R "$source/inputs/$1/$2" "$new" &&
    make_secrets "$1" "$2" "$new" && set_modes "$new" && flush "$new" && run mv -T "$new" "$to" && run sync "$etc/$1" "$etc" &&
    wrote "$1"
}

# set_modes DIRECTORY: in a new directory, files of the config repository get the permissions and owners of their list, and
# containers enter their directories.
set_modes() {
  [ -f "$1/files.modes" ] || return 0
  open_directories "$1" || return 1
  if [ -d "$1/files" ]; then run find "$1/files" -type f -exec chmod 0644 {} + || return 1; fi
  while read -r listed_mode listed_owner listed_path <&3; do
    case "$listed_mode $listed_owner" in
    '0644 0:0') ;;
    *) set_mode "$1/$listed_path" || return 1 ;;
    esac
  done 3<"$1/files.modes"
}

# open_directories DIRECTORY
open_directories() {
  [ ! -d "$1/files" ] || run find "$1/files" -type d ! -perm 0755 -exec chmod 0755 {} +
}

# mend_modes DIRECTORY: the same in one that is there. What is as it should be is left alone: each change leaves its moment.
mend_modes() {
  while read -r listed_mode listed_owner listed_path <&3; do
    if [ ! -f "$1/$listed_path" ] || [ -L "$1/$listed_path" ]; then continue; fi
    found=$(stat --printf '%04a %u:%g' -- "$1/$listed_path") || return 1
    if [ ! -O / ]; then listed_owner=${found#* }; fi
    [ "$found" = "$listed_mode $listed_owner" ] || set_mode "$1/$listed_path" || return 1
  done 3<"$1/files.modes"
}

# set_listed LIST PATH FILE: a file that is to have this path gets what the list says of it.
set_listed() {
  [ -f "$1" ] || return 0
  while read -r listed_mode listed_owner listed_path <&3; do
    [ "$listed_path" != "$2" ] || set_mode "$3" || return 1
  done 3<"$1"
}

# set_mode FILE: only root gives files away; below a root directory anybody may be at work.
set_mode() {
  if [ -O / ]; then run chown "$listed_owner" "$1" || return 1; fi
  run chmod "$listed_mode" "$1"
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
  40-secrets.env | 40-secrets.literal | secret-files/*)
    remake_secret "$@"
    return
    ;;
  esac
  to=$etc/$1/$2/$3 new=$etc/$1/.new-file
  if [ -d "$to" ] && [ ! -L "$to" ]; then run rm -rf "$to" || return 1; fi
  there "${to%/*}" && absent "$new" && run cp "$source/inputs/$1/$2/$3" "$new" &&
    set_listed "$source/inputs/$1/$2/files.modes" "$3" "$new" && run sync "$new" && run mv -T "$new" "$to" &&
    run sync "${to%/*}" || return 1
  case $3 in
  # Whoever changed the list may have changed what it speaks of.
  files.modes) mend_modes "$etc/$1/$2" ;;
  files/*) open_directories "$etc/$1/$2" ;;
  esac
}

# remove_input SERVICE DIRECTORY FILE: a file or directory that does not belong there.
remove_input() {
  did mended "$1"
  run rm -rf "$etc/$1/$2/$3"
}

# mark_edited SERVICE DIRECTORY SECONDS: the unit was edited then, and what is started from now on may run the edit: the
# mark is open, which its x bit says. A hand may have removed the directory meanwhile; then there is nothing to mark.
mark_edited() {
  [ -d "$etc/$1/$2" ] || return 0
  mark=$etc/$1/$2/.edited
  [ -e "$mark" ] || run touch "$mark" || return 1
  run chmod 0700 "$mark" && run touch -d "@$3" "$mark" && run sync "$mark" "$etc/$1/$2"
}

# close_marks: systemd has read what the edited units were overwritten by. The moment is that of the inode (ctime).
close_marks() {
  for mark in "$etc"/*/*/.edited; do
    [ ! -x "$mark" ] || run chmod 0600 "$mark" || return 1
  done
}

# remove_inputs SERVICE NAME...: under another name first, so that no half of one keeps its name.
remove_inputs() {
  service=$1 used=''
  shift
  if [ "$supervisor" = systemd ] && is_under_way "$cluster-$service"; then used=$(used_by_run "$cluster-$service"); fi
  for name; do
    # A run that began since the plan was made may have begun from any of them.
    case $used in
    all | "$name") continue ;;
    esac
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
