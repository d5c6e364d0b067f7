#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Configures and builds presets:  builds.py PRESET...   Also what test.py and mutants.py share."""
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
JOBS = len(os.sched_getaffinity(0))

# Commands that a preset cannot do without, beside cmake and ninja.
NEEDS = {
    "tsan": ["clang"],
    "clang": ["clang", "ld.lld"],
    "lto-clang": ["clang", "ld.lld", "llvm-ar"],
    "valgrind": ["gcc", "valgrind"],
    "arm64": ["aarch64-linux-gnu-gcc", "qemu-aarch64"],
}


def missing_tools(preset):
    return [tool for tool in NEEDS.get(preset, ["cc"]) if shutil.which(tool) is None]


def build(preset, directory=None, settings=(), keep_going=False, targets=()):
    """Builds quietly, all or some targets; gives back (whether it went well, what was printed)."""
    directory = directory or os.path.join(ROOT, "build", preset)
    configure = ["cmake", "--preset", preset, "-B", directory]
    configure += ["-D" + setting for setting in settings]
    make = ["cmake", "--build", directory, "--parallel", str(JOBS)]
    if targets:
        make += ["--target", *targets]
    if keep_going:
        make += ["--", "-k", "0"]
    for command in (configure, make):
        done = subprocess.run(command, cwd=ROOT, text=True, errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            return False, done.stdout
    return True, ""


@dataclass
class Results:
    passed: list = field(default_factory=list)
    failed: list = field(default_factory=list)   # (name, output)
    skipped: list = field(default_factory=list)  # (name, reason)
    traces: int = 0                              # that Go's reader accepted (tests/judge/_trace.py)


def skip_reason(output):
    lines = [line for line in output.splitlines() if line.startswith("skip")]
    return lines[-1].removeprefix("skip:").strip() if lines else "no reason given"


def skip_message(case):
    skipped = case.find("skipped")
    return "" if skipped is None else skipped.get("message", "")


def run_tests(directory, arguments=(), environment=None):
    """Runs ctest in a build directory and reads what it found."""
    report = os.path.join(directory, "tests.xml")
    if os.path.exists(report):
        os.remove(report)
    command = ["ctest", "--test-dir", directory, "--output-junit", report,
               "--test-output-size-passed", "200000", "--test-output-size-failed", "200000", *arguments]
    done = subprocess.run(command, text=True, errors="replace", stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, **(environment or {})})
    results = Results()
    if not os.path.exists(report):
        if done.returncode != 0 or "No tests were found" not in done.stdout:
            results.failed.append(("ctest", done.stdout))
        return results
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name, output = case.get("name"), case.findtext("system-out") or ""
        results.traces += sum(int(count) for count in re.findall(r"^traces judged: (\d+)$", output, re.MULTILINE))
        if case.find("failure") is not None:
            results.failed.append((name, output or case.find("failure").get("message")))
        elif "SKIP_RETURN_CODE" in skip_message(case):
            results.skipped.append((name, skip_reason(output)))
        elif case.get("status") == "run":
            results.passed.append(name)
        else:  # ctest could not start it
            results.failed.append((name, output or "did not run"))
    return results


def presets():
    with open(os.path.join(ROOT, "CMakePresets.json"), encoding="utf-8") as file:
        return [preset["name"] for preset in json.load(file)["configurePresets"] if not preset.get("hidden")]


def main():
    for preset in sys.argv[1:]:
        if preset not in presets():
            sys.exit(f"dev build: no preset {preset}; there are: {' '.join(presets())}")
    for preset in sys.argv[1:]:
        print(f"building build/{preset}", flush=True)
        is_good, output = build(preset)
        if not is_good:
            print(output)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
