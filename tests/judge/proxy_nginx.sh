#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The proxy in front of nginx: curl gets the same files through it, also at once and cut short; wrk sees no error.
set -eu
programs=$RUNG_BUILD/examples
PATH=$PATH:/usr/sbin
. "$(dirname "$0")/_server.sh"
need_tools nginx curl
nginx= proxy=
servers="nginx proxy"
export RUNG_PROCS=2

mkdir "$scratch/www"
echo hello >"$scratch/www/index.html"
head -c 20000000 /dev/urandom >"$scratch/www/big"
cat >"$scratch/nginx.conf" <<END
daemon off; master_process off; pid $scratch/pid; error_log $scratch/error.log;
events { worker_connections 2000; }
http {
    access_log off;
    client_body_temp_path $scratch/a; proxy_temp_path $scratch/b; fastcgi_temp_path $scratch/c;
    uwsgi_temp_path $scratch/d; scgi_temp_path $scratch/e;
    server { listen unix:$scratch/nginx.sock; root $scratch/www; }
}
END
nginx -e "$scratch/error.log" -c "$scratch/nginx.conf" -p "$scratch" &
nginx=$!
wait_until test -S "$scratch/nginx.sock"

get() { curl -sS --max-time 150 "$@"; }
fetch_all() {
    local pids= i
    [ "$(get "http://$address/")" = hello ] || fail "the page does not come"
    get "http://$address/big" | cmp - "$scratch/www/big" || fail "a large file comes differently"
    for i in $(seq 20); do # parts, many at once, with some who leave in the middle
        (get -r $((i * 1000))-$((i * 100000)) "http://$address/big" |
            cmp - <(tail -c +$((i * 1000 + 1)) "$scratch/www/big" | head -c $((i * 99000 + 1))) || touch "$scratch/failed") &
        pids="$pids $!"
        (get "http://$address/big" 2>/dev/null | head -c 100000 >/dev/null || true) &
        pids="$pids $!"
    done
    wait $pids
    [ ! -e "$scratch/failed" ] || fail "one of many at once comes differently"
    expect_few_descriptors $proxy
}

start_proxy "unix:$scratch/nginx.sock"
fetch_all
if command -v wrk >/dev/null; then
    wrk -t1 -c50 -d1s --timeout 100s "http://$address/" >"$scratch/wrk"
    grep -qE 'Socket errors|Non-2xx' "$scratch/wrk" && fail "wrk: $(cat "$scratch/wrk")"
    grep -q 'Requests/sec' "$scratch/wrk" || fail "wrk did not work"
    expect_few_descriptors $proxy
fi
stop_proxy
export RUNG_CHAOS=$((RANDOM + 1))
start_proxy "unix:$scratch/nginx.sock"
(fetch_all) || fail "... with RUNG_CHAOS=$RUNG_CHAOS"
stop_proxy
