# shellcheck shell=sh disable=SC2154,SC2034 # its globals are shared with the files beside it
# Files that are made of secrets, in place of their ciphertexts.
#
# Reads: etc source; keys, of `host_keys`.
# Sets, for itself: the columns of a line of `.sealed`: sealed, the digest of the ciphertext, `-` where the file was
#   delivered; stands, the digest that stands for the file; mode; path. found, the digest of the file that was made.
#   to target list listed kept new delivered.

# make_secrets SERVICE DIRECTORY NEW: in a copy of a staged inputs directory, what is made of secrets in
# place of the ciphertexts. Only root enters it from then on. If anything fails nothing of it is left.
make_secrets() {
  [ -f "$3/.sealed" ] || return 0
  run chmod 0700 "$3" && run rm -f "$3/.sealed" && run touch "$3/.secrets" && run chmod 0600 "$3/.secrets" &&
    make_each "$1" "$2" "$3" && run sync "$3/.secrets" && return 0
  rm -rf "$3"
  return 1
}

make_each() {
  while read -r sealed stands mode path <&3; do
    run rm -f "$3/$path.age" && make_secret "$1" "$2" "$path" "$3/$path" && note_secret "$3" || return 1
  done 3<"$source/inputs/$1/$2/.sealed"
  delivered=$etc/$1/.secrets-$2
  [ ! -d "$delivered" ] || run rm -rf "$delivered"
}

# make_secret SERVICE DIRECTORY PATH TO: one file, from its ciphertext or from what was delivered
# beside its place. Leaves its digest in `found`. `sealed`, `stands` and `mode` are of the list.
make_secret() {
  run mkdir -p "${4%/*}" || return 1
  if [ "$sealed" = - ]; then
    run cp "$etc/$1/.secrets-$2/$3" "$4" || return 1
  else
    [ -n "$keys" ] || host_keys
    run open_sealed "$source/inputs/$1/$2/$3.age" "$4" || {
      rm -f "$4"
      return 1
    }
  fi
  run chmod "$mode" "$4" || return 1
  found=$(sha256sum <"$4") || return 1
  found=${found%% *}
}

# note_secret DIRECTORY: the digest of the file that was made, and the digest that stands for it.
note_secret() {
  said=$(printf '%s %s %s\n' "$found" "$stands" "$path" | { cat >>"$1/.secrets"; } 2>&1) ||
    fail "may not write $1/.secrets: ${said#cat: }"
}

# remake_secret SERVICE DIRECTORY FILE: a file of secrets in a directory that is there.
remake_secret() {
  to=$etc/$1/$2 target=$etc/$1/$2/$3 new=$etc/$1/.new-file
  list=$source/inputs/$1/$2/.sealed
  path=$3
  while read -r sealed stands mode listed <&3; do
    [ "$listed" != "$path" ] || break
  done 3<"$list"
  [ "$listed" = "$path" ] || fail "expected $path in $list, found none" || return 1
  run chmod 0700 "$to" && run mkdir -p "${target%/*}" || return 1
  # Root's alone while it is made, whatever the mode that it gets.
  if ! { run rm -rf "$new" && run mkdir -m 0700 "$new" &&
    make_secret "$1" "$2" "$path" "$new/file" && set_listed "$source/inputs/$1/$2/files.modes" "$path" "$new/file" && run sync "$new/file"; }; then
    rm -rf "$new"
    return 1
  fi
  run touch "$to/.secrets" && run chmod 0600 "$to/.secrets" || return 1
  kept=$(while read -r told stood other; do
    [ -z "$other" ] || [ "$other" = "$path" ] || printf '%s %s %s\n' "$told" "$stood" "$other"
  done <"$to/.secrets")
  write "$to/.secrets" "$kept" && note_secret "$to" && run sync "$to/.secrets" || return 1
  if [ -d "$target" ] && [ ! -L "$target" ]; then run rm -rf "$target" || return 1; fi
  run mv -T "$new/file" "$target" && run rm -rf "$new" && run sync "$to"
}
