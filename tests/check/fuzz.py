#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# test-presets: release asan ubsan
# test-timeout: 200
"""Broken ELF files: a report or one sentence, never a crash, a hang, or memory without bound.

The corpus is made of files of both CPUs and every kind that is checked: bytes changed, ranges copied and cleared, numbers
put to extremes, ends cut off, mostly in the headers and tables that are parsed. RUNG_SEED repeats a run; a file that
fails is kept, and its path printed.
"""
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

try:
    import lzma
except ImportError:  # a Python built without it
    lzma = None

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("RUNG_BUILD", HERE + "/../../build/release")
RUNG = os.path.join(BUILD, "rung")
IS_LONG = os.environ.get("RUNG_TEST_LONG") == "1"
IS_SANITIZED = BUILD.rstrip("/").endswith("san")
ROUNDS = (4000 if IS_LONG else 240) if IS_SANITIZED else (4000 if IS_LONG else 500)
SECONDS = 20  # of CPU time
MEMORY = 400 << 20  # of a file of some 20 KB
EXTREMES = [0, 1, 0xff, 0x7f, 0x80, 0xffff, 0x7fffffff, 0xffffffff, 0x80000000, 1 << 63, (1 << 64) - 1, (1 << 64) - 8, 4096]
OPTIONS = [["--all"], ["--json"], ["--sarif"], ["--instructions"], ["--explain", "main"], ["--closure"]]


def seeds(folder):
    """Gives back small valid files."""
    made = []
    sources = {"work": os.path.join(HERE, "programs/hand.c"), "asm": os.path.join(HERE, "programs/hand.S")}
    planted = {"gcc": os.path.join(HERE, "planted/x86_64.S"), "aarch64-linux-gnu-gcc": os.path.join(HERE, "planted/aarch64.S")}
    for compiler in planted:
        if not shutil.which(compiler):
            continue
        for name, options in (("program", [*sources.values()]), ("object", ["-c", sources["work"]]),
                              ("assembled", ["-c", sources["asm"]]), ("library", ["-shared", "-fPIC", *sources.values()]),
                              ("landing", ["-shared", "-Wl,--unresolved-symbols=ignore-all", planted[compiler]]),
                              ("debug", ["-g", "-gz=zlib", "-fno-asynchronous-unwind-tables", *sources.values()])):
            out = os.path.join(folder, f"{compiler}-{name}")
            subprocess.run([compiler, "-O2", "-o", out, *options], check=True)
            made.append(out)
    if lzma is not None:  # symbols as Fedora leaves them
        packed = os.path.join(folder, "packed")
        with open(packed, "wb") as file:
            file.write(lzma.compress(open(made[0], "rb").read()))
        subprocess.run(["objcopy", "-S", "--add-section", f".gnu_debugdata={packed}", made[0], packed + ".elf"], check=True)
        made.append(packed + ".elf")
    archive = os.path.join(folder, "archive.a")
    subprocess.run(["ar", "rc", archive, *[path for path in made if path.endswith(("object", "assembled"))]], check=True)
    made.append(archive)
    return [open(path, "rb").read() for path in made]


def interesting_ranges(content):
    """Gives back [(start, end)]: the header, the section headers, and the small sections."""
    ranges = [(0, min(64, len(content)))]
    if content[:4] == b"\x7fELF" and len(content) >= 64:
        table, size, count = (struct.unpack_from("<Q", content, 40)[0], *struct.unpack_from("<HH", content, 58))
        for i in range(count):
            at = table + i * size
            if at + 64 > len(content):
                break
            ranges.append((at, at + 64))
            start, length = struct.unpack_from("<QQ", content, at + 24)
            if 0 < length and start + length <= len(content):
                ranges.append((start, start + length))
    return ranges


def mutate(content, chance):
    content = bytearray(content)
    ranges = interesting_ranges(bytes(content))
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        start, end = chance.choice(ranges)
        end = min(end, len(content))
        if start >= end:
            continue
        at = chance.randrange(start, end)
        kind = chance.randrange(6)
        if kind == 0:
            content[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            content[at] = chance.randrange(256)
        elif kind == 2:
            width = chance.choice([1, 2, 4, 8])
            at -= at % width
            content[at:at + width] = (chance.choice(EXTREMES) & ((1 << 8 * width) - 1)).to_bytes(width, "little")
        elif kind == 3:
            length = min(chance.randrange(1, 64), end - at)
            other = chance.randrange(len(content) - length + 1)
            content[at:at + length] = content[other:other + length]
        elif kind == 4:
            length = min(chance.randrange(1, 32), end - at)
            content[at:at + length] = bytes(chance.randrange(256) for _ in range(length))
        elif chance.random() < 0.2:
            del content[at:]
    return bytes(content)


def limit_resources():
    if not IS_SANITIZED:  # whose shadow takes terabytes of address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def run_one(job):
    """Gives back what is wrong, or None."""
    path, content, options = job
    with open(path, "wb") as file:
        file.write(content)
    done = subprocess.run([RUNG, "check", *options, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          preexec_fn=limit_resources,
                          env={**os.environ, "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1", "LC_ALL": "C"})
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return "computes without end"
    text = done.stderr.decode(errors="replace")
    if done.returncode not in (0, 1, 2) or "Sanitizer" in text or "runtime error" in text:
        return f"ended with {done.returncode}: {text[-1500:]}"
    if done.returncode == 2 and not text.startswith("rung check: "):
        return f"no sentence: {text[-300:]}"
    os.unlink(path)
    return None


def main():
    if not os.path.exists(RUNG):
        print("skipped: the command rung was not built")
        return 77
    seed = int(os.environ.get("RUNG_SEED") or random.randrange(1 << 31))
    print(f"RUNG_SEED={seed}, {ROUNDS} files")
    chance = random.Random(seed)
    folder = tempfile.mkdtemp(prefix="rung-fuzz-")
    contents = seeds(folder)
    jobs = [(os.path.join(folder, f"{seed}-{i}"), mutate(contents[i % len(contents)], chance), OPTIONS[i // 3 % len(OPTIONS)])
            for i in range(ROUNDS)]
    wrong = 0
    with ThreadPoolExecutor(2) as pool:
        for job, result in zip(jobs, pool.map(run_one, jobs)):
            if result is not None:
                wrong += 1
                print(f"{job[0]} {' '.join(job[2])}: {result}")
    if wrong == 0:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{wrong} of {ROUNDS} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
