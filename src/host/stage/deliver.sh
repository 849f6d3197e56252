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
  untar "$etc"
}

if said=$(deliver 2>&1) && said=$(whole 2>&1); then
  printf 'delivered\n'
else
  undeliver
  printf 'failed %s\n' "${said:-the secrets did not arrive}"
fi
