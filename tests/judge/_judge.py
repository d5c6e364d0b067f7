# SPDX-License-Identifier: MIT
"""What the judges share: where programs are, skipping, and running a command where the program's CPU is.

A judge of an arm64 build runs in the arm64 virtual machine: RUNG_ARM64_VM, or ../shared/tools/arm64-vm
beside the sources. It skips where there is none.
"""
import math
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(os.environ["RUNG_BUILD"])
SOURCE = pathlib.Path(os.environ["RUNG_SOURCE"])
WORK = BUILD / "tests/judge/work"
DEMO = BUILD / "examples/demo"
HTTP = BUILD / "examples/http"
IS_ARM64 = os.environ.get("RUNG_CPU") == "aarch64"
IN_VM = IS_ARM64 and os.environ.get("RUNG_LAUNCHER", "") != ""

TREE = pathlib.Path("/usr/include") / ("linux" if IN_VM else "")  # what the demo reads


def skip(why):
    print("skipped: " + why)
    sys.exit(77)


def need(*tools):
    """The tools, on the machine where they are used; in the virtual machine they are there."""
    if IN_VM:
        find_vm()
        return
    for tool in tools:
        if shutil.which(tool) is None:
            skip(f"{tool} is not installed")


def has(tool):
    """Whether a part of the test can be done. With --strict it has to be."""
    is_there = shutil.which(tool) is not None
    if not is_there:
        if os.environ.get("RUNG_STRICT") == "1":
            sys.exit(f"{tool} is not installed")
        print(f"left out what {tool} is needed for: it is not installed")
    return is_there


def find_vm():
    vm = pathlib.Path(os.environ.get("RUNG_ARM64_VM", SOURCE / "../shared/tools/arm64-vm"))
    if not (vm / "run").exists():
        skip("no arm64 kernel at hand (RUNG_ARM64_VM, or ../shared/tools/arm64-vm)")
    cache = pathlib.Path(os.environ.get("ARM64_VM_CACHE", pathlib.Path.home() / ".cache/arm64-vm"))
    if not (cache / "stamp").exists():
        skip(f"no arm64 kernel at hand: {os.path.relpath(vm / 'prepare', SOURCE)} has not been run")
    return vm


def most_by_chance(count, share):
    """How many of so many samples may be odd where that share may be: more would be so once in a million times."""
    mean, most = count * share, 0
    term = below = math.exp(-mean)
    while below < 1 - 1e-6:
        most += 1
        term *= mean / most
        below += term
    return most


def run_script(script, files, timeout):
    """Runs a shell script where the programs run, in an empty directory; gives back (status, stdout, stderr).

    The time-out is the virtual machine's; on this one there is the test's own.

    `files` maps names to files that the script uses as $name.
    """
    names = "".join(f"{name}={shlex.quote('./' + file.name if IN_VM else str(file))}\n"
                    for name, file in files.items())
    with tempfile.TemporaryDirectory(prefix="rung-judge-") as directory:
        if IN_VM:
            command = [str(find_vm() / "run"), "--timeout", str(timeout)]
            for file in files.values():
                command += ["--copy", str(file)]
            command += ["--", "sh", "-c", names + script]
        else:
            command = ["sh", "-c", names + script]
        done = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=timeout + 60 if IN_VM else None, check=False)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
