#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# TLS in front of the HTTP server, beside curl and openssl s_client: the same bytes as without it. Garbage, resets, clients that do not
# read and servers that break off do no harm.
set -eu
programs=$RUNG_BUILD/examples
[ -x "$programs/tls" ] && [ -x "$programs/http" ] || { echo "skip: not built (libssl-dev, libhttp-parser-dev)"; exit 77; }
. "$(dirname "$0")/_server.sh"
need_tools curl openssl python3
http= tls= front= hasty= odd=
servers="http tls front hasty odd"

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

# What stands behind does as the first word says: "reset" sends a little and resets, "flood" sends for ever, "nothing" closes, "echo".
cat >"$scratch/odd.py" <<'END'
import socket, struct, sys, threading
lock, ended = threading.Lock(), 0
def serve(client):
    global ended
    word = client.recv(100)
    try:
        if word == b"reset":
            client.sendall(b"some")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif word == b"flood":
            while True:
                client.sendall(bytes(65536))
        elif word == b"echo":
            while word:
                client.sendall(word)
                word = client.recv(100)
        elif word == b"ended": # how many floods have, by now
            client.sendall(b"%d" % ended)
    except OSError:
        with lock:
            ended += word == b"flood"
    client.close()
listener = socket.create_server(("127.0.0.1", 0))
print("listening at 127.0.0.1:%d" % listener.getsockname()[1], file=sys.stderr, flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
END
cat >"$scratch/hostile.py" <<'END'
import os, random, socket, ssl, struct, sys, time
front, hasty = [(address.split(":")[0], int(address.split(":")[1])) for address in sys.argv[1:3]]
context = ssl.create_default_context(cafile=sys.argv[3])
def plain(to=front):
    return socket.create_connection(to, timeout=60)
def shaken(word, to=front):
    client = context.wrap_socket(plain(to), server_hostname="localhost", suppress_ragged_eofs=False)
    client.sendall(word)
    return client
def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
def expect_end(client): # of any kind, but no silence
    try:
        while client.recv(65536):
            pass
    except TimeoutError:
        sys.exit("a connection is left open")
    except OSError:
        pass
def rest(client):
    got = b""
    try:
        while True:
            piece = client.recv(65536)
            if not piece:
                return got, "closed"
            got += piece
    except (ssl.SSLEOFError, ConnectionResetError):
        return got, "broken off"
def hello(): # what a client says first
    out = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return out.read()

assert rest(shaken(b"nothing")) == (b"", "closed")
got, end = rest(shaken(b"reset"))
assert end == "broken off", "a server that breaks off looks like one that has ended: %r, %s" % (got, end)
said = hello()
for round in range(40):
    client = plain() # half of it, all of it and garbage, or a little of it changed
    at = random.randrange(len(said))
    client.sendall([said[:at], said + os.urandom(500), said[:at] + os.urandom(3) + said[at + 3:]][round % 3])
    if round % 2:
        reset(client)
    elif round % 3 == 0:
        client.shutdown(socket.SHUT_WR)
        expect_end(client)
    elif round % 3 == 1:
        expect_end(client)
client = shaken(b"echo")
assert client.recv(4) == b"echo"
os.write(client.fileno(), b"\x17\x03\x03\x00\x40" + os.urandom(64)) # looks like data
expect_end(client)
client = shaken(b"echo")
os.write(client.fileno(), os.urandom(100))
expect_end(client)
def expect_ended(count, what):
    until = time.monotonic() + 60
    while int(shaken(b"ended").recv(10)) < count:
        assert time.monotonic() < until, what + " stays"
        time.sleep(0.1)
client = shaken(b"flood")
client.recv(65536)
reset(client)
expect_ended(1, "who goes in the middle")
for _ in range(10):
    try:
        client = shaken(b"flood", hasty)
        break
    except OSError: # this machine was slower than it has patience
        pass
expect_ended(2, "who does not read")
client.close()
END
python3 "$scratch/odd.py" 2>"$scratch/odd.err" &
odd=$!
address_in "$scratch/odd.err"
behind=$address
"$programs/tls" "$scratch/cert" "$scratch/key" 127.0.0.1:0 "$behind" 2>"$scratch/front.err" &
front=$!
"$programs/tls" --idle 2 "$scratch/cert" "$scratch/key" 127.0.0.1:0 "$behind" 2>"$scratch/hasty.err" &
hasty=$!
address_in "$scratch/front.err"
to=$address
address_in "$scratch/hasty.err"
timeout 150 python3 "$scratch/hostile.py" "$to" "$address" "$scratch/cert" >"$scratch/hostile" 2>&1 ||
    fail "hostile clients: $(cat "$scratch/hostile")"
kill -9 $odd
odd=
timeout 20 openssl s_client -connect "$to" </dev/null >/dev/null 2>&1 || true # nobody stands behind any more

for process in $tls $front $hasty; do
    expect_few_descriptors $process
    kill -TERM $process
    wait $process || fail "exit status $? after SIGTERM"
done
tls= front= hasty=
