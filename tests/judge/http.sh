#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The HTTP server beside curl and wrk: files, ranges, keep-alive, pipelining, limits, garbage, and a graceful stop.
set -eu
programs=$RUNG_BUILD/examples
command -v curl >/dev/null || { echo "skip: no curl"; exit 77; }
[ -x "$programs/http" ] || { echo "skip: the server was not built (libhttp-parser-dev)"; exit 77; }
. "$(dirname "$0")/_server.sh"
server=
servers="server"

mkdir "$scratch/www"
echo '<h1>hello</h1>' >"$scratch/www/index.html"
head -c 3000000 /dev/urandom >"$scratch/www/big"
: >"$scratch/www/empty.txt"
mkfifo "$scratch/www/fifo"

start() {
    rm -f "$scratch/err" # or the address of the one before would be found in it
    "$programs/http" "$@" 2>"$scratch/err" &
    server=$!
    address_in "$scratch/err"
}
stop() {
    local status=0
    kill -TERM "$server"
    wait "$server" || status=$?
    server=
    [ $status -eq 0 ] || fail "exit status $status after SIGTERM: $(cat "$scratch/err")"
}
status_of() { curl -s -o /dev/null -w '%{http_code}' "$@"; }
expect_status() {
    local wanted=$1 got
    shift
    got=$(status_of "$@") || true
    [ "$got" = "$wanted" ] || fail "$*: status $got, not $wanted"
}

