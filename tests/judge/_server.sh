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

# For as long as the last program that was started lives: how long a machine takes is not judged.
wait_until() { # CONDITION...
    until "$@"; do
        kill -0 $! 2>/dev/null || fail "it has ended before: $*"
        sleep 0.05
    done
}
has_address() { # its shell may not have made the file yet
    address=$(sed -n 's/.*listening at //p' "$1" 2>/dev/null) && [ -n "$address" ]
}
address_in() { # FILE, what the server writes to stderr; sets $address
    wait_until has_address "$1"
}

start_proxy() { # [OPTION]... TARGET; sets $proxy and $address
    rm -f "$scratch/proxy.err" # or the address of the one before would be found in it
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
expect_few_descriptors() { # PROCESS
    local waited=0
    until [ "$(ls "/proc/$1/fd" | wc -l)" -lt 30 ]; do
        waited=$((waited + 1))
        [ $((waited % 200)) != 0 ] || echo "descriptors are left: $(ls -l "/proc/$1/fd" | tail -n 5)"
        sleep 0.05
    done
}

# For servers that cannot be asked for any. It is below those that the kernel gives out, and no two processes begin at the same.
free_port() {
    python3 - $$ <<'END'
import socket, sys
for port in range(10000 + int(sys.argv[1]) % 20000, 32768):
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        continue
    print(port)
    break
END
}
