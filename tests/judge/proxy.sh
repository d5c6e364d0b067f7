#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The proxy in front of redis: redis-benchmark and redis-cli give the same through it as without it, under chaos too; half-closes
# are passed on, and idle connections closed. And the chat, beside plain sockets.
set -eu
programs=$RUNG_BUILD/examples
. "$(dirname "$0")/_server.sh"
need_tools redis-server redis-cli redis-benchmark
redis= proxy= listener=
servers="redis proxy listener"
export RUNG_PROCS=2
requests=20000 chaos_seconds=1
[ -z "${RUNG_TEST_LONG:-}" ] || { requests=100000; chaos_seconds=60; }

redis-server --port 0 --unixsocket "$scratch/redis" --save '' --dir "$scratch" >"$scratch/redis.log" &
redis=$!
wait_until test -S "$scratch/redis"

direct=(-s "$scratch/redis")
through() { echo -h "${address%:*}" -p "${address##*:}"; }
first_line() { # waits for it
    wait_until test -s "$1"
    head -n 1 "$1"
}

# All of redis-benchmark's tests; what they report but for the figures, and what they leave in the data: FILE ADDRESS-OPTION...
benchmark() {
    local file=$1 key
    shift
    redis-cli "${direct[@]}" flushall >/dev/null
    redis-benchmark "$@" -q -n $requests -c 50 -P 4 >"$file.out" 2>&1 || fail "redis-benchmark fails: $(tail -n 3 "$file.out")"
    tr '\r' '\n' <"$file.out" | grep 'requests per second' | sed 's/: .*//' >"$file"
    for key in $(redis-cli "${direct[@]}" keys '*' | sort); do
        echo "$key $(redis-cli "${direct[@]}" dump "$key" | md5sum)"
    done >>"$file"
}

# What redis-cli prints for a script of commands of all kinds: FILE ADDRESS-OPTION...
session() {
    local file=$1 i
    shift
    redis-cli "${direct[@]}" flushall >/dev/null
    for i in $(seq 50); do
        printf '%s\n' "set key:$i $RANDOM_TEXT" "append key:$i $i" "getrange key:$i 3 40" "incrby count $i" "rpush list a$i b$i" \
            "lrange list -3 -1" "hset hash f$i v$i" "hgetall hash" "zadd sorted $i m$i" "zrange sorted 0 -1 withscores" \
            "setbit bits $i 1" "bitcount bits" "pfadd loglog $i" "pfcount loglog" "eval 'return redis.call(\"get\", KEYS[1])' 1 key:$i" \
            multi "incr count" "get count" exec "get missing" "lpop key:1" "no-such-command" "xadd stream $i-1 field $i" "xrange stream - +"
    done | redis-cli "$@" >"$file" 2>&1
}

compare_with_direct() {
    benchmark "$scratch/benchmark.through" $(through)
    diff "$scratch/benchmark.direct" "$scratch/benchmark.through" || fail "redis-benchmark ends otherwise through the proxy"
    session "$scratch/session.through" $(through)
    cmp "$scratch/session.direct" "$scratch/session.through" || fail "redis-cli prints something else through the proxy"
    redis-cli $(through) -x set large <"$scratch/large" >/dev/null
    [ "$(redis-cli $(through) get large | md5sum)" = "$large" ] || fail "a large value comes differently"
    expect_few_descriptors $proxy
}

RANDOM_TEXT=$(head -c 60 /dev/urandom | base64 -w0)
head -c 5000000 /dev/urandom | base64 -w0 >"$scratch/large"
large=$( (cat "$scratch/large"; echo) | md5sum)
benchmark "$scratch/benchmark.direct" "${direct[@]}"
for command in PING_INLINE SET GET INCR LPUSH RPUSH LPOP RPOP SADD HSET SPOP ZADD ZPOPMIN LRANGE_600 MSET; do
    grep -q "^$command" "$scratch/benchmark.direct" || fail "redis-benchmark knows no $command"
done
session "$scratch/session.direct" "${direct[@]}"
grep -q 'ERR unknown command' "$scratch/session.direct" || fail "redis-cli: $(tail -n 3 "$scratch/session.direct")"

start_proxy --idle 60 "unix:$scratch/redis"
compare_with_direct
# What the server says by itself comes through, too.
redis-cli $(through) subscribe news >"$scratch/news" &
listener=$!
[ "$(first_line "$scratch/news")" = subscribe ] || fail "subscribe gives nothing"
redis-cli "${direct[@]}" publish news "it rains" >/dev/null
wait_until grep -q 'it rains' "$scratch/news" # what is published comes through
kill $listener && listener=
# Half-close: all that was sent before the end is answered.
exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
printf 'PING\r\nQUIT\r\n' >&3
[ "$(timeout 100 cat <&3 | tr -d '\r\n')" = '+PONG+OK' ] || fail "the end is not passed on"
exec 3>&-
stop_proxy

# The same under chaos, with another seed each time.
[ -n "${RUNG_TEST_LONG:-}" ] || requests=4000
benchmark "$scratch/benchmark.direct" "${direct[@]}"
begin=$SECONDS
while :; do
    export RUNG_CHAOS=$((RANDOM + 1))
    start_proxy "unix:$scratch/redis"
    (compare_with_direct) || fail "... with RUNG_CHAOS=$RUNG_CHAOS"
    stop_proxy
    unset RUNG_CHAOS
    [ $((SECONDS - begin)) -lt $chaos_seconds ] || break
done

start_proxy --idle 0.2 "unix:$scratch/redis"
exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
timeout 100 cat <&3 >/dev/null || fail "an idle connection stays open"
exec 3>&-
stop_proxy

"$programs/chat" 127.0.0.1:0 2>"$scratch/err" &
proxy=$!
address_in "$scratch/err"
exec 3<>"/dev/tcp/${address%:*}/${address##*:}" 4<>"/dev/tcp/${address%:*}/${address##*:}"
echo Ann >&3
until read -r -t 0 <&3; do # Eve comes and goes, until Ann is there to hear of it
    exec 5<>"/dev/tcp/${address%:*}/${address##*:}"
    echo Eve >&5
    exec 5>&-
    sleep 0.1
done
hear() { # what Ann hears next, but of Eve; sets $line
    line=Eve
    while [[ $line == Eve* ]]; do read -r -t 100 line <&3 || fail "the chat says no more"; done
}
echo Bob >&4
hear
[ "$line" = 'Bob comes' ] || fail "the chat: $line"
printf 'hello\r\n' >&4
hear
[ "$line" = 'Bob: hello' ] || fail "the chat: $line"
exec 4>&-
hear
[ "$line" = 'Bob leaves' ] || fail "the chat: $line"
