# shellcheck shell=sh disable=SC2154,SC2034 # its globals are shared with the files beside it
# Inputs directories: a whole one gets its name last, and its files are mended in place.
#
# Reads: etc units cluster source; mends, the services whose files were changed by hand.
# Sets, for itself: to new service mark.

# place_inputs SERVICE DIRECTORY: a directory of this name is complete, since it got its name last.
place_inputs() {
  to=$etc/$1/$2 new=$etc/$1/.new-$2
  if [ -d "$to" ] && [ ! -L "$to" ]; then return 0; fi
  there "$etc/$1" && absent "$new" "$to" && run cp -R "$source/inputs/$1/$2" "$new" &&
    make_secrets "$1" "$2" "$new" && flush "$new" && run mv -T "$new" "$to" && run sync "$etc/$1" "$etc" &&
    wrote "$1"
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
  40-secrets.env | secret-files/*)
    remake_secret "$@"
    return
    ;;
  esac
  to=$etc/$1/$2/$3 new=$etc/$1/.new-file
  if [ -d "$to" ] && [ ! -L "$to" ]; then run rm -rf "$to" || return 1; fi
  there "${to%/*}" && absent "$new" && run cp "$source/inputs/$1/$2/$3" "$new" &&
    run sync "$new" && run mv -T "$new" "$to" && run sync "${to%/*}"
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
  service=$1
  shift
  for name; do
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
