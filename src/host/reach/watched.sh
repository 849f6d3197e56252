# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# What a command says after its first $from bytes, as it comes, for two seconds at most; then, after a NUL, how it
# ended, or how much the engine has moved so far: of a pull nothing else tells that it goes on.
#
# Reads: said from bp_job.

timeout 2 tail -c "+$((from + 1))" -f -s 0.02 --pid="$bp_job" "$said" 2>/dev/null
followed=$?
case $followed in
0 | 124) ;;
*)
  # A `tail` that cannot follow, as busybox's. What the command says of it must arrive all the same.
  tries=20 followed=124
  until [ -s "$said.status" ] || [ "$tries" = 0 ]; do
    sleep 0.1
    tries=$((tries - 1))
  done
  [ ! -s "$said.status" ] || followed=0
  tail -c "+$((from + 1))" "$said" 2>/dev/null
  ;;
esac
if [ "$followed" != 124 ]; then
  # The command is gone, and all of its words were read.
  read -r status 2>/dev/null <"$said.status" || status=255
  cat "$said.errors" >&2
  rm -f "$said" "$said".*
  printf '\0ended %s\n' "$status"
  exit
fi
moved=0
for process in /proc/[0-9]*; do
  read -r name <"$process/comm" || continue
  case $name in
  dockerd | containerd | podman | docker-untar | storage-untar) ;;
  *) continue ;;
  esac
  while read -r key bytes; do
    case $key in
    rchar: | wchar:) moved=$((moved + bytes)) ;;
    esac
  done <"$process/io"
done 2>/dev/null
printf '\0goes on %s\n' "$moved"
