# Ties a heartbeat to the process that writes it: the heartbeat of an ended process must not count for the next one,
# which may even have the same pid (a container's pids repeat from one start to the next). Sourced.

# process_start PID: prints the boot id and the start, by the boot clock, of a live process; else nothing.
process_start() {
  local stat
  if [[ -r /proc/self/stat ]]; then
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
    set -- ${stat##*) } # after the name, which may hold any character: the state, and 18 fields on the start
    [[ $1 == [ZX] ]] || printf '%s %s\n' "$(</proc/sys/kernel/random/boot_id)" "${20}"
  else
    # BSD's ps pads the column, and prints the date in the caller's locale.
    set -- $(LC_ALL=C ps -o lstart= -p "$1")
    [[ $# -eq 0 ]] || printf '%s\n' "$*"
  fi
}

# claim FILE: records this process, and the program that it becomes by exec, as the writer of the heartbeat.
claim() {
  printf '%s\n%s\n' $$ "$(process_start $$)" >"$1"
}

# claimed FILE: succeeds while the process that last claimed FILE lives, and without a FILE: a process of an
# earlier release claimed none.
claimed() {
  [[ -e $1 ]] || return 0
  local pid='' start=''
  { read -r pid && read -r start; } 2>/dev/null <"$1" || return 1
  [[ -n $start && $(process_start "$pid") == "$start" ]]
}
