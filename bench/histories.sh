#!/usr/bin/env bash
# bench/histories.sh [kind] [duration] [seed]: runs clients against the portal while faults happen, records the history and checks it. Prints a summary.
# kind: embedded, redis, cluster or sentinel. duration: seconds. docs/reliability.md describes the rules and further options.
# bench/histories.sh check FILE checks a recorded history again. Exit code 1: an anomaly. OTPPORTAL_HISTORIES names a directory with both built programs.
set -euo pipefail
cd "$(dirname "$0")/.."

programs=${OTPPORTAL_HISTORIES-}
if [ -z "$programs" ]; then
  programs=artifacts/histories
  dotnet publish OtpPortal --configuration Release --output "$programs" --nologo -v quiet
  dotnet publish OtpPortal.Histories --configuration Release --output "$programs" --nologo -v quiet
fi
exec dotnet "$programs/OtpPortal.Histories.dll" "$@"
