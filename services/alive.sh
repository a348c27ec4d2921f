# Ties a sign of life to the process that gives it: what one process left behind is no sign of the next,
# which may even have its pid (a container's pids repeat from one start to the next). Sourced.

# process_start PID: boot and start of a living process, by a clock that nobody sets; nothing without one.
process_start() {
  local stat
  if [[ -r /proc/self/stat ]]; then
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
    set -- ${stat##*) } # after the name, which may hold anything: the state, and 18 fields on the start
    [[ $1 == [ZX] ]] || printf '%s %s\n' "$(</proc/sys/kernel/random/boot_id)" "${20}"
  else
    # BSD's ps pads the column, and words it in the language of whoever asks.
    set -- $(LC_ALL=C ps -o lstart= -p "$1")
    [[ $# -eq 0 ]] || printf '%s\n' "$*"
  fi
}

# claim FILE: writes that the signs of life are this process's from now on, and what it becomes by exec.
claim() {
  printf '%s\n%s\n' $$ "$(process_start $$)" >"$1"
}

# claimed FILE: does the process live that has claimed it last? Yes without a FILE: a process of the release
# before claimed nothing.
claimed() {
  [[ -e $1 ]] || return 0
  local pid='' start=''
  { read -r pid && read -r start; } 2>/dev/null <"$1" || return 1
  [[ -n $start && $(process_start "$pid") == "$start" ]]
}
