#!/usr/bin/env bash
# For images: makes a build stage trust a company's CA (the build secret company-ca, a PEM file) and use its
# mirror of Maven's repository (MAVEN_MIRROR_URL). Does nothing without them.
set -euo pipefail

if [ -s /run/secrets/company-ca ]; then
  cp /run/secrets/company-ca /usr/local/share/ca-certificates/company-ca.crt
  update-ca-certificates >/dev/null   # updates Java's trust store, too
fi
if [ -n "${MAVEN_MIRROR_URL:-}" ]; then
  mkdir -p "$HOME/.m2"
  cat >"$HOME/.m2/settings.xml" <<XML
<settings><mirrors><mirror><id>company</id><mirrorOf>*</mirrorOf><url>$MAVEN_MIRROR_URL</url></mirror></mirrors></settings>
XML
fi
