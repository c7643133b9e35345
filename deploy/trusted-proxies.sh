#!/bin/sh
# Writes TRUSTED_PROXIES (comma-separated addresses and networks) as nginx directives. The nginx image runs this script before nginx starts.
set -eu
for proxy in $(echo "${TRUSTED_PROXIES:-}" | tr ',' ' '); do
  echo "set_real_ip_from $proxy;"
done >"${1:-/etc/nginx/trusted-proxies.conf}"
