# Stores a secret in a file, for the services that mount its folder or volume; sourced.

# keep_secret FILE [VALUE [MODE]]: stores VALUE; without it, keeps the stored value, or generates the first one.
# MODE is 600 by default. It is 444 where a container with another user reads the file: the volume is the boundary.
keep_secret() {
  local file=$1 value=${2:-} mode=${3:-600}
  if [[ -z $value && -s $file ]]; then
    chmod "$mode" "$file" # an earlier version left it readable to everybody
    return
  fi
  mkdir -p "$(dirname "$file")"
  : "${value:=$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')}"
  rm -f "$file.new"
  (umask 077 && printf '%s\n' "$value" >"$file.new")
  chmod "$mode" "$file.new"
  mv -f "$file.new" "$file"
}
