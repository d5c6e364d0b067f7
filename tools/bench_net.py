#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Servers under load: rung's beside its peers', one core for the server, the other for the load.

    bench_net.py [--seconds S] [--rounds N] [echo|short|http|file|proxy|idle|naps]...     called by `./dev bench net`

Each server answers the same load generator (bench/load/load.c; wrk for HTTP) in turn; the best of the rounds counts. Beside
requests per second and the 99th percentile stands the CPU time that the server used for each request: it says the same on a
machine that has other things to do. At the end: system calls per request of rung's echo (strace -c).
"""
import argparse
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import bench

LOAD = os.path.join(bench.PEERS_BUILD, "load")
ADDRESS, BEHIND = "127.0.0.1:7400", "127.0.0.1:7401"  # of the server; of what a proxy stands before
PORT = 7400
CONNECTIONS = {"echo": (1, 64, 1000, 10000), "short": (8,), "http": (64, 1000), "file": (16,), "proxy": (16,),
               "idle": (10000,), "naps": (64,)}
PROXY_BYTES, FILE_BYTES = 64 * 1024, 1024 * 1024
NAPS_SECONDS = 6  # Go takes some 2.3 s for a figure
IDLE_REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
TICKS = os.sysconf("SC_CLK_TCK")


def build_load():
    source = os.path.join(bench.ROOT, "bench", "load", "load.c")
    os.makedirs(bench.PEERS_BUILD, exist_ok=True)
    subprocess.run(["gcc", "-O2", "-Wall", "-o", LOAD, source], check=True)


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def nginx(scratch, name, location):
    """A command for one worker with that location block, in a file of that name."""
    temporary = " ".join(f"{kind}_temp_path {scratch}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return ["nginx", "-e", "/dev/null", "-p", scratch, "-c", write(
        os.path.join(scratch, name + ".conf"),
        f"worker_processes 1; daemon off; pid {scratch}/pid; error_log /dev/null; events {{ worker_connections 12000; }} "
        f"http {{ access_log off; sendfile on; keepalive_requests 100000000; keepalive_timeout 600s; {temporary} "
        f"server {{ listen {ADDRESS} backlog=4096; location / {{ {location} }} }} }}")]


def haproxy(scratch):
    return ["haproxy", "-db", "-f", write(
        os.path.join(scratch, "haproxy.cfg"),
        "global\n nbthread 1\ndefaults\n mode tcp\n timeout client 60s\n timeout server 60s\n timeout connect 5s\n"
        f"listen proxy\n bind {ADDRESS}\n server behind {BEHIND}\n")]


def servers(kind, scratch):
    """(title, command) of those that can be run here."""
    release = os.path.join(bench.ROOT, "build", "release")
    example = {name: os.path.join(release, "examples", name) for name in ("13_echo", "http", "proxy")}
    peers = {peer.key: peer.path for peer in bench.PEERS if os.path.exists(peer.path)}
    go, tokio, may = peers.get("go", "no Go"), peers.get("tokio", "no tokio"), peers.get("may", "no may")
    folder = os.path.join(scratch, "www")
    hello = 'default_type text/plain; return 200 "hello, world";'
    http = [("rung", [example["http"], "--hello", "hello, world", ADDRESS, "/"]), ("Go", [go, "http-server", ADDRESS]),
            ("nginx", nginx(scratch, "hello", hello))]
    echo = [("rung", [example["13_echo"], ADDRESS]), ("Go", [go, "echo-server", ADDRESS]),
            ("tokio", [tokio, "echo-server", ADDRESS]), ("may", [may, "echo-server", ADDRESS])]
    found = {
        "http": http, "echo": echo, "short": echo,
        "file": [("rung", [example["http"], ADDRESS, folder]), ("Go", [go, "file-server", ADDRESS, folder]),
                 ("nginx", nginx(scratch, "file", f"root {folder};"))],
        "proxy": [("rung", [example["proxy"], ADDRESS, BEHIND]), ("Go", [go, "proxy", ADDRESS, BEHIND]),
                  ("HAProxy", haproxy(scratch))],
        "idle": [(title + " echo", command) for title, command in echo] + [(title + " HTTP", command) for title, command in http],
        "naps": [("rung", [os.path.join(release, "bench", "rung_bench"), "nap-server", ADDRESS]), ("Go", [go, "nap-server", ADDRESS])],
    }[kind]
    return [(title, command) for title, command in found if os.path.exists(command[0]) or shutil.which(command[0])]


def children_of(pid):
    """The process and all below it: nginx has its worker there."""
    found = [pid]
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                    parent = int(file.read().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            if parent == pid:
                found.append(int(entry))
    return found


def cpu_seconds(pid):
    total = 0
    for process in children_of(pid):
        try:
            with open(f"/proc/{process}/stat", encoding="utf-8") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def start(command, address=ADDRESS, cpu="0", output=subprocess.DEVNULL):
    host, port = address.split(":")
    process = subprocess.Popen(["taskset", "-c", cpu] + command, stdout=output, stderr=subprocess.DEVNULL,
                               env=dict(os.environ, RUNG_PROCS="1"))
    for _ in range(100):
        try:
            socket.create_connection((host, int(port)), 1).close()
            return process
        except OSError:
            time.sleep(0.05)
    process.kill()
    raise RuntimeError(f"{command[0]} does not come up")


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def microseconds(text):
    number, unit = re.match(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]


def load(kind, connections, seconds):
    """(requests/s, p99 in us, seconds it took)"""
    begin = time.monotonic()
    is_http = kind in ("http", "file")
    if is_http:
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency", f"http://{ADDRESS}/1m"]
    else:
        size = PROXY_BYTES if kind == "proxy" else 512
        command = [LOAD, "short" if kind == "short" else "echo", *ADDRESS.split(":"), str(connections), str(seconds), str(size)]
    done = subprocess.run(["taskset", "-c", "1"] + command, text=True, capture_output=True, check=False)
    took = time.monotonic() - begin
    if done.returncode != 0:
        return None, done.stderr.strip(), took
    if is_http:
        rate = float(re.search(r"Requests/sec: *([\d.]+)", done.stdout)[1])
        return rate, microseconds(re.search(r"99% +(\S+)", done.stdout)[1]), took
    rate, _, p99 = done.stdout.split()
    return float(rate), float(p99), took


def own_seconds():
    """CPU time of the loads that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(kind, connections, arguments, scratch):
    best = {}
    for _ in range(arguments.rounds):
        for title, command in servers(kind, scratch):
            process = start(command)
            cpu, of_load = cpu_seconds(process.pid), own_seconds()
            rate, p99, took = load(kind, connections, arguments.seconds)
            cpu, of_load = cpu_seconds(process.pid) - cpu, own_seconds() - of_load
            stop(process)
            if not rate:
                print(f"    {title}: {p99 if rate is None else 'not one request was served'}")
            elif title not in best or rate > best[title][0]:
                best[title] = (rate, p99, cpu * 1e6 / (rate * took), cpu / took, of_load / took)
    return best


