#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""perf as a judge of a server: of the samples of an echo under load, 99 % reach a root by frame pointers alone. (Of the HTTP
server under wrk, perf.py says how many of the judged ones do.)

Most of a server's time passes in system calls about descriptors, which libc's functions make with the frame-pointer register
used for something else.

test-serial: yes
"""
import os
import re
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import _judge

CLIENTS, SECONDS, FEWEST = 32, 3, 50  # samples: as long as a busy machine takes for them
ROOTS = {"rung_goroutine_start", "rung_g0_root", "start_thread", "clone3", "__clone3", "__GI___clone3", "thread_start"}


def skip(why):
    print(f"skip: {why}")
    sys.exit(77)


def start(folder):
    for port in range(10000 + os.getpid() % 20000, 32768):  # below those that the kernel gives to others meanwhile
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        server = subprocess.Popen([os.path.join(os.environ["RUNG_BUILD"], "examples", "13_echo"), f"127.0.0.1:{port}"],
                                  env=dict(os.environ, RUNG_PROCS="2"), cwd=folder)
        while server.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return server, port
            except OSError:
                time.sleep(0.05)
    sys.exit("the echo does not come up")


def load(port, seconds):
    """Gives back how many messages came back."""
    selector = selectors.DefaultSelector()
    message = bytes(512)
    for _ in range(CLIENTS):
        client = socket.create_connection(("127.0.0.1", port))
        selector.register(client, selectors.EVENT_READ)
        client.sendall(message)
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for key, _ in selector.select(1):
            if not key.fileobj.recv(4096):
                sys.exit("the echo has closed a connection")
            key.fileobj.sendall(message)
            count += 1
    return count


def stacks(text):
    for block in text.split("\n\n"):
        frames = [match[1] for match in re.finditer(r"^\s+[0-9a-f]+ (\S+)", block, re.MULTILINE)]
        if frames:
            yield frames


def record(server, port, data):
    """The stacks of some seconds, and how many messages came back."""
    recorder = subprocess.Popen(["perf", "record", "-q", "-o", data, "-e", "cpu-clock", "-F", "999", "-g", "-p",
                                 str(server.pid), "--", "sleep", str(SECONDS)], stderr=subprocess.PIPE, text=True)
    count = load(port, SECONDS + 0.5)
    _, errors = recorder.communicate()
    if recorder.returncode != 0:
        server.kill()
        skip("perf cannot record here, which is the kernel's to allow: " + errors.strip().splitlines()[-1])
    script = subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym"], text=True, capture_output=True, check=True).stdout
    return list(stacks(script)), count


def main():
    if shutil.which("perf") is None or subprocess.run(["perf", "--version"], capture_output=True, check=False).returncode != 0:
        skip("no perf")
    with tempfile.TemporaryDirectory() as folder:
        server, port = start(folder)
        found, count = [], 0
        while len(found) < FEWEST:
            more, echoed = record(server, port, os.path.join(folder, "data"))
            found, count = found + more, count + echoed
        server.kill()
        server.wait()
    lost = [frames for frames in found if not any(frame in ROOTS for frame in frames[-2:])]
    print(f"{len(found)} samples while {count} messages were echoed, {len(lost)} without a root")
    for frames in lost[:5]:
        print("    " + " <- ".join(frames))
    return len(lost) > _judge.most_by_chance(len(found), 0.01)


if __name__ == "__main__":
    sys.exit(main())
