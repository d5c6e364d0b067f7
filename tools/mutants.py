#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""./dev mutants: puts each bug of src/base/mutants.h back and runs the tests until one finds it.

mutants.py [NAME|NUMBER]...   All are built in build/mutant, one after another, so that only what differs is
compiled anew. First the tests run as they are, then under a few chaos seeds; a mutant that passes all that
survives, and the exit status is 1. A test that fails in build/release, too, proves nothing and is left out.
"""
import os
import re
import sys
import time

import builds

DIRECTORY = os.path.join(builds.ROOT, "build", "mutant")
HEADER = os.path.join(builds.ROOT, "src", "base", "mutants.h")
CHAOS_SEEDS = [1, 2, 3]


def read_mutants():
    """Gives back [(number, name, what it is)]."""
    with open(HEADER) as file:
        found = re.findall(r"^#define MUTANT_(\w+)\s+(\d+)\s*(?:/\*\s*(.*?)\s*\*/)?", file.read(), re.M)
    return [(int(number), name, what) for name, number, what in found]


ENVIRONMENTS = [{}] + [{"RUNG_CHAOS": str(seed)} for seed in CHAOS_SEEDS]
FAST = ["-j", str(builds.JOBS), "-LE", "^(long|slow|example)$"]


def one_of(names):
    return "^(" + "|".join(re.escape(name) for name in names) + ")$"


class Baseline:
    """What fails in each environment without a mutant; run when first asked for."""

    def __init__(self):
        self.directory = os.path.join(builds.ROOT, "build", "release")
        self.failures = {}
        is_good, output = builds.build("release")
        if not is_good:
            sys.exit("does not build without a mutant\n" + output)

    def failing(self, environment):
        key = str(environment)
        if key not in self.failures:
            results = builds.run_tests(self.directory, FAST, environment)
            self.failures[key] = [name for name, _ in results.failed]
            for name in self.failures[key]:
                print(f"left out, since it fails without a mutant: {name} {environment or ''}", flush=True)
        return self.failures[key]


def find_killer(number, baseline):
    """Gives back the first test that fails and under what, or None."""
    memory = os.path.join(DIRECTORY, f"killer-{number}")
    attempts = [(FAST, environment) for environment in ENVIRONMENTS]
    if os.path.exists(memory):  # most often the same test finds it again
        with open(memory) as file:
            attempts.insert(0, (FAST + ["-R", one_of([file.read().strip()])], {}))
    for arguments, environment in attempts:
        broken = baseline.failing(environment)
        exclude = ["-E", one_of(broken)] if broken else []
        results = builds.run_tests(DIRECTORY, ["--stop-on-failure", *arguments, *exclude], environment)
        if results.failed:
            name = results.failed[0][0]
            with open(memory, "w") as file:
                file.write(name + "\n")
            return " ".join([name] + [f"{k}={v}" for k, v in environment.items()])
    return None


def main():
    mutants = read_mutants()
    wanted = set(sys.argv[1:])
    unknown = wanted - {name for _, name, _ in mutants} - {str(number) for number, _, _ in mutants}
    if unknown:
        print("no such mutant: " + " ".join(sorted(unknown)), file=sys.stderr)
        return 2
    survivors = 0
    baseline = Baseline()
    for number, name, what in mutants:
        if wanted and not wanted & {name, str(number)}:
            continue
        start = time.monotonic()
        is_good, output = builds.build("release", DIRECTORY, [f"RUNG_MUTANT={number}"])
        killer = find_killer(number, baseline) if is_good else None
        if killer:
            verdict = f"killed by {killer}"
        elif is_good:
            verdict = "SURVIVED"
        else:
            verdict = "does not build\n" + output
        survivors += killer is None
        print(f"mutant {number:2} {name:16} {verdict} ({time.monotonic() - start:.0f} s): {what}", flush=True)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
