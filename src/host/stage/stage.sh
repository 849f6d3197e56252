# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# Reads: id from stays carried, and what every script begins with.

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
  # What was pushed goes with its files, unless it stays.
  [ -n "$stays" ] || rm -f "$var/pushed.json" || return 1
  for left in "$var"/staging/*; do
    [ ! -e "$left" ] || [ "${left##*/}" = "$stays" ] || rm -rf "$left" || return 1
  done
  mkdir "$new" && untar "$new" && carried && mv -T "$new" "$var/staging/$id"
}

if said=$(unpack 2>&1); then
  printf 'staged\n'
else
  printf 'failed %s\n' "${said:-the files could not be unpacked}"
fi
