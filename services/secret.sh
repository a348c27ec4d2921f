# Stores a secret in a file, for the services that mount its folder or volume; sourced.

# keep_secret FILE [VALUE [MODE [DATA]]]: stores VALUE; without it, keeps the stored value, or generates the first one.
# MODE is 600 by default. It is 444 where a container with another user reads the file: the volume is the boundary.
# A damaged file, as a power cut leaves it, is put aside and its secret generated again. DATA is what was made with the
# secret and knows no other: while it exists, a file that is missing or damaged is an error.
keep_secret() {
  local file=$1 value=${2:-} mode=${3:-600} data=${4:-}
  if [[ -z $value ]] && is_secret "$file"; then
    chmod "$mode" "$file" # an earlier version left it readable to everybody
    return
  fi
  if [[ -n $data && -e $data ]]; then
    echo "$file is missing or damaged, and $data was made with its secret: put a copy of the file back, or remove both" >&2
    return 1
  fi
  mkdir -p "$(dirname "$file")"
  if [[ -z $value && -e $file ]]; then
    mv -f "$file" "$file.damaged"
    echo "$file was damaged: it is now $file.damaged, and its secret is a new one; restart what has read the old one" >&2
  fi
  : "${value:=$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')}"
  rm -f "$file.new"
  (umask 077 && printf '%s\n' "$value" >"$file.new")
  chmod "$mode" "$file.new"
  sync "$file.new" 2>/dev/null || sync # a system whose sync takes no file writes everything
  mv -f "$file.new" "$file"
  sync "$(dirname "$file")" 2>/dev/null || sync # of the new name
}

# is_secret FILE: whether the file has text, and no zero bytes, which a power cut may leave.
is_secret() {
  [[ -f $1 && -n $(tr -d '[:space:]\0' <"$1") && $(tr -d '\0' <"$1" | wc -c) -eq $(wc -c <"$1") ]]
}
