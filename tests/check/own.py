#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# test-presets: release
"""rung's libraries, examples and demo keep the chain: 99 % framed, and nothing is wrong but what `rung check` and own.allow know.

Seen to fail: the library under other names does, and so does a library whose limit is set above what it has.
"""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("RUNG_BUILD", HERE + "/../../build/release")
ALLOW = os.path.join(HERE, "own.allow")
DENIED = ("clobber,transparent,unknown,record,not-restored,cfi,torn,return,sibling,falls-through,no-code,large-frame,"
          "stack-switch,thread-local,untyped")


def check(path, *options):
    done = subprocess.run([f"{BUILD}/rung", "check", "--require", "framed=99%", "--require", "framed=99%:calls",
                           "--deny", DENIED, *options, path],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    return done.returncode, done.stdout


def main():
    if not os.path.exists(f"{BUILD}/rung"):
        print("skipped: the command rung was not built")
        return 77
    files = [f"{BUILD}/librung.a", f"{BUILD}/librung.so"]
    examples = f"{BUILD}/examples"
    if os.path.isdir(examples):
        files += sorted(entry.path for entry in os.scandir(examples)
                        if entry.is_file() and os.access(entry.path, os.X_OK) and open(entry.path, "rb").read(4) == b"\x7fELF")
    arm64 = os.path.join(os.path.dirname(BUILD.rstrip("/")), "arm64/librung.a")
    files += [arm64] if os.path.exists(arm64) else []
    folder = tempfile.mkdtemp(prefix="rung-own-")
    if shutil.which("aarch64-linux-gnu-gcc"):  # the arm64 build may not be there; its switches can be made at once
        files.append(f"{folder}/switch.o")
        subprocess.run(["aarch64-linux-gnu-gcc", "-g", "-c", "-DRUNG_MUTANT=0", f"-I{HERE}/../../src", "-o", files[-1],
                        f"{HERE}/../../src/machine/aarch64/switch.S"], check=True)
    wrong = 0
    for path in files:
        status, output = check(path, "--allow", ALLOW)
        print(f"{os.path.relpath(path, BUILD)}: {'clean' if status == 0 else 'NOT CLEAN'}")
        if status != 0:
            print("\n".join(line for line in output.splitlines() if "[allowed: " not in line))
            wrong += 1
    if shutil.which("objcopy"):
        foreign = f"{folder}/foreign.a"
        subprocess.run(["objcopy", "--redefine-sym", "rung_switch=their_switch", files[0], foreign], check=True)
        if check(foreign, "--allow", ALLOW)[0] != 1:
            print("a switch that is not rung's has to be found")
            wrong += 1
    shutil.rmtree(folder)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
