#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""./dev bench trace: what tracing adds to a switch, a round trip and a goroutine, in rung and in Go, in one run.

    bench_trace.py [--rounds N] [--seconds S]

Each figure is the least of N rounds, in turn with the others. Traces go to /dev/null, so that it is recording that is measured;
once they go to a file, for the bytes of an event. Then an echo server under full load, and a snapshot of a flight recorder.
(How old a killed program's last event is, judge/trace_flight tells.)
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile

import bench_net

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RUNG = os.path.join(ROOT, "build", "release", "bench", "rung_bench")
COMMAND = os.path.join(ROOT, "build", "release", "rung")
GO_SOURCE = os.path.join(ROOT, "bench", "peers", "go")
GO = os.path.join(ROOT, "build", "bench", "go_trace")
# Events of an operation, and how many of those have stacks.
WORKLOADS = {"yield-1p": (2, 1), "pingpong-1p": (6, 4), "pingpong-2p": (6, 4), "spawn-1p": (5, 3)}
BAR_ADDED = {"pingpong-1p": 150}  # ns
FLIGHT = os.path.join(ROOT, "build", "release", "bench", "bench_flight")
BAR_ECHO = 1  # percent of the throughput
BAR_SNAPSHOT_MS, BAR_PAUSE_US = 5, 100
ECHO_CONNECTIONS = 64
ECHO_RUNS = 4  # to a round


def measure(program, workload, seconds, environment):
    result = subprocess.run([program, workload, "--seconds", str(seconds)], env=dict(os.environ, **environment), text=True,
                            capture_output=True)
    match = re.search(r"([\d.]+) ns", result.stdout)
    return float(match[1]) if match else float("inf")


def build_go():
    go = "/usr/local/go/bin/go" if os.path.exists("/usr/local/go/bin/go") else "go"
    os.makedirs(os.path.dirname(GO), exist_ok=True)
    try:
        return subprocess.run([go, "build", "-o", GO, "."], cwd=GO_SOURCE, check=False).returncode == 0
    except FileNotFoundError:
        return False


def bytes_of_event(workload):
    if not os.path.exists(COMMAND):
        return None
    with tempfile.TemporaryDirectory() as directory:
        trace = os.path.join(directory, "trace")
        measure(RUNG, workload, 0, {"RUNG_TRACE": trace})
        stats = subprocess.run([COMMAND, "trace", "stats", trace], text=True, capture_output=True).stdout
    match = re.search(r"([\d.]+) bytes each", stats)
    return float(match[1]) if match else None


def verdict(bar, is_met):
    return f"    bar: {bar}, {'met' if is_met else 'MISSED'}"


def bench_echo(options):
    """
    An echo server on one core, the load on another: requests per second, and the server's CPU time for each. A shared machine's
    speed changes by more than what is looked for from one second to the next, so each short run is compared with the one
    just before it, and the median of what those lost is the figure.
    """
    bench_net.build_load()
    rates, costs = {}, {}
    with tempfile.TemporaryDirectory() as scratch:
        ways = {"off": {}, "tracing": {"RUNG_TRACE": "/dev/null"},
                "flight recorder": {"RUNG_FLIGHT": os.path.join(scratch, "flight")}}
        _, command = bench_net.servers("echo", scratch)[0]
        for _ in range(options.rounds * ECHO_RUNS):
            for way, environment in ways.items():
                process = bench_net.start(["env", *(f"{name}={value}" for name, value in environment.items()), *command])
                cpu = bench_net.cpu_seconds(process.pid)
                rate, _, took = bench_net.load("echo", ECHO_CONNECTIONS, options.seconds)
                costs.setdefault(way, []).append((bench_net.cpu_seconds(process.pid) - cpu) * 1e6 / (rate * took))
                bench_net.stop(process)
                rates.setdefault(way, []).append(rate)
    is_good = True
    print(f"\necho, {ECHO_CONNECTIONS} connections, the server on one core: requests/s and CPU time of the server for each at best,"
          f" and the median of what {len(rates['off'])} runs lost")
    for way in ways:
        line = f"  {way:16}{max(rates[way]):9.0f}/s {min(costs[way]):6.2f} us"
        if way != "off":
            lost = 100 * statistics.median(1 - with_it / without for with_it, without in zip(rates[way], rates["off"]))
            is_good &= lost <= BAR_ECHO
            line += f" {lost:+6.1f} % lost" + verdict(f"{BAR_ECHO} %", lost <= BAR_ECHO)
        print(line, flush=True)
    return is_good


def bench_snapshot():
    said = subprocess.run([FLIGHT], env=dict(os.environ, RUNG_PROCS="2"), text=True, capture_output=True, check=True).stdout
    work, size, pause, quiet = (float(number) for number in re.findall(r"([\d.]+) \w+", said))
    is_good = work <= BAR_SNAPSHOT_MS and pause <= BAR_PAUSE_US
    print(f"snapshot of a recorder of 10 MiB: {work:.2f} ms for {size:.1f} MiB; a goroutine's longest pause meanwhile "
          f"{pause:.0f} us, else {quiet:.0f} us" + verdict(f"{BAR_SNAPSHOT_MS} ms, {BAR_PAUSE_US} us", is_good), flush=True)
    return is_good


def main():
    parser = argparse.ArgumentParser(prog="./dev bench trace")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    options = parser.parse_args()
    ways = {("rung", False): (RUNG, {}), ("rung", True): (RUNG, {"RUNG_TRACE": "/dev/null"})}
    if build_go():
        ways |= {("Go", False): (GO, {}), ("Go", True): (GO, {"BENCH_TRACE": "/dev/null"})}
    print(f"{'':14}{'rung':>8} {'traced':>8} {'added':>8} {'an event':>9} {'bytes':>6}    {'Go':>8} {'traced':>8} {'added':>8}")
    is_good = True
    for workload, (events, _) in WORKLOADS.items():
        least = {way: float("inf") for way in ways}
        for _ in range(options.rounds):
            for way, (program, environment) in ways.items():
                least[way] = min(least[way], measure(program, workload, options.seconds, environment))
        added = least["rung", True] - least["rung", False]
        size = bytes_of_event(workload)
        line = (f"{workload:14}{least['rung', False]:8.1f} {least['rung', True]:8.1f} {added:+8.1f} {added / events:9.1f} "
                f"{size if size is not None else float('nan'):6.1f}")
        if ("Go", True) in least:
            line += f"    {least['Go', False]:8.1f} {least['Go', True]:8.1f} {least['Go', True] - least['Go', False]:+8.1f}"
        bar = BAR_ADDED.get(workload)
        if bar is not None:
            is_met = added <= bar
            is_good &= is_met
            line += verdict(f"+{bar}", is_met)
        print(line, flush=True)
    is_good &= bench_echo(options)
    is_good &= bench_snapshot()
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
