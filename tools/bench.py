#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs workloads in rung and its peers in turn, and prints the best of each, with ratios.

    bench.py [WORKLOAD...] [--json FILE] [--rounds N] [--seconds S]

bench/README.md tells the shapes and the method; `./dev bench` builds rung first and calls this.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PEERS_SOURCE = os.path.join(ROOT, "bench", "peers")
PEERS_BUILD = os.path.join(ROOT, "build", "bench")
RUNG_BUILD = os.path.join(ROOT, "build", "release", "bench")
LONG_RUN_SECONDS = 10    # who took longer for a workload is not asked again
RUN_LIMIT_SECONDS = 180  # who takes longer is ended, and has no figure

# ---- the bars: data from the issue -------------------------------------------------------------

# What rung may cost at most: as a factor on a peer of this run ("best": the best of them), on a
# figure in RECORDED, or ("value") as such. A bar beside a peer without a figure is left open.
BARS = {
    "yield-1p": {"go": 0.15, "best": 1, "libgo": 1},
    "yield-2p": {"go": 0.20, "best": 1, "libgo": 1},
    "pingpong-1p": {"go": 0.22, "state_threads": 0.95},
    "pingpong-2p": {"go": 0.50},
    "buffered-1p": {"go": 0.40, "boost_fiber": 0.7},
    "buffered-2p": {"go": 0.60, "boost_fiber": 0.7},
    "spawn-1p": {"go": 0.25, "best": 1, "neco": 1},
    "spawn-2p": {"go": 0.35, "best": 1},
    "spawnjoin-1p": {"go": 0.25, "state_threads": 0.9},
    "select3-1p": {"go": 0.35},
    "select3-2p": {"go": 0.50},
    "mutex4-1p": {"go": 0.80},
    "mutex4-2p": {"go": 0.60},
    "skynet-1p": {"go": 0.50},
    "skynet-2p": {"go": 0.50},
    "sieve2000-1p": {"go": 0.30, "state_threads": 0.7},
    "sieve2000-2p": {"go": 0.50},
    "ring503-1p": {"go": 0.25, "boost_fiber": 0.9},
    "ring503-2p": {"go": 0.40, "boost_fiber": 0.9},
    "echo64-1p": {"go": 0.75, "best": 1},
    "echo64-2p": {"go": 0.75, "best": 1},
    "timer-reset": {"go": 0.50, "tokio": 1},
    "deadline": {"go": 0.10},
    "sleep100us-p99-late": {"go": 0.07, "state_threads": 1},
    "parked1m": {"value": 4800},
    "parked1m-64k": {"value": 4300},
    "sleepers": {"value": 2},
    "timers": {"value": 2},
    "walk-framed": {"value": 2},
    "walk-libc": {"value": 15},
}

# Peers that are not run here, as they were measured on another day (22 November 2026, Zen 4).
RECORDED = {("libgo", "yield-1p"): 11.6, ("libgo", "yield-2p"): 9.3, ("neco", "spawn-1p"): 58.6}

# Lines of the program bench_walk: what its title is called here.
WALKS = {"walk-framed": "framed", "walk-libc": "bsearch and its callback"}


# ---- the programs ------------------------------------------------------------------------------

@dataclass
class Program:
    key: str             # its name in the JSON
    title: str           # ... and in the table
    tools: tuple = ()    # commands that building it needs
    build: tuple = ()    # run in its folder of bench/peers; {out} is the program's path
    install: str = ""    # what to install when it does not build

    @property
    def path(self):
        if self.key == "rung":
            return os.path.join(RUNG_BUILD, "rung_bench")
        if self.key in ("tokio", "may"):
            return os.path.join(PEERS_BUILD, self.key, "release", self.key + "_bench")
        return os.path.join(PEERS_BUILD, self.key + "_bench")


