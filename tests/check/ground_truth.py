#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# test-labels: slow
# test-timeout: 300
"""`rung check` against the truth: programs of several compilers are stepped, and each instruction's state compared.

    ground_truth.py [--long] [--only TITLE]       --long: every compiler and level, and programs as they were shipped

A function agrees if at every one of its instructions that was executed the checker says where the chain stood. At
least 99.5 % of all that ran must agree, and none that broke the chain may be called framed.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from bisect import bisect_right
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(HERE, "programs")
RUNG = os.path.join(os.environ.get("RUNG_BUILD", HERE + "/../../build/release"), "rung")
MAY_BE = {"caller": 1 | 8, "whole": 2, "root": 15, "maybe": 15, "BROKEN": 4 | 8}
LIMIT = 99.5
KEEP = ["-fno-omit-frame-pointer", "-mno-omit-leaf-frame-pointer"]
DROP = ["-fomit-frame-pointer"]
SPLIT = ["-freorder-blocks-and-partition", "-fstack-clash-protection"]


def run(*command, **more):
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, **more)


def builds(is_long):
    """Gives back [(title, command without the output, launcher, steps, bytes of a jump to another stack)]."""
    found = []

    def add(title, compiler, *arguments, launcher=(), steps=100000, jump=1 << 20):
        if shutil.which(compiler):
            found.append((title, [compiler, *arguments], launcher, steps, jump))

    def source(name):
        return os.path.join(PROGRAMS, name)

    levels = ["-O0", "-O1", "-O2", "-O3", "-Os"] if is_long else ["-O2"]
    for level in levels:
        for frames, word in ((KEEP, "framed"), (DROP, "frameless")):
            for compiler in ("gcc", "clang"):
                more = SPLIT if compiler == "gcc" else SPLIT[1:]
                add(f"{compiler} {level} {word}", compiler, level, *frames, *more, source("work.c"))
            for compiler in ("g++", "clang++"):
                add(f"{compiler} {level} {word}", compiler, level, *frames, source("classes.cpp"), steps=250000)
    for compiler in ("gcc", "clang"):
        add(f"{compiler} assembly", compiler, "-O2", source("hand.c"), source("hand.S"))
    go = "/usr/local/go/bin/go" if os.path.exists("/usr/local/go/bin/go") else "go"
    if is_long:
        for frames, word in ((KEEP, "framed"), (DROP, "frameless")):
            for compiler, name in (("gcc", "work.c"), ("clang", "work.c"), ("g++", "classes.cpp"), ("clang++", "classes.cpp")):
                more = ["-fuse-ld=lld"] if "clang" in compiler else []
                add(f"{compiler} -O2 -flto {word}", compiler, "-O2", "-flto", *more, *frames, source(name), steps=250000)
            for name, compiler in (("work.c", "clang"), ("classes.cpp", "clang++")):
                add(f"{compiler} -O2 hot-cold-split {word}", compiler, "-O2", "-mllvm", "-hot-cold-split=true", *frames,
                    source(name), steps=250000)
        add("gcc static", "gcc", "-O2", "-static", *KEEP, source("work.c"))
        add("gcc static-pie frameless", "gcc", "-O2", "-static-pie", *DROP, source("work.c"))
        for level in ("0", "1", "2", "3", "s"):
            for frames, word in (("yes", "framed"), ("no", "frameless")):
                add(f"rustc opt-level={level} {word}", "rustc", f"-Copt-level={level}", f"-Cforce-frame-pointers={frames}",
                    source("work.rs"), steps=250000)
        add("go", go, "build", source("work.go"), steps=250000, jump=1024)
    if shutil.which("qemu-aarch64"):
        qemu = ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu")
        gcc, steps = "aarch64-linux-gnu-gcc", 60000 if is_long else 8000
        makers = [("gcc", [gcc]), ("clang", ["clang", "--target=aarch64-linux-gnu"])]
        if is_long:
            makers += [("g++", ["aarch64-linux-gnu-g++"]), ("clang++", ["clang++", "--target=aarch64-linux-gnu"])]
        for level in levels:
            for frames, word in ((KEEP, "framed"), (DROP, "frameless")):
                for name, compiler in makers if shutil.which(gcc) else ():  # clang needs its headers and libraries
                    text, most = (source("classes.cpp"), 400000) if "++" in name else (source("work.c"), steps)
                    add(f"arm64 {name} {level} {word}", *compiler, level, *frames, text, launcher=qemu, steps=most)
        add("arm64 gcc pac", gcc, "-O2", *KEEP, "-mbranch-protection=standard", source("work.c"), launcher=qemu, steps=steps)
        add("arm64 assembly", gcc, "-O2", source("hand.c"), source("hand.S"), launcher=qemu, steps=steps)
        if is_long:
            add("arm64 gcc static", gcc, "-O2", "-static", *KEEP, source("work.c"), launcher=qemu, steps=steps)
            add("arm64 go", "env", "GOARCH=arm64", "GOARM64=v8.1", "CGO_ENABLED=0", go, "build", source("work.go"), launcher=qemu, steps=steps,
                jump=1024)
    return found


# Programs as they were shipped: stripped, by many hands.
INSTALLED = [["/usr/bin/git", "--version"], ["/usr/bin/bash", "-c", "for i in 1 2 3; do x=$i$x; done; echo $x"],
             ["/usr/bin/perl", "-e", 'print join ",", sort map { $_ * 7 % 11 } 1..20'],
             ["/usr/bin/gawk", "BEGIN { for (i = 0; i < 9; i++) a[i] = i; print length(a) }"],
             ["/usr/bin/sort", "/etc/passwd"], ["/usr/bin/grep", "-E", "ro+t", "/etc/passwd"]]


def claims_of(rung, program):
    """Gives back (states by address, [(start, end, class, name)])."""
    states, functions = {}, []
    output = run(rung, "check", "--instructions", program).stdout.decode(errors="replace")
    for line in output.splitlines():
        words = line.split(" ", 4)
        if words[0] == "function":
            start = int(words[1], 16)
            functions.append((start, start + int(words[2], 16), words[3], words[4]))
        else:
            states.setdefault(int(words[0], 16), set()).add(words[1])
    return states, functions


def compare(states, functions, seen):
    """Gives back (functions that ran, those that do not agree, framed ones that broke the chain)."""
    starts = [function[0] for function in functions]
    ran, wrong, broken = set(), defaultdict(list), set()
    for address, bits in seen.items():
        index = bisect_right(starts, address) - 1
        if index < 0 or address >= functions[index][1]:
            continue  # the linker's stubs
        ran.add(index)
        allowed = 0
        for state in states.get(address, ()):
            allowed |= MAY_BE[state]
        if bits & ~allowed:
            wrong[index].append((address, bits, sorted(states.get(address, ["not reached"]))))
        if bits & 4 and functions[index][2] == "framed":
            broken.add(index)
    return ran, wrong, broken


class Figures:
    def __init__(self):
        self.rows, self.ran, self.wrong, self.broken = [], 0, 0, 0

    def add(self, title, functions, result):
        ran, wrong, broken = result
        share = 100 * (1 - len(wrong) / max(len(ran), 1))
        self.rows.append((title, len(ran), len(wrong), share))
        print(f"{title:28} {len(ran):6} functions ran, {len(wrong):3} disagree ({share:.2f} % agree)")
        for index in sorted(wrong)[:8]:
            start, _, kind, name = functions[index]
            address, bits, said = wrong[index][0]
            print(f"    {name} ({kind}) at +{address - start:#x}: said {'/'.join(said)}, was {bits}")
        for index in sorted(broken):
            print(f"    CALLED FRAMED, BUT BROKEN: {functions[index][3]}")
        self.ran += len(ran)
        self.wrong += len(wrong)
        self.broken += len(broken)


def step(stepper, folder, number, launcher, command, steps, jump):
    out = os.path.join(folder, f"seen{number}")
    run(stepper, out, steps, jump, *launcher, *command, env={**os.environ, "GOMAXPROCS": "1", "GOGC": "off"})
    seen = {}
    if os.path.exists(out):
        with open(out) as file:
            for line in file:
                address, bits = line.split()
                seen[int(address, 16)] = int(bits)
    return seen


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true", default=os.environ.get("RUNG_TEST_LONG") == "1")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    if not os.path.exists(RUNG):
        print("skipped: the command rung was not built")
        return 77
    folder = tempfile.mkdtemp(prefix="rung-truth-")
    try:
        stepper = os.path.join(folder, "chain")
        built = run("cc", "-O2", "-D_GNU_SOURCE", "-o", stepper, os.path.join(HERE, "chain.c"),
                    os.path.join(HERE, "../step/target.c"))
        if built.returncode != 0:
            sys.exit(built.stderr.decode())
        work = []
        for number, (title, command, launcher, steps, jump) in enumerate(builds(options.long)):
            work.append((title, command, launcher, [os.path.join(folder, f"program{number}")], steps, jump))
        for command in INSTALLED if options.long else ():
            if os.path.exists(command[0]):
                work.append((os.path.basename(command[0]), None, (), command, 150000, 1 << 20))
        work = [item for item in work if options.only in item[0]]

        def one(item):
            title, build, launcher, command, steps, jump = item
            if build is not None:
                environment = {**os.environ, "HOME": folder} if title.endswith("go") else None  # its cache
                built = run(*build[:-1], "-o", command[0], build[-1], env=environment)
                if built.returncode != 0:
                    return title, None, built.stderr.decode(errors="replace")
            seen = step(stepper, folder, work.index(item), launcher, command, steps, jump)
            states, functions = claims_of(RUNG, command[0])
            return title, functions, compare(states, functions, seen)

        figures = Figures()
        with ThreadPoolExecutor(2) as pool:
            for title, functions, result in pool.map(one, work):
                if functions is None:
                    print(f"{title}: does not build: {result.strip().splitlines()[-1] if result.strip() else ''}")
                elif not result[0]:
                    sys.exit(f"{title}: nothing of it ran")
                else:
                    figures.add(title, functions, result)
        share = 100 * (1 - figures.wrong / max(figures.ran, 1))
        print(f"{figures.ran} functions ran, {figures.wrong} disagree: {share:.3f} % agree; "
              f"{figures.broken} called framed broke the chain")
        return 0 if share >= LIMIT and figures.broken == 0 and figures.ran > 0 else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
