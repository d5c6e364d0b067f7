#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""./dev test: builds what is needed, runs the tests in each build, and ends with one line that counts them.

Without arguments: release, debug, and the shorter tests on arm64 (under qemu-user, where it is there).
Naming builds runs those alone. A test counts once for each build and seed that it runs with.
"""
import argparse
import os
import random
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field

import builds

NAMED = ["release", "debug", "asan", "ubsan", "tsan", "valgrind", "clang", "lto", "lto-clang", "arm64"]
MAX_OUTPUT_LINES = 80
MAX_REASON = 200
# Lines that say more than an output's last one, which may be the end of a dump.
TELLING = re.compile(r"^\S+\.[ch]:\d+: |\berror: |^SUMMARY: |^rung: (panic|fatal|stack overflow|SIG)")
# What no load of the machine explains: it fails however often the test passes afterwards.
DAMNING = re.compile(r"Sanitizer|runtime error: |did not end within|ended with signal|\bbad /|"
                     r"^rung: (panic|fatal|stack overflow|SIG)", re.MULTILINE)
AGAIN = 3


@dataclass
class Run:
    """The tests, in one build, in one environment."""
    preset: str
    environment: dict = field(default_factory=dict)
    leave_out: str = ""  # labels, as a regular expression

    def title(self):
        return " ".join([self.preset] + [f"{k}={v}" for k, v in self.environment.items()])


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev test", description=__doc__.split("\n\n", 1)[1],
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in NAMED:
        parser.add_argument("--" + name, action="store_true", help=f"the build of preset {name}")
    parser.add_argument("--chaos", action="store_true", help="release and debug with hostile scheduling (RUNG_CHAOS)")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="how many seeds of chaos (3)")
    parser.add_argument("--mutants", action="store_true", help="each known bug, put back, must be found")
    parser.add_argument("--long", action="store_true",
                        help="the tests labelled long, too, and more rounds of others in release (RUNG_TEST_LONG=1)")
    parser.add_argument("--all", action="store_true", help="every build, chaos and mutants")
    parser.add_argument("--traced", action="store_true",
                        help="every test with tracing on, and Go's reader judges the traces: release, and release with "
                             "chaos and a new generation each millisecond")
    parser.add_argument("--strict", action="store_true", help="a tool that is missing is a failure, not a skip")
    parser.add_argument("--again", action="store_true",
                        help="a test that has failed beside others passes if it then passes %d times alone, and what it had "
                             "said is shown; not one that hung, crashed, panicked, met a sanitizer, or wrote a trace "
                             "that Go's reader refuses" % AGAIN)
    parser.add_argument("-R", dest="regex", metavar="REGEX", help="only tests whose names match")
    parser.add_argument("-j", dest="jobs", type=int, default=builds.JOBS, metavar="N", help="tests at a time")
    return parser.parse_args()


def choose_runs(options):
    named = [name for name in NAMED if options.all or getattr(options, name.replace("-", "_"))]
    leave_out = "" if options.long else "long"
    runs = [Run(name, leave_out=leave_out) for name in named]
    if options.traced:
        traced = {"RUNG_TEST_TRACED": "1"}
        hostile = {**traced, "RUNG_TRACE_EVERY": "1", "RUNG_CHAOS": str(random.randrange(1, 1 << 31))}
        for preset in named or ["release"]:
            runs += [Run(preset, traced, "long|judge|step|example|unit|sanitize|hostile|check"),
                     Run(preset, hostile, "long|judge|step|example|unit|sanitize|hostile|check")]
        return [run for run in runs if run.environment]
    if not (named or options.chaos or options.mutants):
        runs = [Run("release", leave_out=leave_out), Run("debug", leave_out=leave_out),
                Run("arm64", leave_out="long|slow")]
    if options.chaos or options.all:
        first = int(os.environ.get("RUNG_CHAOS") or random.randrange(1, 1 << 31))
        for seed in range(first, first + options.seeds):
            preset = "release" if (seed - first) % 2 == 0 else "debug"
            runs.append(Run(preset, {"RUNG_CHAOS": str(seed)}, "long|judge"))
    return runs


def reason_of(output):
    """One line: what the test said last before it failed, and what runner.py found wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip() and not line.startswith("traces judged:")]
    wrong = ""
    for i, line in enumerate(lines):
        if line.startswith("FAILED: "):
            wrong = line.removeprefix("FAILED: ")
            lines = lines[:i]
            break
    telling = [line for line in lines if TELLING.search(line)] or lines
    reasons = [reason[:MAX_REASON] for reason in (telling[-1] if telling else "", wrong) if reason]
    return " | ".join(reasons) or "no output"