CARGO = ("cargo", "build", "--release", "--locked", "--quiet", "--target-dir", "{build}")
PEERS = [
    Program("go", "Go", ("go",), ("go", "build", "-trimpath", "-o", "{out}", "."), "Go 1.26"),
    Program("boost_fiber", "Boost", ("g++",),
            ("g++", "-std=c++17", "-O2", "boost_fiber_bench.cpp", "-o", "{out}",
             "-lboost_fiber", "-lboost_context", "-pthread"), "libboost-fiber-dev"),
    Program("state_threads", "ST", ("gcc",),
            ("gcc", "-std=gnu11", "-O2", "state_threads_bench.c", "-o", "{out}", "-lst"),
            "libst-dev"),
    Program("tokio", "tokio", ("cargo",), CARGO, "cargo, and crates.io within reach"),
    Program("may", "may", ("cargo",), CARGO, "cargo, and crates.io within reach"),
]
RUNG = Program("rung", "rung")


def is_fresh(peer):
    """Whether a C or C++ peer's program is newer than its source. Go and cargo see to it."""
    if peer.tools[0] not in ("gcc", "g++") or not os.path.exists(peer.path):
        return False
    folder = os.path.join(PEERS_SOURCE, peer.key)
    sources = [os.path.join(folder, name) for name in os.listdir(folder)]
    return os.path.getmtime(peer.path) > max(map(os.path.getmtime, sources))


