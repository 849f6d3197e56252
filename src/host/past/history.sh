# shellcheck shell=sh disable=SC2154 # what it reads is set before it
# Reads: staged numbered of_generation release record made journal_words journal_fields, and what every script begins with.

# did WORD SERVICE: what was done to a service of this host, for its history.
did() {
  if [ -d "$staged" ]; then did_=$staged/did; else did_=$numbered/did; fi
  printf '%s %s\n' "$1" "$2" >>"$did_" || :
} 2>/dev/null

# to_journal: the entry on standard input, a field a line, becomes a line of the journal. Only `logger` of util-linux takes
# fields; another one gets the message alone.
to_journal() {
  entry_=$(cat)
  printf '%s\n' "$entry_" | timeout 10 logger --journald && return
  entry_=${entry_%%
*}
  timeout 10 logger -t bayplan -- "${entry_#MESSAGE=}"
} >/dev/null 2>&1

# tell_journal RESULT LAST: a line in the journal of this host for a line of its history; LAST is the one before it. That of a
# wave which others follow waits for them: what comes in their place tells it, if nothing else does.
tell_journal() {
  [ "$supervisor" = systemd ] || return 0
  case $2 in
  # The same is noted when a generation becomes current, and once more at the end.
  *"\"release\":\"$release\","*"\"result\":\"$1\""*) return 0 ;;
  esac
  waiting_=$var/.untold priority_=4
  if [ -f "$waiting_" ]; then
    grep -qxF "BAYPLAN_RELEASE=$release" "$waiting_" || to_journal <"$waiting_"
    rm -f "$waiting_"
  fi
  [ "$1" != 'done' ] || priority_=5
  entry_=$(printf 'MESSAGE=%s: %s\nSYSLOG_IDENTIFIER=bayplan\nPRIORITY=%s\n%s\nBAYPLAN_GENERATION=%s\nBAYPLAN_RESULT=%s' \
    "$journal_words" "$1" "$priority_" "$journal_fields" "$of_generation" "$1")
  case $1 in
  'not finished') printf '%s\n' "$entry_" >"$waiting_" ;;
  *) printf '%s\n' "$entry_" | to_journal ;;
  esac
  # Nobody is there to hear of it.
  return 0
} 2>/dev/null

# note_history RESULT WHY: the line of this release in the history of this host, for people. There is one a
# release: that of a wave takes the place of the one before. `why` is the inside of a JSON string, and may be empty.
note_history() {
  list_started='' list_restarted='' list_stopped='' list_mended='' list_written='' list_removed='' list_ran=''
  if [ -f "$staged/did" ]; then did_=$staged/did; else did_=$numbered/did; fi
  [ ! -f "$did_" ] || while read -r word_ name_; do
    case $word_ in
    started | restarted | stopped | mended | written | removed | ran) eval "list_=\$list_$word_" ;;
    *) continue ;;
    esac
    case ,$list_, in
    *",\"$name_\","*) ;;
    *) eval "list_$word_=\$list_\${list_:+,}\\\"\$name_\\\"" ;;
    esac
  done <"$did_"
  line_=$(printf '%s,"generation":%s,"made":%s,"result":"%s","finished":"%s","started":[%s],"restarted":[%s],"stopped":[%s],"mended":[%s],"written":[%s],"removed":[%s]%s%s}' \
    "$record" "$of_generation" "$made" "$1" "$(date +%Y-%m-%dT%H:%M:%SZ)" "$list_started" "$list_restarted" \
    "$list_stopped" "$list_mended" "$list_written" "$list_removed" "${list_ran:+,\"ran\":[$list_ran]}" \
    "${2:+,\"why\":\"$2\"}")
  last_=$(tail -n 1 "$var/history" 2>/dev/null)
  {
    mkdir -p "$var"
    case $last_ in
    *"\"release\":\"$release\","*)
      head -n -1 "$var/history" >"$var/.history.new" && printf '%s\n' "$line_" >>"$var/.history.new" &&
        mv -T "$var/.history.new" "$var/history"
      ;;
    # A power cut may have left a half one.
    '' | *'}') printf '%s\n' "$line_" | cat >>"$var/history" ;;
    *) printf '\n%s\n' "$line_" | cat >>"$var/history" ;;
    esac
  } 2>/dev/null || {
    printf 'note may not write %s\n' "$var/history"
    tell_journal "$1" "$last_"
    return 0
  }
  printf 'recorded %s\n' "$1"
  tell_journal "$1" "$last_"
  # Years of releases, but not without end.
  if [ "$(wc -l <"$var/history")" -gt 2000 ]; then
    tail -n 1000 "$var/history" >"$var/.history.new" && mv -T "$var/.history.new" "$var/history"
  fi
  return 0
}
