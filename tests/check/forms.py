#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# test-presets: release
"""forms.c over libcrypto, libc and an arm64 libc, as far as they are installed."""
import glob
import os
import subprocess
import sys
import tempfile

SOURCE = os.environ.get("RUNG_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
BUILD = os.environ.get("RUNG_BUILD", SOURCE + "/build/release")


def main():
    if not os.path.exists(f"{BUILD}/rung"):
        print("skipped: the command rung was not built")
        return 77
    files = [path for pattern in ("/usr/lib/*-linux-gnu/libcrypto.so.3", "/usr/lib/*-linux-gnu/libc.so.6",
                                  "/usr/aarch64-linux-gnu/lib/libc.so.6") for path in glob.glob(pattern)]
    with tempfile.TemporaryDirectory(prefix="rung-forms-") as folder:
        sources = glob.glob(f"{SOURCE}/src/check/decode*.c") + [f"{SOURCE}/src/check/cpu.c"]
        sources += [f"{SOURCE}/src/elf/{name}.c" for name in ("array", "cfi", "debug_file", "file", "imports")]
        subprocess.run(["cc", "-O2", "-std=gnu11", "-DRUNG_MUTANT=0", f"-I{SOURCE}/src", "-o", f"{folder}/forms",
                        f"{SOURCE}/tests/check/forms.c", *sources, "-ldw", "-lelf", "-lcapstone", "-llzma"], check=True)
        return subprocess.run([f"{folder}/forms", *files]).returncode


if __name__ == "__main__":
    sys.exit(main())
