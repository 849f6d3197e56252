# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# What a host is like, for `host check`: a line each, `KEY WORDS`. Nothing of the host changes.
#
# Reads: engine client unit.

store=''
# said KEY COMMAND...: the command's status and its words on one line. An engine that hangs must not hold the rest up.
said() {
  key=$1
  shift
  words=$(timeout 20 "$@" 2>&1)
  status=$?
  printf '%s %s %s\n' "$key" "$status" "$(printf '%s' "$words" | tr '\n\r\t' '   ')"
}

# able WORD COMMAND...: what looks and activations need of the tools beyond POSIX.
able() {
  word=$1
  shift
  "$@" >/dev/null 2>&1 || printf 'unable %s\n' "$word"
}
able stat stat --printf '%.9Z' /
able sha256sum sha256sum -z /dev/null
able sync sync /etc/passwd
able sleep sleep 0.01
able timeout timeout 5 true
true &
able tail timeout 5 tail -c +1 -f -s 0.01 --pid="$!" /dev/null

# It is a file of assignments for shells (os-release(5)).
(
  # shellcheck source=/dev/null
  . /etc/os-release 2>/dev/null || . /usr/lib/os-release 2>/dev/null
  printf 'os-id %s\nos-like %s\nos-version %s\nos-name %s\n' "${ID-}" "${ID_LIKE-}" "${VERSION_ID-}" "${PRETTY_NAME-}"
)
! grep -rqs 'download\.docker\.com' /etc/apt/sources.list /etc/apt/sources.list.d /etc/yum.repos.d /etc/zypp/repos.d ||
  echo 'docker-repository yes'

if [ -x "$client" ]; then
  said client "$client" --version
  case $engine in
  docker)
    said server "$client" version --format '{{.Server.Version}}'
    more=$(timeout 20 "$client" info --format '{{.DockerRootDir}} {{json .RegistryConfig}}' 2>/dev/null)
    store=${more%% \{*}
    printf 'registries %s\n' "${more#"$store" }"
    ;;
  podman)
    said server "$client" info --format '{{.Store.GraphRoot}}'
    store=${words%% *}
    ;;
  esac
fi
if [ -n "$unit" ]; then
  systemctl show --property=LoadState,ActiveState,UnitFileState -- "$unit" 2>/dev/null | while IFS='=' read -r key value; do
    printf 'unit %s %s\n' "$key" "$value"
  done
fi

! command -v age >/dev/null || said age age --version
for key in /etc/ssh/ssh_host_*_key.pub $(sshd -T 2>/dev/null | sed -n 's/^hostkey \(.*\)/\1.pub/p'); do
  [ -r "$key" ] && read -r type base64 _ <"$key" && printf 'host-key %s %s\n' "$type" "$base64"
done
! command -v nft >/dev/null || echo 'nft yes'
! read -r enforce 2>/dev/null </sys/fs/selinux/enforce || printf 'selinux %s\n' "$enforce"
printf 'clock %s\n' "$(date +%s)"
timedatectl show --property=NTP,NTPSynchronized,CanNTP 2>/dev/null | while IFS='=' read -r key value; do
  printf 'time %s %s\n' "$key" "$value"
done

for place in /etc /var/lib "$store"; do
  [ -d "$place" ] || continue
  df -kP "$place" 2>/dev/null | {
    read -r _ && read -r _ size _ available _ && printf 'disk %s %s %s\n' "$size" "$available" "$place"
  }
  df -iP "$place" 2>/dev/null | {
    read -r _ && read -r _ size _ available _ && printf 'inodes %s %s %s\n' "$size" "$available" "$place"
  }
done
echo end
