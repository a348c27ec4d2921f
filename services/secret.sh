# Keeps a secret in a file, for whoever has the folder or volume that it's in; sourced.

# keep_secret FILE [VALUE [MODE]]: a VALUE that somebody gave; without one what is there already, or what is made now.
# MODE is 600. Where a container with another user reads the file from a volume, it is 444: the volume is the boundary.
keep_secret() {
  local file=$1 value=${2:-} mode=${3:-600}
  if [[ -z $value && -s $file ]]; then
    chmod "$mode" "$file" # the version before left it readable to everybody
    return
  fi
  mkdir -p "$(dirname "$file")"
  : "${value:=$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')}"
  rm -f "$file.new"
  (umask 077 && printf '%s\n' "$value" >"$file.new")
  chmod "$mode" "$file.new"
  mv -f "$file.new" "$file"
}
