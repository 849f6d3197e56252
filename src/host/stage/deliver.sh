# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# Puts what arrives beside the inputs directories that it is for, where only root enters. What is cut
# off is found by its size.
#
# Reads: services whole undeliver, and what every script begins with.

deliver() {
  for service in $services; do
    mkdir -p "$etc/$service" || return 1
  done
  umask 077
  tar -x -m -o -p -f - -C "$etc"
}

if said=$(deliver 2>&1) && said=$(whole 2>&1); then
  printf 'delivered\n'
else
  undeliver
  case $said in
  # Where a disk fills up in the middle of a block, tar tells nothing else.
  *'Wrote only'*) said="No space left on device: $said" ;;
  esac
  printf 'failed %s\n' "${said:-the secrets did not arrive}"
fi