def print_best(kind, connections, best):
    """
    Where the load's core was full and a server's was not, the rates tell how little work the servers' ways of answering make
    for the load; what a server could do is then what would fill its core.
    """
    mine = best.get("rung")
    for title, (rate, p99, cpu, *_) in best.items():
        beside = "" if mine is None or title == "rung" else (
            f"  rung: {mine[0] / rate:.2f} x the rate, p99 {mine[1] / p99:.2f} x, CPU {mine[2] / cpu:.2f} x")
        print(f"{kind:<6} {connections:>6}  {title:<8} {rate:>9.0f}/s  p99 {p99:>8.0f} us  {cpu:>7.2f} us of CPU each{beside}", flush=True)
    if mine is not None and mine[4] > 0.95 and mine[3] < 0.9:
        full = ", ".join(f"{title} {1e6 / cpu:.0f}/s" + ("" if title == "rung" else f" (rung {cpu / mine[2]:.2f} x)")
                         for title, (_, _, cpu, *_) in best.items())
        print(f"{'':15}rung's core was used for {100 * mine[3]:.0f} %, the load's was full; full ones would serve {full}", flush=True)


# ---- idle connections ----------------------------------------------------------------------------

def resident_bytes(pid):
    total = 0
    for process in children_of(pid):
        with open(f"/proc/{process}/statm", encoding="utf-8") as file:
            total += int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return total


