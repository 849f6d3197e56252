# shellcheck shell=sh
# untar DIRECTORY: unpacks standard input there. Where a disk fills up in the middle of a block, tar tells only how much
# it wrote.
untar() {
  told=$(tar -x -m -o -p -f - -C "$1" 2>&1) && return
  case $told in
  *'Wrote only'*) told="No space left on device: $told" ;;
  esac
  printf '%s\n' "$told"
  return 1
}
