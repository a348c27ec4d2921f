# Keeps a secret in a file, for whoever has the folder or volume that it's in; sourced.

# keep_secret FILE [VALUE]: a VALUE that somebody gave; without one what is there already, or what is made now.
keep_secret() {
  local file=$1 value=${2:-}
  if [[ -z $value && -s $file ]]; then
    return
  fi
  mkdir -p "$(dirname "$file")"
  : "${value:=$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')}"
  rm -f "$file.new"
  printf '%s\n' "$value" >"$file.new"
  chmod 444 "$file.new"
  mv -f "$file.new" "$file"
}
