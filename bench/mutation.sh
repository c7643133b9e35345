#!/usr/bin/env bash
# bench/mutation.sh [glob…]: mutation testing of the one-time codes, and of the parts of sessions whose tests are fast.
# Prints the score and the surviving mutants; the report is in OtpPortal.Tests/StrykerOutput.
set -euo pipefail
cd "$(dirname "$0")/../OtpPortal.Tests"

globs=("$@")
[ ${#globs[@]} -gt 0 ] || globs=("**/OneTimeCodes/*.cs" "**/Sessions/SessionCursor.cs" "**/Sessions/SessionRecord.cs" "**/Sessions/AuthToken.cs" "**/Sessions/TokenStore.cs")
mutate=()
for glob in "${globs[@]}"; do mutate+=(--mutate "$glob"); done

dotnet tool restore >/dev/null
# The tests of interleavings and races find no mutant that the others miss, and take minutes for each.
dotnet stryker --project OtpPortal.csproj "${mutate[@]}" --concurrency 2 --reporter cleartext --reporter html \
  --test-case-filter "FullyQualifiedName~CodeStoreOnRedisTests|FullyQualifiedName~TypedCode|FullyQualifiedName~TokenStoreOnRedisTests|FullyQualifiedName~AuthTokenTests"
