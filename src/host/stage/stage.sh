# carry UNIT SERVICE DIRECTORY: what is not sent is copied from a generation.
carry() {
  mkdir -p "$new/units" "$new/inputs/$2" &&
    cp -a "$from/units/$1.service" "$new/units/" &&
    cp -a "$from/inputs/$2/$3" "$new/inputs/$2/"
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
  printf 'failed %s\n' "${said:-the files could not be unpacked}"
fi
