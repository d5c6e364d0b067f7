#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""./dev mutants: puts each bug of src/base/mutants.h back and says which tests find it.

mutants.py [NAME|NUMBER]...   The table of docs/HACKING.md names, for each mutant, the tests that have to find it.
They are run without any mutant first, and have to pass. Then each mutant is built in build/mutant, one after another,
so that only what differs is compiled anew, and its tests are run. If all of them pass, so are all other tests that
are not slow, then these under a few chaos seeds. The exit status is 1 if a mutant survives that, or is found by none of
the tests that the table names, or if the table is not that of mutants.h.
"""
import os
import re
import sys
import time
from dataclasses import dataclass, field

import builds

DIRECTORY = os.path.join(builds.ROOT, "build", "mutant")
HEADER = os.path.join(builds.ROOT, "src", "base", "mutants.h")
TABLE = os.path.join(builds.ROOT, "docs", "HACKING.md")
CHAOS_SEEDS = [1, 2, 3]
WIDE = ["-j", str(builds.JOBS), "-LE", "^(long|slow|example)$"]


@dataclass
class Mutant:
    number: int
    name: str
    bug: str
    tests: list                                   # the table's
    killers: list = field(default_factory=list)   # those of them that found it
    passed: list = field(default_factory=list)    # and those that did not, or that skipped
    others: list = field(default_factory=list)    # found by these instead
    trouble: str = ""

    def is_killed(self):
        return bool(self.killers) and not self.trouble


def read_header():
    """Gives back {(number, name)}."""
    with open(HEADER) as file:
        return {(int(number), name) for name, number in re.findall(r"^#define MUTANT_(\w+)\s+(\d+)", file.read(), re.M)}


def read_table():
    row = re.compile(r"^\| (\d+) \| (\w+) \| (.*?) \| ((?:`[^`|]+`(?:, )?)+) \|$", re.M)
    with open(TABLE) as file:
        return [Mutant(int(number), name, bug, re.findall(r"`([^`]+)`", tests))
                for number, name, bug, tests in row.findall(file.read())]


def one_of(names):
    return "^(" + "|".join(re.escape(name) for name in names) + ")$"


def targets_of(tests):
    """The programs that these tests need: run/x is run_x; a script needs those beside it."""
    targets = set()
    for kind, name in (test.split("/") for test in tests):
        folder = os.path.join(builds.ROOT, "tests", kind)
        if kind == "step":
            targets.add("step_program")
        elif any(os.path.exists(os.path.join(folder, name + suffix)) for suffix in (".c", "_test.c")):
            targets.add(f"{kind}_{name}")
        else:
            targets |= {f"{kind}_{file[:-2]}" for file in os.listdir(folder) if file.endswith(".c")}
    return sorted(targets)


def run_named(directory, tests):
    return builds.run_tests(directory, ["-j", "1", "-R", one_of(tests)])


def check_tables(mutants):
    """What is wrong with the two lists, as lines."""
    header, table = read_header(), {(mutant.number, mutant.name) for mutant in mutants}
    wrong = [f"{number} {name}: in mutants.h, not in the table of HACKING.md, or with no tests there"
             for number, name in sorted(header - table)]
    return wrong + [f"{number} {name}: in HACKING.md only" for number, name in sorted(table - header)]


def check_baseline(mutants):
    """The tests that fail, or that this machine cannot run, without a mutant: they prove nothing. None: it does not build."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    directory = os.path.join(builds.ROOT, "build", "release")
    is_good, output = builds.build("release", directory, targets=targets_of(tests))
    if not is_good:
        print("does not build without a mutant\n" + output)
        return None
    passed = set(run_named(directory, tests).passed)
    for test in tests:
        if test not in passed:
            print(f"left out, since it does not pass without a mutant: {test}", flush=True)
    return set(tests) - passed


def search_wide(mutant):
    """All quick tests, until one fails that is worth something: that passes without the mutant."""
    settings = [f"RUNG_MUTANT={mutant.number}"]
    release = os.path.join(builds.ROOT, "build", "release")
    for directory, preset_settings in ((release, []), (DIRECTORY, settings)):
        is_good, output = builds.build("release", directory, preset_settings)
        if not is_good:
            mutant.trouble = "does not build\n" + output
            return
    for environment in [{}] + [{"RUNG_CHAOS": str(seed)} for seed in CHAOS_SEEDS]:
        found = [name for name, _ in builds.run_tests(DIRECTORY, WIDE, environment).failed]
        if found:
            again = builds.run_tests(release, ["-j", "1", "-R", one_of(found)], environment)
            suffix = "".join(f" {name}={value}" for name, value in environment.items())
            mutant.others = [name + suffix for name in found if name in again.passed]
        if mutant.others:
            return


def try_mutant(mutant, left_out):
    tests = [test for test in mutant.tests if test not in left_out]
    if not tests:
        mutant.trouble = "none of its tests passes without it"
        return
    is_good, output = builds.build("release", DIRECTORY, [f"RUNG_MUTANT={mutant.number}"], targets=targets_of(tests))
    if not is_good:
        mutant.trouble = "does not build\n" + output
        return
    results = run_named(DIRECTORY, tests)
    mutant.killers = [name for name, _ in results.failed]
    mutant.passed = results.passed + [f"{name}, skipped: {reason}" for name, reason in results.skipped]
    if not mutant.killers:
        search_wide(mutant)


def describe(mutant):
    if mutant.trouble:
        return mutant.trouble
    if mutant.killers:
        found = ", ".join(mutant.killers)
        return found + (f" (not by {', '.join(mutant.passed)})" if mutant.passed else "")
    if mutant.others:
        return f"SURVIVED its tests; found by {', '.join(mutant.others)}"
    return "SURVIVED"


def main():
    mutants = read_table()
    wanted = set(sys.argv[1:])
    unknown = wanted - {mutant.name for mutant in mutants} - {str(mutant.number) for mutant in mutants}
    if unknown:
        print("no such mutant: " + " ".join(sorted(unknown)), file=sys.stderr)
        return 2
    wrong = check_tables(mutants)
    print("".join(line + "\n" for line in wrong), end="", flush=True)
    chosen = [mutant for mutant in mutants if not wanted or wanted & {mutant.name, str(mutant.number)}]
    left_out = check_baseline(chosen)
    if left_out is None:
        return 1
    for mutant in chosen:
        start = time.monotonic()
        try_mutant(mutant, left_out)
        print(f"mutant {mutant.number:2} {mutant.name:16} {'killed' if mutant.is_killed() else 'NOT KILLED'} "
              f"in {time.monotonic() - start:.0f} s", flush=True)
    width = max(len(mutant.bug) for mutant in chosen)
    print(f"\n mutant              | {'what it is':{width}} | killed by")
    for mutant in chosen:
        print(f" {mutant.number:2} {mutant.name:16} | {mutant.bug:{width}} | {describe(mutant)}")
    return 0 if not wrong and all(mutant.is_killed() for mutant in chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
