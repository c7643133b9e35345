#!/usr/bin/env bash
# Kills the portal on its embedded store at random moments under load, 1,000 times or as often as the first argument says, and fails if anything that
# it has acknowledged is lost or a start fails. Prints a summary every 100 kills. OTPPORTAL_KILLS_KEEP=DIR keeps the store there as the last kill left it.
set -euo pipefail
cd "$(dirname "$0")/.."

OTPPORTAL_KILLS="${1:-1000}" dotnet test OtpPortal.Tests -c Release --nologo \
  --filter "FullyQualifiedName~EmbeddedStoreKillTests.Acknowledged_writes_survive_kills" --logger "console;verbosity=detailed"
