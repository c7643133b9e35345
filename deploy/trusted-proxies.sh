#!/bin/sh
# Writes TRUSTED_PROXIES (addresses and networks with commas between them) as nginx directives. The nginx image runs this before it starts nginx.
set -eu
for proxy in $(echo "${TRUSTED_PROXIES:-}" | tr ',' ' '); do
  echo "set_real_ip_from $proxy;"
done >"${1:-/etc/nginx/trusted-proxies.conf}"
