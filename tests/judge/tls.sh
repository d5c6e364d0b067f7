#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# TLS in front of the HTTP server, beside curl and openssl s_client: the same bytes as without it; garbage does no harm.
set -eu
programs=$RUNG_BUILD/examples
[ -x "$programs/tls" ] && [ -x "$programs/http" ] || { echo "skip: not built (libssl-dev, libhttp-parser-dev)"; exit 77; }
. "$(dirname "$0")/_server.sh"
need_tools curl openssl
http= tls=
servers="http tls"

openssl req -x509 -nodes -newkey rsa:2048 -days 2 -subj /CN=localhost -keyout "$scratch/key" -out "$scratch/cert" 2>/dev/null
mkdir "$scratch/www"
head -c 5000000 /dev/urandom >"$scratch/www/big"
echo hello >"$scratch/www/index.html"
export RUNG_PROCS=2
"$programs/http" "unix:$scratch/socket" "$scratch/www" 2>"$scratch/http.err" &
http=$!
address_in "$scratch/http.err"
"$programs/tls" "$scratch/cert" "$scratch/key" 127.0.0.1:0 "unix:$scratch/socket" 2>"$scratch/tls.err" &
tls=$!
address_in "$scratch/tls.err"
get() { curl -sS --cacert "$scratch/cert" --resolve "localhost:${address##*:}:127.0.0.1" "$@"; }
[ "$(get "https://localhost:${address##*:}/")" = hello ] || fail "curl does not get the page"
for _ in 1 2 3; do
    get "https://localhost:${address##*:}/big" | cmp - "$scratch/www/big" || fail "a large file comes differently"
done
for version in tls1_2 tls1_3; do
    printf 'GET / HTTP/1.0\r\n\r\n' | timeout 100 openssl s_client -quiet -$version -ign_eof -CAfile "$scratch/cert" \
        -connect "$address" 2>/dev/null | grep -q hello || fail "openssl s_client -$version does not get the page"
done
for _ in $(seq 20); do # twenty at once
    (get "https://localhost:${address##*:}/big" | cmp - "$scratch/www/big" || touch "$scratch/failed") &
    pids="${pids:-} $!"
done
wait $pids
[ ! -e "$scratch/failed" ] || fail "one of many at once comes differently"
exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
head -c 1000 /dev/urandom >&3
timeout 100 cat <&3 >/dev/null || fail "garbage is waited for"
exec 3>&-
[ "$(get "https://localhost:${address##*:}/")" = hello ] || fail "after garbage nothing is served"
expect_few_descriptors $tls
kill -TERM $tls
wait $tls || fail "exit status $? after SIGTERM"
tls=
