#!/usr/bin/env bash
# build/release-notes.sh VERSION
# Prints what CHANGELOG.md says of a version. Fails if it says nothing, or if Directory.Build.props has another version.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:?A version is needed, such as 1.0.0.}
built=$(sed -nE 's|.*<VersionPrefix>(.*)</VersionPrefix>.*|\1|p' Directory.Build.props)
if [ "$version" != "$built" ]; then
  echo "VersionPrefix in Directory.Build.props must be $version, but is \"$built\"." >&2
  exit 1
fi
notes=$(awk -v heading="## [$version] - " '
  /^## / || /^\[[^]]+\]: / { found = index($0, heading) == 1; next }
  found { print }' CHANGELOG.md)
if [ -z "${notes//[[:space:]]/}" ]; then
  echo "CHANGELOG.md must have a section \"## [$version] - DATE\" that is not empty." >&2
  exit 1
fi
echo "$notes"
