#!/usr/bin/env bash
# Measures the portal against a bare endpoint on the same Redis, in one run, and prints tables. Needs wrk, nginx and redis-server.
# bench/run.sh [seconds a round, default 5] [requests] [gateway] [api] [delivery] [sessions] [pages] [replicas]
set -euo pipefail
cd "$(dirname "$0")/.."
for program in wrk nginx redis-server; do
  command -v "$program" >/dev/null || { echo "Please install $program." >&2; exit 1; }
done
dotnet publish OtpPortal --configuration Release --use-current-runtime --output artifacts/bench --nologo -v quiet
dotnet run --project bench/OtpPortal.Bench --configuration Release -- "$@"