def idle_bytes(command, connections):
    """Resident memory of the server for each of so many connections that have had one answer and wait."""
    process = start(command)
    sockets = []
    try:
        for at in range(connections + 100): # the first ones pay for what all share
            if at == 100:
                before = resident_bytes(process.pid)
            sockets.append(socket.create_connection(("127.0.0.1", PORT)))
            sockets[-1].sendall(IDLE_REQUEST)
            sockets[-1].recv(4096)
        return (resident_bytes(process.pid) - before) / connections
    finally:
        for each in sockets:
            each.close()
        stop(process)


def measure_idle(connections, scratch):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    connections = min(connections, limit - 200)
    figures = {title: idle_bytes(command, connections) for title, command in servers("idle", scratch)}
    for title, each in figures.items():
        mine = figures["rung " + title.split()[1]]
        beside = "" if title.startswith("rung") else f"  rung: {mine / each:.2f} x"
        print(f"idle   {connections:>6}  {title:<11} {each:>7.0f} bytes of RSS each{beside}", flush=True)


# ---- naps beside a server ------------------------------------------------------------------------

def measure_naps(connections, arguments, scratch):
    """The least of what each prints under load: how late the 99th percentile of 2,000 naps of 100 us is."""
    best = {}
    for _ in range(arguments.rounds):
        for title, command in servers("naps", scratch):
            path = os.path.join(scratch, "naps")
            with open(path, "w", encoding="utf-8") as output:
                process = start(command, output=output)
                load("naps", connections, max(arguments.seconds, NAPS_SECONDS))
                stop(process)
            with open(path, encoding="utf-8") as output:
                figures = [float(line) for line in output][1:] # the first began before the load
            best[title] = min(figures + [best.get(title, float("inf"))])
    for title, late in best.items():
        beside = "" if title == "rung" else f"  rung: {best['rung'] / late:.2f} x"
        print(f"naps   {connections:>6}  {title:<8} a sleep of 100 us ends {late:.0f} us late (p99){beside}", flush=True)


def calls_per_request(connections, scratch):
    title, command = servers("echo", scratch)[0]
    report = os.path.join(scratch, "calls")
    process = start(["strace", "-f", "-c", "-o", report] + command)
    rate, _, took = load("echo", connections, 1.5)
    for child in children_of(process.pid)[1:]:
        os.kill(child, signal.SIGTERM)
    process.wait()
    calls = {}
    with open(report, encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if len(words) >= 5 and words[0][0].isdigit() and words[-1] != "total":
                calls[words[-1]] = int(words[3])
    served = max(calls.get("sendto", 1), 1)
    about = ", ".join(f"{name} {count / served:.2f}" for name, count in sorted(calls.items(), key=lambda c: -c[1])[:4])
    of_requests = sum(calls.get(name, 0) for name in ("sendto", "recvfrom", "recvmsg", "epoll_pwait2", "futex", "write"))
    print(f"{title}, {connections} connections: {of_requests / served:.2f} system calls per request ({about})")


def run(kind, arguments, scratch):
    for connections in CONNECTIONS[kind]:
        if kind == "idle":
            measure_idle(connections, scratch)
        elif kind == "naps":
            measure_naps(connections, arguments, scratch)
        else:
            print_best(kind, connections, measure(kind, connections, arguments, scratch))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", default=[], metavar="|".join(CONNECTIONS), choices=[[], *CONNECTIONS])
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin"
    build_load()
    for peer in bench.PEERS:
        if peer.key in ("go", "tokio", "may"):
            bench.build_peer(peer)
    for tool in ("nginx", "haproxy"):
        if shutil.which(tool) is None:
            print(f"{tool} is left out: it is not installed (./dev deps bench)")
    with tempfile.TemporaryDirectory() as scratch:
        os.mkdir(os.path.join(scratch, "www"))
        write(os.path.join(scratch, "www", "1m"), "x" * FILE_BYTES)
        os.chmod(scratch, 0o755) # nginx's worker is another user
        for kind in arguments.kinds or CONNECTIONS:
            behind = start(servers("echo", scratch)[0][1][:1] + [BEHIND], BEHIND, "1") if kind == "proxy" else None
            run(kind, arguments, scratch)
            if behind is not None:
                stop(behind)
        if shutil.which("strace") and (not arguments.kinds or "echo" in arguments.kinds):
            for connections in (1, 64):
                calls_per_request(connections, scratch)
    return 0


if __name__ == "__main__":
    sys.exit(main())
