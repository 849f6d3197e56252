# shellcheck shell=sh disable=SC2154,SC2034 # its globals are shared with the files beside it
# Files and directories, for the other steps.
#
# Reads: nothing of the others.
# Sets: said.

# there DIRECTORY: makes it where it is not.
there() {
  [ -d "$1" ] || run mkdir -p "$1"
}

# absent PATH...: nothing has these names afterwards.
absent() {
  for name_; do
    if [ -e "$name_" ] || [ -L "$name_" ]; then run rm -rf "$name_" || return 1; fi
  done
}

# write FILE LINE: by a program that says why it failed; the shell's own does not.
write() {
  said=$(printf '%s\n' "$2" | { cat >"$1"; } 2>&1) || fail "may not write $1: ${said#cat: }"
}

# flush DIRECTORY: every file and directory in it is on the disk. Nothing may follow the recursion
# that needs `entry`.
flush() {
  for entry in "$1"/*; do
    [ ! -d "$entry" ] || flush "$entry" || return 1
  done
  set -- "$1" "$1"/*
  # A pattern that matches nothing stays as it is: the last service of a host may have left.
  [ -e "$2" ] || set -- "$1"
  run sync "$@"
}
