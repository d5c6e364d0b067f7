#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Who says nothing is not waited for for ever: in the chat by who has no name, by a proxy's target that does not answer, in the middle of
# a TLS handshake, and after it. Those who do speak meanwhile are served as ever.
set -eu
programs=$RUNG_BUILD/examples
. "$(dirname "$0")/_server.sh"
need_tools python3
proxy= chat= tls= short= silent=
servers="proxy chat tls short silent"
export RUNG_PROCS=2

# Two listeners: the first accepts, and says nothing; the second's queue is full, so that the kernel leaves a SYN without an answer.
cat >"$scratch/silent.py" <<'END'
import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0), backlog=100)
full = socket.socket()
full.bind(("127.0.0.1", 0))
full.listen(0)
held = []
while True:
    client = socket.socket()
    client.settimeout(0.3)
    held.append(client)
    try:
        client.connect(full.getsockname())
    except TimeoutError:
        break
print("listening at 127.0.0.1:%d\nfull is 127.0.0.1:%d" % (listener.getsockname()[1], full.getsockname()[1]), file=sys.stderr, flush=True)
while True:
    held.append(listener.accept()[0])
END
python3 "$scratch/silent.py" 2>"$scratch/silent.err" &
silent=$!
address_in "$scratch/silent.err"
target=$address
full=$(sed -n 's/^full is //p' "$scratch/silent.err")

to() { echo "/dev/tcp/${1%:*}/${1##*:}"; }
# Reads to the end, which has to come; not at once: DESCRIPTOR LEAST-SECONDS WHAT
expect_end() {
    timeout 100 cat <&"$1" >/dev/null || fail "$3 is waited for for ever"
    [ $((SECONDS - begin)) -ge "$2" ] || fail "$3 has no time"
}

"$programs/chat" 127.0.0.1:0 2>"$scratch/chat.err" &
chat=$!
address_in "$scratch/chat.err"
begin=$SECONDS
exec 3<>"$(to "$address")" 4<>"$(to "$address")" 5<>"$(to "$address")"
printf 'Ann\n' >&4
printf 'nearly a na' >&5
start_proxy "$full"
exec 6<>"$(to "$address")"
if [ -x "$programs/tls" ] && command -v openssl >/dev/null; then
    openssl req -x509 -nodes -newkey rsa:2048 -days 2 -subj /CN=localhost -keyout "$scratch/key" -out "$scratch/cert" 2>/dev/null
    "$programs/tls" "$scratch/cert" "$scratch/key" 127.0.0.1:0 "$target" 2>"$scratch/tls.err" &
    tls=$!
    address_in "$scratch/tls.err"
    exec 7<>"$(to "$address")"
    printf '\26\3\1\2\0\1' >&7 # the beginning of a ClientHello
    "$programs/tls" --idle 0.3 "$scratch/cert" "$scratch/key" 127.0.0.1:0 "$target" 2>"$scratch/short.err" &
    short=$!
    address_in "$scratch/short.err"
    mkfifo "$scratch/quiet"
    exec 8<>"$scratch/quiet"
    status=0
    timeout 100 openssl s_client -connect "$address" <&8 >"$scratch/idle" 2>&1 || status=$?
    [ $status -ne 124 ] || fail "an idle TLS connection stays open"
    grep -q 'Verify return code' "$scratch/idle" || fail "no TLS handshake: $(cat "$scratch/idle")"
fi
expect_end 3 9 "who says no name"
expect_end 5 9 "who says half a name"
expect_end 6 9 "a target that does not answer"
[ -z "$tls" ] || expect_end 7 9 "half a handshake"
exec 3<>"$(to "$(sed -n 's/.*listening at //p' "$scratch/chat.err")")"
printf 'Bob\n' >&3
read -r -t 20 line <&4
[ "$line" = 'Bob comes' ] || fail "who has a name does not stay: $line"
expect_few_descriptors
