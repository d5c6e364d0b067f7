#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`./dev bench check`: how long `rung check` takes, beside `readelf -wF` on the same file in the same run.

    bench_check.py [--rounds N] [--long]       --long: files of up to 200 MB of text
"""
import argparse
import glob
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RUNG = os.path.join(ROOT, "build/release/rung")
FUNCTION = r"""
.macro block number
.type f\number\()_\@, @function
f\number\()_\@:
.cfi_startproc
push %rbp
.cfi_def_cfa_offset 16
.cfi_offset 6, -16
mov %rsp, %rbp
.cfi_def_cfa_register 6
push %rbx
sub $24, %rsp
mov %rdi, %rbx
test %rdi, %rdi
je 1f
.rept 12
lea 8(%rbx,%rax,4), %rcx
mov %rcx, -24(%rbp)
add $1, %rax
.endr
call f\number\()_\@
1: mov -8(%rbp), %rbx
leave
.cfi_def_cfa 7, 8
ret
.cfi_endproc
.size f\number\()_\@, . - f\number\()_\@
.endm
"""


def timed(command, rounds):
    """Gives back (least seconds elapsed, least of CPU, most resident bytes)."""
    best, cpu = float("inf"), float("inf")
    for _ in range(rounds):
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, _, usage = os.wait4(process.pid, 0)
        best = min(best, time.monotonic() - start)
        cpu = min(cpu, usage.ru_utime + usage.ru_stime)
    return best, cpu, resident(command)


def resident(command):
    """By a small program: the kernel counts what the forked copy of this one had, too. NaN without it."""
    if not os.path.exists("/usr/bin/time"):
        return float("nan")
    done = subprocess.run(["/usr/bin/time", "-q", "-f", "%M", *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True)
    return int(done.stderr.split()[-1]) * 1024


def library(name):
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"):
        for path in sorted(glob.glob(f"{folder}/{name}")):
            return path
    return None


def bench_library(path, rounds):
    whole, cpu, memory = timed([RUNG, "check", "--quiet", path], rounds)
    single, single_cpu, _ = timed([RUNG, "check", "--quiet", "--threads", "1", path], rounds)
    other, other_cpu, _ = timed(["readelf", "-wF", path], rounds)
    size = os.path.getsize(path)
    print(f"{os.path.basename(path)}: {1e3 * whole:.1f} ms ({1e3 * cpu:.1f} of CPU; {1e3 * single:.1f} with one thread), "
          f"bar 50; readelf -wF {1e3 * other:.1f} ms: {whole / other:.2f} of it, bar 0.20; "
          f"{memory / size:.1f} times the file's size resident, bar 3")


def bench_closures(rounds):
    for program in ("git", "python3", "perf"):
        path = shutil.which(program)
        if path is None:
            continue
        path = os.path.realpath(path)
        with open(path, "rb") as file:
            if file.read(4) != b"\x7fELF":
                path = "/usr/bin/" + program
        if os.path.exists(path):
            elapsed, cpu, memory = timed([RUNG, "check", "--closure", "--quiet", os.path.realpath(path)], rounds)
            print(f"closure of {program}: {elapsed:.2f} s ({cpu:.2f} of CPU), bar 1; {memory / 1e6:.0f} MB resident")


def bench_growth(is_long, rounds):
    folder = tempfile.mkdtemp(prefix="rung-bench-check-")
    try:
        with open(f"{folder}/part.s", "w") as file: # 180 bytes a function
            file.write(FUNCTION + ".text\n" + "".join(f"block {i}\n" for i in range(35000)))
        subprocess.run(["as", "-o", f"{folder}/part.o", f"{folder}/part.s"], check=True)
        for parts in (1, 2, 4, 8) + ((16, 32) if is_long else ()):
            out = f"{folder}/whole"
            subprocess.run(["ld", "-shared", "-o", out, *[f"{folder}/part.o"] * parts], check=True)
            size = int(subprocess.check_output(["size", "-A", out], text=True).split(".text")[1].split()[0])
            elapsed, cpu, memory = timed([RUNG, "check", "--quiet", out], rounds)
            print(f"{size / 1e6:6.1f} MB of text: {elapsed:6.2f} s, {1e9 * elapsed / size:5.1f} ns a byte, "
                  f"{memory / os.path.getsize(out):.1f} times the file's size resident")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--long", action="store_true")
    options = parser.parse_args()
    if not os.path.exists(RUNG):
        sys.exit("bench check: the command rung was not built (./dev deps build)")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name in ("libcrypto.so.3", "libc.so.6", "libstdc++.so.6"):
        path = library(name)
        if path:
            bench_library(os.path.realpath(path), options.rounds)
    bench_closures(min(options.rounds, 3))
    bench_growth(options.long, min(options.rounds, 3))


if __name__ == "__main__":
    main()