class Report:
    def __init__(self, is_strict):
        self.passed = self.failed = self.skipped = self.traces = 0
        self.is_strict = is_strict
        self.failures = []
        self.doubts = []

    def show(self, output):
        lines = output.strip().splitlines()
        if len(lines) > MAX_OUTPUT_LINES:
            print(f"    ... {len(lines) - MAX_OUTPUT_LINES} lines before")
        for line in lines[-MAX_OUTPUT_LINES:]:
            print("    " + line)
        print(flush=True)

    def fail(self, name, output):
        self.failed += 1
        self.failures.append(f"{name}: {reason_of(output)}")
        print(f"\n  FAILED {self.failures[-1]}")
        self.show(output)

    def doubt(self, name, output):
        self.passed += 1
        self.doubts.append(f"{name}: {reason_of(output)}")
        print(f"\n  FAILED, then passed {AGAIN} times alone: {self.doubts[-1]}")
        self.show(output)

    def skip(self, name, reason):
        self.skipped += 1
        print(f"  skipped {name}: {reason}", flush=True)

    def miss(self, name, tools):
        if self.is_strict:
            self.fail(name, "missing: " + " ".join(tools))
        else:
            self.skip(name, "missing: " + " ".join(tools))


# On a machine that others share, a wait of milliseconds may be one of seconds.
def passes_alone(directory, name, output, environment):
    if DAMNING.search(output):
        return False
    arguments = ["-j", "1", "-R", f"^{re.escape(name)}$"]
    return all(builds.run_tests(directory, arguments, environment).passed == [name] for _ in range(AGAIN))


def execute(run, options, report, built):
    print(f"== {run.title()}", flush=True)
    start = time.monotonic()
    missing = builds.missing_tools(run.preset)
    if missing:
        report.miss(f"build {run.preset}", missing)
        return
    if run.preset not in built:
        is_good, output = builds.build(run.preset)
        if not is_good:
            report.fail(f"build {run.preset}", output)
            return
        built.add(run.preset)
    build_seconds = time.monotonic() - start
    arguments = ["-j", str(options.jobs)]
    if run.leave_out:
        arguments += ["-LE", f"^({run.leave_out})$"]
    if options.regex:
        arguments += ["-R", options.regex]
    environment = dict(run.environment)
    if options.long and run.preset == "release" and not run.environment:
        environment["RUNG_TEST_LONG"] = "1"
    if options.strict:
        environment["RUNG_STRICT"] = "1"
    directory = os.path.join(builds.ROOT, "build", run.preset)
    results = builds.run_tests(directory, arguments, environment)
    report.passed += len(results.passed)
    report.traces += results.traces
    for name, output in results.failed:
        judge = report.doubt if options.again and passes_alone(directory, name, output, environment) else report.fail
        judge(f"{name} ({run.title()})", output)
    for name, reason in results.skipped:
        report.skip(name, reason)
    seconds = time.monotonic() - start - build_seconds
    traces = f"; {results.traces} traces judged" if results.traces else ""
    print(f"   {len(results.passed)} passed, {len(results.failed)} failed, {len(results.skipped)} skipped: "
          f"built in {build_seconds:.0f} s, ran for {seconds:.0f} s{traces}", flush=True)


def run_mutants(report):
    """mutants.py prints its table; each mutant counts as one test, and so does the rest of what it checks."""
    script = os.path.join(builds.ROOT, "tools", "mutants.py")
    process = subprocess.Popen([sys.executable, script], text=True, stdout=subprocess.PIPE)
    are_killed = True
    for line in process.stdout:
        print(line, end="", flush=True)
        words = line.split()
        if len(words) > 3 and words[0] == "mutant" and words[1].isdigit():
            if words[3] == "killed":
                report.passed += 1
            else:
                are_killed = False
                report.fail(" ".join(words[:3]), "see the table")
    if process.wait() != 0 and are_killed:
        report.fail("mutants", "see above")


def main():
    options = parse_arguments()
    report = Report(options.strict)
    built = set()
    for run in choose_runs(options):
        execute(run, options, report, built)
    if options.mutants or options.all:
        print("== mutants", flush=True)
        run_mutants(report)
    for title, names in (("failed, then passed alone", report.doubts), ("failed", report.failures)):
        if names:  # once more, with the reason: of a long log only the end may be kept
            print(f"\n{title}:")
            print("\n".join("  " + name for name in names))
    total = report.passed + report.failed + report.skipped
    if total == 0:
        print("no test matches")
    if report.traces:
        print(f"{report.traces} traces were accepted by Go's own reader")
    skipped = f", {report.skipped} skipped" if report.skipped else ""
    print(f"{report.passed} passed, {report.failed} failed{skipped}")
    return 0 if report.failed == 0 and total > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