export RUNG_PROCS=2
start --log "$scratch/log" 127.0.0.1:0 "$scratch/www"
[ "$(curl -s "http://$address/")" = '<h1>hello</h1>' ] || fail "index.html is not served"
curl -s "http://$address/big" | cmp - "$scratch/www/big" || fail "a large file comes differently"
curl -s -r 100000-199999 "http://$address/big" | cmp - <(tail -c +100001 "$scratch/www/big" | head -c 100000) ||
    fail "a range comes differently"
curl -s -r -5 "http://$address/big" | cmp - <(tail -c 5 "$scratch/www/big") || fail "a range from the end"
expect_status 206 -r 0-0 "http://$address/big"
expect_status 416 -r 9000000- "http://$address/big"
expect_status 416 -r 0- "http://$address/empty.txt"
expect_status 200 -r 5-1 "http://$address/big"
expect_status 200 "http://$address/empty.txt"
expect_status 200 "http://$address/index.html?a=b"
expect_status 200 "http://$address/%69ndex.html"
expect_status 404 "http://$address/missing"
expect_status 404 "http://$address/index.html/x"
expect_status 403 "http://$address/fifo"
expect_status 400 --path-as-is "http://$address/../../etc/passwd"
expect_status 400 "http://$address/%2e%2e/x"
expect_status 400 "http://$address/%zz"
expect_status 400 "http://$address/%00"
expect_status 405 -X DELETE "http://$address/"
expect_status 405 -d body "http://$address/"
expect_status 431 -H "X: $(head -c 20000 /dev/zero | tr '\0' x)" "http://$address/"
expect_status 414 "http://$address/$(head -c 5000 /dev/zero | tr '\0' x)"
[ "$(curl -sI "http://$address/big" | tr -d '\r' | sed -n 's/^Content-Length: //p')" = 3000000 ] || fail "HEAD"
told=$(curl -sI "http://$address/" | tr -d '\r' | sed -n 's/^Date: //p')
LC_ALL=C date -u -d "$told" '+%a, %d %b %Y %H:%M:%S GMT' | grep -qx "$told" || fail "the date is told as '$told'"
[ "$(curl -s "http://$address/" "http://$address/" -o /dev/null -o /dev/null -w '%{num_connects} ')" = '1 0 ' ] ||
    fail "the connection is not kept alive"

# Raw: pipelined requests, garbage, silence after half a request, HTTP/1.0.
raw() { # sends stdin, prints what comes until the server closes
    exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
    cat >&3
    timeout 100 cat <&3 || true
    exec 3>&-
}
three=$(printf 'GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /missing HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n' | raw)
[ "$(grep -o 'HTTP/1.1 [0-9]' <<<"$three" | wc -l)" = 3 ] || fail "pipelined requests: $three"
[ "$(grep -c 'HTTP/1.1 404' <<<"$three")" = 1 ] || fail "pipelined requests come out of order"
printf 'garbage\r\n\r\n' | raw | grep -q '400 Bad Request' || fail "garbage is not told"
printf '\0\1\2\3' | raw | grep -q '400 Bad Request' || fail "binary garbage is not told"
for hosts in '' 'Host: a\r\nhost: b\r\n'; do
    printf "GET / HTTP/1.1\r\n$hosts\r\n" | raw | grep -q '400 Bad Request' || fail "not one host: '$hosts'"
done
printf 'GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n' | raw | grep -q '200 OK' || fail "a host without a name"
printf 'GET / HTTP/1.0\r\n\r\n' | raw | grep -q 'Connection: close' || fail "HTTP/1.0 is kept alive"
printf 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n' | raw | tr -d '\r' >"$scratch/old"
[ "$(grep '^Connection:' "$scratch/old" | xargs)" = 'Connection: keep-alive Connection: close' ] ||
    fail "HTTP/1.0 is not told that it is kept alive: $(cat "$scratch/old")"

# A target as proxies get it, which a server has to understand, too (RFC 9112, 3.2.2).
[ "$(curl -s -x "http://$address" http://any.example/ http://any.example)" = '<h1>hello</h1>
<h1>hello</h1>' ] || fail "a target with a host is not served"
expect_absolute() { # STATUS TARGET
    printf 'GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n' "$2" | raw >"$scratch/absolute"
    grep -aq "^HTTP/1.1 $1 " "$scratch/absolute" || fail "$2: $(head -n 1 "$scratch/absolute"), not $1"
}
expect_absolute 200 http://any.example:8080?a=/missing
expect_absolute 200 HTTPS://any.example/%69ndex.html?a=b
expect_absolute 200 http://[::1]:80/big
expect_absolute 404 http://any.example/http://any.example/
expect_absolute 400 http://any.example/../../etc/passwd
expect_absolute 400 ftp://any.example/index.html

# What one side takes for a body, and the other for a request.
printf 'CONNECT a:80 HTTP/1.1\r\nHost: h\r\nContent-Length: 27\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n' | raw >"$scratch/smuggled"
[ "$(grep -o 'HTTP/1.1 [0-9]*' "$scratch/smuggled")" = 'HTTP/1.1 405' ] ||
    fail "CONNECT's body is a request: $(cat "$scratch/smuggled")"
printf 'GET / HTTP/1.1\r\nHost: h\r\nContent-Length : 27\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n' | raw | grep -q '400 Bad Request' ||
    fail "a blank before the colon is let through"
# A header's name may come in pieces: Range, and not the end of another.
{ printf 'GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\nRan'; sleep 0.2; printf 'ge: bytes=0-1\r\n\r\n'; } | raw |
    grep -aq '206 Partial' || fail "a range that comes in two pieces is ignored"
{ printf 'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-'; sleep 0.2; printf 'Range: bytes=0-1\r\n\r\n'; } | raw |
    grep -q '200 OK' || fail "X-Range is a range"
# An error to HEAD has no body, the log names the method, and none writes a field of it.
long=$(head -c 5000 /dev/zero | tr '\0' l)
printf 'HEAD /%s HTTP/1.1\r\nHost: h\r\n\r\n' "$long" | raw >"$scratch/head"
[ "$(grep -c '414 URI' "$scratch/head")" = 1 ] || fail "a body to HEAD: $(cat "$scratch/head")"
printf 'GET /a"\t200\t\2331m HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n' | raw | grep -q '404 Not' || fail "an odd name"
# Who sends too much sees why, to the end.
exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
{ printf 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n'; cat "$scratch/www/big"; } >&3
timeout 100 cat <&3 >"$scratch/much" || fail "the connection was reset under the answer: $(cat "$scratch/much")"
exec 3>&-
grep -q '^HTTP/1.1 431' "$scratch/much" || fail "too much is answered by $(cat "$scratch/much")"
begin=$SECONDS
printf 'GET / HT' | raw | grep -q '408' || fail "half a request is waited for"
[ $((SECONDS - begin)) -ge 9 ] || fail "half a request has no time"

if command -v wrk >/dev/null; then
    wrk -t1 -c50 -d1s --timeout 100s "http://$address/" >"$scratch/wrk"
    grep -qE 'Socket errors|Non-2xx' "$scratch/wrk" && fail "wrk: $(cat "$scratch/wrk")"
    grep -q 'Requests/sec' "$scratch/wrk" || fail "wrk did not work"
fi

# A stop while a large file is on its way: it arrives whole; idle connections are closed.
curl -s --limit-rate 2M "http://$address/big" -o "$scratch/got" &
loader=$!
has_begun() { [ -s "$scratch/got" ]; }
wait_until has_begun
exec 4<>"/dev/tcp/${address%:*}/${address##*:}"
printf 'GET / HTTP/1.1\r\nHost: h\r\n\r\n' >&4
read -r -t 100 line <&4 || fail "no answer"
begin=$SECONDS
stop
[ $((SECONDS - begin)) -lt 45 ] || fail "an idle connection is waited for"
exec 4>&-
wait $loader || fail "a transfer was cut short by the stop"
cmp "$scratch/got" "$scratch/www/big" || fail "a transfer was changed by the stop"
grep -q '"GET /big" 200 3000000' "$scratch/log" || fail "the log lacks a request: $(tail -n 3 "$scratch/log")"

grep -q '"HEAD /lll*" 414 0$' "$scratch/log" || fail "the log has another method: $(grep ' 414 ' "$scratch/log")"
grep -qF '"GET /a\x22\x09200\x09\x9b1m" 404 ' "$scratch/log" || fail "the log is forged: $(grep ' 404 ' "$scratch/log")"
grep -q '"- " 400 ' "$scratch/log" || fail "the log has a method for garbage"

start --hello 'hello, world' 127.0.0.1:0 /
[ "$(curl -s "http://$address/x")" = 'hello, world' ] || fail "--hello"
"$programs/http" "$address" "$scratch/none" 2>"$scratch/err2" && fail "a folder that is not there is no error"
grep -q 'none: No such file' "$scratch/err2" || fail "a folder that is not there is not told: $(cat "$scratch/err2")"
"$programs/http" "$address" / 2>"$scratch/err2" && fail "a port in use is no error"
grep -q 'Address already in use' "$scratch/err2" || fail "a port in use is not told: $(cat "$scratch/err2")"
stop
