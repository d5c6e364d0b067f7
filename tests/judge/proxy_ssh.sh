#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The proxy in front of an sshd of its own, with keys of its own: a command's output, its status, a session that is quiet for
# a while, and files by scp both ways come through unchanged. ssh itself notices each byte that is not as it was sent.
set -eu
programs=$RUNG_BUILD/examples
PATH=$PATH:/usr/sbin
. "$(dirname "$0")/_server.sh"
need_tools sshd ssh scp ssh-keygen
sshd= proxy=
servers="sshd proxy"
export RUNG_PROCS=2

ssh-keygen -q -t ed25519 -N '' -f "$scratch/host"
ssh-keygen -q -t ed25519 -N '' -f "$scratch/user"
port=$(free_port)
cat >"$scratch/sshd_config" <<END
ListenAddress 127.0.0.1:$port
HostKey $scratch/host
AuthorizedKeysFile $scratch/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
Subsystem sftp internal-sftp
END
sshd=$(command -v sshd)
run_sshd=("$sshd" -D -e -f "$scratch/sshd_config")
if [ "$(id -u)" = 0 ] && [ ! -d /run/sshd ]; then # root's sshd wants that folder: in a mount namespace it does no harm
    unshare --mount true 2>/dev/null || { echo "skip: no /run/sshd, and no mount namespace to make it in"; exit 77; }
    run_sshd=(unshare --mount bash -c 'mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec "$@"' sshd "${run_sshd[@]}")
fi
"${run_sshd[@]}" 2>"$scratch/sshd.log" &
sshd=$!
until grep -q 'Server listening' "$scratch/sshd.log"; do
    kill -0 $sshd 2>/dev/null || { echo "skip: sshd does not run here: $(tail -n 1 "$scratch/sshd.log")"; exit 77; }
    sleep 0.05
done

options=(-q -F none -i "$scratch/user" -o BatchMode=yes -o StrictHostKeyChecking=no -o "UserKnownHostsFile=$scratch/known")
remote() { timeout 150 ssh "${options[@]}" -p "${address##*:}" 127.0.0.1 "$@"; }
copy() { timeout 150 scp "${options[@]}" -P "${address##*:}" "$@"; }

address=127.0.0.1:$port
remote true || { echo "skip: this user may not log in here: $(tail -n 2 "$scratch/sshd.log")"; exit 77; }
head -c 20000000 /dev/urandom >"$scratch/file"
log_in_and_copy() {
    local status=0
    [ "$(remote echo hello)" = hello ] || fail "a command's output does not come through"
    remote exit 7 || status=$?
    [ $status = 7 ] || fail "a command's status is $status, not 7"
    [ "$(remote 'sleep 0.5; wc -c' <"$scratch/file")" = 20000000 ] || fail "a command's input is cut short"
    copy "$scratch/file" "127.0.0.1:$scratch/there" && cmp "$scratch/file" "$scratch/there" || fail "scp to there"
    copy "127.0.0.1:$scratch/file" "$scratch/back" && cmp "$scratch/file" "$scratch/back" || fail "scp from there"
    rm "$scratch/there" "$scratch/back"
    expect_few_descriptors $proxy
}

start_proxy "127.0.0.1:$port"
log_in_and_copy
stop_proxy
export RUNG_CHAOS=$((RANDOM + 1))
start_proxy "127.0.0.1:$port"
(log_in_and_copy) || fail "... with RUNG_CHAOS=$RUNG_CHAOS"
stop_proxy
