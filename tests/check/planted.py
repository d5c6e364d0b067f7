#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# test-presets: release asan
"""Planted bugs are all found, as what they are; innocent oddities are blamed for nothing (planted/*.S, *.c).

Also the core's mutants that change what a function does to its own frame, and the two rules of others' tools that
concern linked user code: objtool's and Go vet's findings are among the planted ones.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.environ.get("RUNG_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
RUNG = os.path.join(os.environ.get("RUNG_BUILD", SOURCE + "/build/release"), "rung")
PLANTED = os.path.join(SOURCE, "tests/check/planted")
LEAST = 40
KEEP = ["-fno-omit-frame-pointer", "-mno-omit-leaf-frame-pointer", "-fno-optimize-sibling-calls",
        "-fstack-clash-protection", "-fno-stack-protector"]

failures = []


def check(path, *options):
    done = subprocess.run([RUNG, "check", "--json", *options, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode not in (0, 1):
        sys.exit(f"{path}: exit status {done.returncode}: {done.stderr.decode(errors='replace')}")
    return json.loads(done.stdout)["files"][0]["functions"]


def judge(title, functions):
    """Gives back how many were planted, and how many innocents there were."""
    bad = good = 0
    for function in functions:
        found = {finding["kind"] for finding in function.get("findings", [])} | {function["class"]}
        planted = re.match(r"bad_(.*?)__", function["name"])
        if planted:
            bad += 1
            if planted[1].replace("_", "-") not in found:
                failures.append(f"{title}: {function['name']}: not found; said {sorted(found)}")
        elif function["name"].startswith("good_"):
            good += 1
            if function.get("findings") or function["class"] not in ("framed", "leaf"):
                failures.append(f"{title}: {function['name']}: blamed: {sorted(found)}: "
                                + "; ".join(finding["text"] for finding in function.get("findings", [])))
    print(f"{title}: {bad} planted, {good} innocents")
    return bad, good


def build(folder, compiler, source, name, *options):
    path = os.path.join(folder, name)
    subprocess.run([compiler, "-g", "-c", *options, "-o", path, source], check=True)
    return path


def findings_of_switch(folder, compiler, cpu, mutant):
    path = build(folder, compiler, f"{SOURCE}/src/machine/{cpu}/switch.S", f"switch-{cpu}-{mutant}.o",
                 f"-DRUNG_MUTANT={mutant}", f"-I{SOURCE}/src", f"-I{SOURCE}/include")
    return {(function["name"], finding["kind"], finding["text"]) for function in check(path)
            for finding in function.get("findings", [])}


def main():
    if not os.path.exists(RUNG):
        print("skipped: the command rung was not built")
        return 77
    folder = tempfile.mkdtemp(prefix="rung-planted-")
    bad = good = 0
    try:
        for compiler, cpu in (("gcc", "x86_64"), ("aarch64-linux-gnu-gcc", "aarch64")):
            if not shutil.which(compiler):
                continue
            figures = [judge(f"{cpu}.S", check(build(folder, compiler, f"{PLANTED}/{cpu}.S", f"{cpu}.o")))]
            for level in ("-O1", "-O2"):
                path = build(folder, compiler, f"{PLANTED}/planted.c", f"{cpu}{level}.o", level, *KEEP)
                figures.append(judge(f"planted.c for {cpu} {level}", check(path)))
            bad += figures[0][0] + figures[1][0]
            good += figures[0][1] + figures[1][1]
            mutant = findings_of_switch(folder, compiler, cpu, 6) - findings_of_switch(folder, compiler, cpu, 0)
            if not any(kind == "cfi" for _, kind, _ in mutant):
                failures.append(f"the core's mutant CFI_OFF_BY_8 is not found on {cpu}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if min(bad, good) < LEAST:
        failures.append(f"only {bad} planted and {good} innocents")
    for text in failures:
        print(text)
    print(f"{bad} planted, {good} innocents, {len(failures)} wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
