# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# Reads: root.

# host_keys: leaves in `keys` the options of age that name this host's own SSH keys, those that age can
# use: where they usually are, and where sshd's configuration has them.
keys=''
host_keys() {
  own=''
  [ -n "$root" ] || own=$(sshd -T 2>/dev/null | sed -n 's/^hostkey //p')
  for key in "$root"/etc/ssh/ssh_host_*_key $own; do
    if [ ! -r "$key" ] || [ ! -r "$key.pub" ]; then continue; fi
    case $(cat "$key.pub") in
    'ssh-ed25519 '* | 'ssh-rsa '*) keys="$keys -i '$key'" ;;
    esac
  done
}

# open_to_nowhere FILE: says what age says of a ciphertext, and nothing that is in it.
open_to_nowhere() {
  { eval "age --decrypt $keys -- \"\$1\"" >/dev/null; } 2>&1
}

# open_sealed FROM TO: nobody else can read the new file from its first byte on. age writes plaintext
# before it knows that its input is whole, so only its status makes the file count.
open_sealed() (
  umask 077
  eval "age --decrypt $keys -- \"\$1\"" >"$2"
)
