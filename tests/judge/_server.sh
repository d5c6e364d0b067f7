# SPDX-License-Identifier: MIT
# Shared by the judges of servers: a scratch folder, an end that kills the servers, and where one listens.
scratch=$(mktemp -d)
servers= # the names of variables, each with a process or nothing
cleanup() {
    for name in $servers; do [ -z "${!name}" ] || kill -9 "${!name}" 2>/dev/null || true; done
    rm -rf "$scratch"
}
trap cleanup EXIT
fail() { echo "$1"; exit 1; }

need_tools() { # NAME...
    for tool in "$@"; do
        command -v "$tool" >/dev/null || { echo "skip: no $tool"; exit 77; }
    done
}

address_in() { # FILE, what the server writes to stderr; sets $address
    for _ in $(seq 200); do
        address=$(sed -n 's/.*listening at //p' "$1" 2>/dev/null) || true # its shell may not have made the file yet
        [ -n "$address" ] && return
        sleep 0.05
    done
    fail "it does not come up: $(cat "$1")"
}

start_proxy() { # [OPTION]... TARGET; sets $proxy and $address
    "$programs/proxy" "${@:1:$#-1}" 127.0.0.1:0 "${@: -1}" 2>"$scratch/proxy.err" &
    proxy=$!
    address_in "$scratch/proxy.err"
}

stop_proxy() {
    kill -TERM "$proxy"
    wait "$proxy" || fail "the proxy: exit status $? after SIGTERM: $(tail -n 3 "$scratch/proxy.err")"
    proxy=
}

# All descriptors of connections that have ended are closed.
expect_few_descriptors() {
    for _ in $(seq 100); do
        [ "$(ls "/proc/$proxy/fd" | wc -l)" -lt 30 ] && return
        sleep 0.05
    done
    fail "the proxy keeps descriptors: $(ls -l "/proc/$proxy/fd" | tail -n 5)"
}

# For servers that cannot be asked for any.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
