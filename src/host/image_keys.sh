# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# What an image is known by, wherever it is: its id here, and its digests in registries.
#
# Reads: engine.

# image_keys REFERENCE: words; nothing if there is no such image.
image_keys() {
  "$engine" image inspect --format '{{.Id}}{{range .RepoDigests}} {{.}}{{end}}' "$1" 2>/dev/null
}