def build_peer(peer):
    """Gives back whether the peer is there to be run; says in a line why not."""
    missing = [tool for tool in peer.tools if shutil.which(tool) is None]
    if missing:
        print(f"{peer.title} is left out: no {missing[0]}")
        return False
    if is_fresh(peer):
        return True
    print(f"building the peer {peer.title} ...", file=sys.stderr)
    words = {"out": peer.path, "build": os.path.join(PEERS_BUILD, peer.key)}
    command = [word.format(**words) for word in peer.build]
    done = subprocess.run(command, cwd=os.path.join(PEERS_SOURCE, peer.key), text=True,
                          errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        errors = [line for line in done.stdout.splitlines() if "error" in line] or ["it fails"]
        print(f"{peer.title} is left out: does not build; it needs {peer.install}: {errors[0]}")
    return done.returncode == 0


def walk_lines(workload):
    """Runs bench_walk, and gives back its figure as a line of rung_bench's."""
    program = os.path.join(RUNG_BUILD, "bench_walk")
    output = subprocess.run([program], text=True, capture_output=True, check=True).stdout
    match = re.search(rf"^{WALKS[workload]} +unwind .* ([\d.]+) ns/frame", output, re.MULTILINE)
    return f"{workload} {match.group(1)} ns" if match else f"{workload} n/a"


def run_once(program, workload, seconds):
    """Gives back (value, unit, remark); value None where there is no such thing."""
    command = [program.path, workload, "--seconds", str(seconds)]
    try:
        if workload in WALKS:
            line = walk_lines(workload) if program is RUNG else f"{workload} n/a"
        else:
            done = subprocess.run(command, text=True, capture_output=True,
                                  timeout=RUN_LIMIT_SECONDS)
            if done.returncode != 0:
                last = done.stderr.strip().splitlines()[-1:] or [f"exit {done.returncode}"]
                return None, "", f"fails: {last[0]}"
            line = done.stdout.strip()
    except subprocess.TimeoutExpired:
        return None, "", f"took over {RUN_LIMIT_SECONDS} s"
    except OSError as error:
        return None, "", f"fails: {error.strerror}"
    except subprocess.CalledProcessError as error:
        return None, "", f"fails: exit {error.returncode}"
    words = line.split(None, 3)
    if len(words) < 3 or words[1] == "n/a":
        return None, "", ""
    return float(words[1]), words[2], words[3] if len(words) > 3 else ""


# ---- the rounds --------------------------------------------------------------------------------

@dataclass
class Row:
    workload: str
    unit: str
    figures: dict   # by key of the program; None: no figure
    remarks: list   # (title, text)


def measure(workload, programs, rounds, seconds):
    """Every program once in each round; the best of each."""
    found = {program.key: [] for program in programs}
    unit, remarks, out = "", {}, set()
    for _ in range(rounds):
        for program in programs:
            if program.key in out:
                continue
            begin = time.monotonic()
            value, its_unit, remark = run_once(program, workload, seconds)
            unit = its_unit or unit
            if remark and (value is None or value < min(found[program.key], default=1e300)):
                remarks[program.title] = remark
            if value is None or time.monotonic() - begin > LONG_RUN_SECONDS:
                out.add(program.key)
            if value is not None:
                found[program.key].append(value)
    # A ratio has luck on both sides: of those, the median and not the least.
    pick = statistics.median if unit == "x" else min
    figures = {key: pick(values) if values else None for key, values in found.items()}
    return Row(workload, unit, figures, list(remarks.items()))


# ---- the table ---------------------------------------------------------------------------------

def bar_base(row, against):
    """What a bar's factor is on; None if there is no such figure."""
    if against == "value":
        return 1
    if against == "best":
        return min((row.figures[p.key] for p in PEERS if row.figures.get(p.key)), default=None)
    return RECORDED.get((against, row.workload), row.figures.get(against))


def verdict(row):
    """'met', or what falls short, or what stays open, in words."""
    if row.figures["rung"] is None:
        return "no figure"
    short, is_open = [], []
    for against, factor in BARS.get(row.workload, {}).items():
        base = bar_base(row, against)
        if base is None:
            is_open.append(against)
        elif row.figures["rung"] > factor * base:
            name = "" if against == "value" else f" of {against}"
            short.append(f"{short_number(row.figures['rung'] / base)}{name}, bar {factor:g}")
    if short:
        return "SHORT: " + "; ".join(short)
    if is_open:
        return "open: no " + ", ".join(is_open)
    return "met" if row.workload in BARS else "no bar"


def short_number(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(row, against):
    base = bar_base(row, against)
    if row.figures["rung"] is None or not base or row.unit == "x":
        return "-"
    return f"{row.figures['rung'] / base:.2f}"


def print_head():
    titles = "".join(f"{p.title:>9}" for p in [RUNG] + PEERS)
    print(f"{'workload':<20} {'unit':<4}{titles} {'/Go':>6} {'bar':>5} {'/best':>6}  bars",
          flush=True)


def print_row(row):
    figures = "".join(f"{short_number(row.figures.get(p.key)):>9}" for p in [RUNG] + PEERS)
    bar = BARS.get(row.workload, {}).get("go")
    print(f"{row.workload:<20} {row.unit:<4}{figures} {ratio(row, 'go'):>6}"
          f" {'-' if bar is None else f'{bar:.2f}':>5} {ratio(row, 'best'):>6}  {verdict(row)}")
    for title, remark in row.remarks:
        print(f"{'':<20} {'':<4}    {title}: {remark}")
    sys.stdout.flush()


def write_json(path, rows):
    keys = [program.key for program in [RUNG] + PEERS]
    array = [{"workload": row.workload, "unit": row.unit,
              **{key: row.figures.get(key) for key in keys}} for row in rows]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(array, file, indent=1)
        file.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=" ".join(BARS))
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5, help="per run")
    arguments = parser.parse_args()
    unknown = [workload for workload in arguments.workloads if workload not in BARS]
    if unknown:
        parser.error(f"no workload {unknown[0]}; there are: {' '.join(BARS)}")
    if not os.path.exists(RUNG.path):
        sys.exit("bench.py: build/release/bench/rung_bench is not there: ./dev build")
    os.makedirs(PEERS_BUILD, exist_ok=True)
    programs = [RUNG] + [peer for peer in PEERS if build_peer(peer)]
    rows = []
    print_head()
    for workload in arguments.workloads or BARS:
        rows.append(measure(workload, programs, arguments.rounds, arguments.seconds))
        print_row(rows[-1])
    if arguments.json:
        write_json(arguments.json, rows)
    verdicts = [verdict(row) for row in rows]
    print(f"{verdicts.count('met')} of {len(rows)} workloads meet their bars.")
    return 1 if any(row.figures["rung"] is None for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
