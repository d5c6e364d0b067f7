#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The parallel fetcher beside the HTTP server, nginx, and servers that are silent, tell nonsense or stop in the middle: what comes is
# the same, no more are fetched at once than was said, each deadline ends its own, and the total one all.
set -eu
programs=$RUNG_BUILD/examples
PATH=$PATH:/usr/sbin
[ -x "$programs/fetch" ] && [ -x "$programs/http" ] || { echo "skip: not built (libhttp-parser-dev)"; exit 77; }
. "$(dirname "$0")/_server.sh"
http= nginx= odd=
servers="http nginx odd"
export RUNG_PROCS=2

mkdir "$scratch/www" "$scratch/got"
# Without "<": nginx' filter that makes it speak in chunks keeps one that ends a file for itself.
for i in $(seq 60); do head -c $((i * i * 100)) /dev/urandom | tr '<' '>' >"$scratch/www/$i"; done
fetch() { timeout 100 "$programs/fetch" "$@" 2>"$scratch/fetch.err"; }
fetch_files() { # PREFIX OPTION...
    local prefix=$1 urls= i
    shift
    rm -f "$scratch"/got/*
    for i in $(seq 60); do urls="$urls $prefix/$i"; done
    fetch "$@" --into "$scratch/got" $urls >"$scratch/out" || fail "$prefix: $(grep -v ': 200' "$scratch/out" | head -n 3)"
    [ "$(grep -c ': 200, ' "$scratch/out")" = 60 ] || fail "$prefix: not all are told"
    diff -r "$scratch/www" "$scratch/got" || fail "$prefix: a file comes differently"
}

"$programs/http" 127.0.0.1:0 "$scratch/www" 2>"$scratch/err" &
http=$!
address_in "$scratch/err"
fetch_files "http://$address"
fetch_files "http://$address" --at-once 1
fetch_files "http://$address" --at-once 50 --each 60 --total 90
fetch "http://$address/1?a=b" "http://$address/missing" >"$scratch/out" && fail "a status of 404 is no failure"
grep -q '/missing: 404, ' "$scratch/out" || fail "a status of 404 is not told: $(cat "$scratch/out")"
RUNG_CHAOS=$((RANDOM + 1)) fetch_files "http://$address"

if command -v nginx >/dev/null; then # chunked, too
    port=$(free_port)
    cat >"$scratch/nginx.conf" <<END
daemon off; master_process off; pid $scratch/pid; error_log $scratch/error.log;
events { worker_connections 2000; }
http {
    access_log off; ssi on; ssi_types *;
    client_body_temp_path $scratch/a; proxy_temp_path $scratch/b; fastcgi_temp_path $scratch/c;
    uwsgi_temp_path $scratch/d; scgi_temp_path $scratch/e;
    server { listen 127.0.0.1:$port; root $scratch/www; }
}
END
    nginx -e "$scratch/error.log" -c "$scratch/nginx.conf" -p "$scratch" &
    nginx=$!
    answers() { (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
    wait_until answers
    fetch_files http://127.0.0.1:$port
fi

# /wait/NAME answers when five were there at once, and some time later, how many it were at most so far; /silent never.
cat >"$scratch/odd.py" <<'END'
import socket, struct, sys, threading, time
lock, now, most, enough = threading.Condition(), 0, 0, 5
def serve(client):
    global now, most
    path = client.recv(10000).split()[1].decode()
    if path.startswith("/wait"):
        with lock:
            now += 1
            most = max(most, now)
            lock.notify_all()
            lock.wait_for(lambda: most >= enough)
        time.sleep(0.05)
        with lock:
            now -= 1
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n%3d" % most)
    elif path.startswith("/silent"):
        time.sleep(1000)
    elif path == "/garbage":
        client.sendall(b"\0\1\2\3 nonsense\r\n\r\n")
    elif path == "/cut":
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort")
    elif path == "/continue":
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nto the end")
    elif path == "/too-much":
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\nevil")
    elif path == "/too-long": # more than there are numbers for
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabc")
    elif path == "/two-lengths":
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd")
    elif path == "/chunk":
        client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc")
    elif path == "/endless":
        send_until_closed(client, b"HTTP/1.1 200 OK\r\n", b"X-Padding: %s\r\n" % (b"x" * 1000))
    elif path == "/endless-words": # each is complete
        send_until_closed(client, b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
    elif path == "/drip": # always a little
        send_until_closed(client, b"HTTP/1.1 200 OK\r\n\r\n", b"x", 0.05)
    elif path == "/half":
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
        time.sleep(1000)
    elif path == "/reset":
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close() # "/nothing" comes to here at once
def send_until_closed(client, first, again, pause=0):
    try:
        client.sendall(first)
        while True:
            client.sendall(again)
            time.sleep(pause)
    except OSError:
        pass
listener = socket.create_server(("127.0.0.1", 0))
print("listening at 127.0.0.1:%d" % listener.getsockname()[1], file=sys.stderr, flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
END
python3 "$scratch/odd.py" 2>"$scratch/odd.err" &
odd=$!
address_in "$scratch/odd.err"
of="http://$address"
rm -f "$scratch"/got/*
fetch --at-once 5 --into "$scratch/got" $(seq -f "$of/wait/%g" 30) >/dev/null || fail "what waits a little is not fetched"
[ "$(cat "$scratch"/got/* | tr -s ' ' '\n' | sort -n | tail -n 1)" = 5 ] || fail "not five at once: $(cat "$scratch"/got/*)"
expect_line() { grep -q "$1" "$scratch/out" || fail "no line is $1: $(cat "$scratch/out")"; }
fetch --each 0.5 "$of/silent" >"$scratch/out" && fail "a deadline is not told by the exit status"
expect_line '/silent: Connection timed out'
fetch --each 90 "$of/garbage" "$of/cut" "$of/continue" http://127.0.0.1:1/ ftp://127.0.0.1/ nonsense \
    "http://$address:1/" >"$scratch/out" && fail "errors are not told by the exit status"
expect_line '/garbage: Protocol error'
expect_line '/cut: Protocol error'
expect_line '/continue: 200, 10 bytes'
expect_line 'http://127.0.0.1:1/: Connection refused'
expect_line 'ftp://127.0.0.1/: Protocol not supported'
expect_line 'nonsense: Invalid argument'
[ "$(wc -l <"$scratch/out")" = 7 ] || fail "not a line for each: $(cat "$scratch/out")"
# Servers that lie about the length, never come to the point, or go away.
rm -f "$scratch"/got/*
fetch --each 90 --into "$scratch/got" "$of/too-much" "$of/too-long" "$of/two-lengths" "$of/chunk" "$of/endless" "$of/reset" \
    "$of/nothing" >"$scratch/out" && fail "lies are not told by the exit status"
expect_line '/too-much: 200, 3 bytes'
[ "$(cat "$scratch/got/1")" = abc ] || fail "a second response is taken for a part of the first: $(cat "$scratch/got/1")"
for path in too-long two-lengths chunk endless nothing; do expect_line "/$path: Protocol error"; done
expect_line '/reset: Connection reset by peer'
[ "$(wc -l <"$scratch/out")" = 7 ] || fail "not a line for each lie: $(cat "$scratch/out")"
fetch --each 1 "$of/endless-words" "$of/drip" "$of/half" >"$scratch/out" && fail "who never ends is not told by the exit status"
for path in endless-words drip half; do expect_line "/$path: Connection timed out"; done
fetch --at-once 2 --total 0.5 $(seq -f "$of/silent?%g" 10) >"$scratch/out" && fail "the total deadline is not told by the exit status"
grep -qE '^[^0-9]*(8|9|10) were not begun: Connection timed out' "$scratch/fetch.err" || fail "it is not told what was left: $(cat "$scratch/fetch.err")"
for bad in "--at-once 0" "--each x" "--total -1" "--what 1" ""; do
    status=0
    fetch $bad ${bad:+"$of/wait"} >/dev/null || status=$?
    [ $status = 2 ] || fail "fetch $bad: status $status, not 2"
done
