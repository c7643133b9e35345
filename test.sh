#!/usr/bin/env bash
# Installs what the tests need and lack, then runs every test. The last line is "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")"

# command → Debian package
needs=(chromium:chromium redis-server:redis-server nginx:nginx caddy:caddy python3:python3)
missing=()
for need in "${needs[@]}"; do
  command -v "${need%%:*}" >/dev/null || missing+=("${need##*:}")
done
# A system Python may stand behind another one on the PATH.
/usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || missing+=(python3-aiosmtpd)

if [ ${#missing[@]} -gt 0 ]; then
  echo "Installing: ${missing[*]}"
  apt=(apt-get)
  [ "$(id -u)" = 0 ] || apt=(sudo -n apt-get)
  if ! command -v apt-get >/dev/null ||
     ! { "${apt[@]}" update -qq && DEBIAN_FRONTEND=noninteractive "${apt[@]}" install -y -qq --no-install-recommends "${missing[@]}"; } >/dev/null; then
    echo "Please install these programs, then run this again: ${missing[*]}" >&2
    echo "0 passed, 1 failed"
    exit 1
  fi
fi

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
if ! dotnet build OtpPortal.sln --nologo -v quiet; then
  echo "0 passed, 1 failed"
  exit 1
fi

# The test runner leaves empty folders behind in the one for temporary files. nginx's worker, who may be somebody else, must get into it.
mkdir "$results/temporary"
chmod a+rx "$results" "$results/temporary"

status=0
for project in OtpPortal.Tests OtpPortal.E2E; do
  TMPDIR="$results/temporary" dotnet test "$project" --no-build --nologo -v quiet --logger "trx;LogFileName=$project.trx" --results-directory "$results" "$@" || status=1
done

passed=0
failed=0
for trx in "$results"/*.trx; do
  [ -e "$trx" ] || continue
  counters=$(grep -o '<Counters [^>]*>' "$trx")
  count() { sed -nE "s/.* $1=\"([0-9]+)\".*/\1/p" <<<"$counters"; }
  passed=$((passed + $(count passed)))
  # Whatever ran and did not pass has failed: errors, timeouts and aborts too.
  failed=$((failed + $(count executed) - $(count passed)))
done
[ "$status" = 0 ] || [ "$failed" -gt 0 ] || failed=1
[ "$passed" -gt 0 ] || failed=$((failed + 1))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
