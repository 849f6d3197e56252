# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# Reads: id from carried, and what every script begins with.

# carry SERVICE DIRECTORY UNIT_FILE...: what is not sent is copied from a generation.
carry() {
  mkdir -p "$new/units" "$new/inputs/$1" && cp -a "$from/inputs/$1/$2" "$new/inputs/$1/" || return 1
  shift 2
  for file; do
    cp -a "$from/units/$file" "$new/units/" || return 1
  done
}

unpack() {
  new=$var/staging/$id.new
  [ -d "$var/staging" ] && [ -d "$var/generations" ] || mkdir -p "$var/staging" "$var/generations" || return 1
  for left in "$var"/staging/*; do
    [ ! -e "$left" ] || rm -rf "$left" || return 1
  done
  mkdir "$new" && tar -x -m -o -p -f - -C "$new" && carried && mv -T "$new" "$var/staging/$id"
}

if said=$(unpack 2>&1); then
  printf 'staged\n'
else
  case $said in
  # Where a disk fills up in the middle of a block, tar tells nothing else.
  *'Wrote only'*) said="No space left on device: $said" ;;
  esac
  printf 'failed %s\n' "${said:-the files could not be unpacked}"
fi
