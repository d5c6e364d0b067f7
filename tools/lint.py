#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""./dev lint: the rules that a compiler does not know (any broken one fails), and a mirror.

Rules: the direction of includes, no circles, what may be included outside src; only public functions global in
librung.a, and each that a header declares is there; public headers alone as C11 and C++17; no warning from
gcc, clang or cppcheck; atomics through base/atomic.h and the kernel through base/os.c; nothing left to do without an issue.
The mirror: lengths, comments and assertions beside the house style's. It never fails.
"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import builds

ROOT = Path(builds.ROOT)
SRC = ROOT / "src"

# What each layer may include. docs/ARCHITECTURE.md has the picture.
BELOW = {
    "base": ["base"],
    "elf": ["elf", "base"],
    "check": ["check", "elf", "base"],
    "machine": ["machine", "base"],
    "sched": ["sched", "machine", "base"],
    "sync": ["sync", "sched", "machine", "base"],
    "net": ["net", "sync", "sched", "machine", "base"],
    "observe": ["observe", "net", "sync", "sched", "machine", "elf", "base"],
    "cmd": ["cmd", "check", "observe", "net", "sync", "sched", "machine", "elf", "base"],
}
# Layers of the command and of librung-debug, which no goroutine runs through: they call libc as other programs do.
COMMAND_ONLY = ["elf", "check", "observe", "cmd"]
# Folders whose programs see the public headers only, beside what lies next to them.
OUTSIDE = ["tests/run", "tests/die", "bench", "examples"]
SHARED = ["test.h", "run/common.h"]  # of the tests; they know no more than those

KERNEL_CALLS = """
    mmap munmap mprotect madvise mremap mlock syscall prctl membarrier futex
    clock_gettime clock_nanosleep nanosleep usleep sleep gettimeofday timer_create timer_settime setitimer
    pthread_create pthread_kill sched_yield sched_getaffinity sched_setaffinity tgkill kill gettid getpid
    read write pread pwrite readv writev open openat close pipe pipe2 fcntl ioctl poll ppoll select
    epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd timerfd_create timerfd_settime signalfd
    socket socketpair bind listen accept accept4 connect send recv sendto recvfrom sendmsg recvmsg sendfile
    setsockopt getsockopt getrandom sigaltstack sigaction signal pthread_sigmask sigprocmask
    process_vm_readv getrlimit setrlimit sysconf getauxval
""".split()
# Each exception with its reason.
KERNEL_CALL_ALLOWED = {
    ("base/panic.c", "signal"): "the process's last act",
    ("sched/dump.c", "sigaction"): "the handlers are the module's own, and so is their order",
    ("sched/sample.c", "sigaction"): "the handler is the module's own",
    ("sched/m.c", "pthread_sigmask"): "a thread starts with the mask of rung_run's caller",
    ("sched/run.c", "pthread_sigmask"): "reads that mask",
}

problems = []


def problem(where, sentence):
    problems.append(f"{where}: {sentence}")


def name_of(path):
    return str(path.relative_to(ROOT))


def sources(*folders, suffixes=(".c", ".h", ".S")):
    found = []
    for folder in folders:
        found += [p for p in sorted((ROOT / folder).rglob("*")) if p.suffix in suffixes]
    return found


def strip(text, keep_strings=False):
    """Blanks comments (and strings), leaving every line where it was."""
    def blank(match):
        piece = match[0]
        if keep_strings and piece[0] in "\"'":
            return piece
        return re.sub(r"[^\n]", " ", piece)
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def read(path):
    return path.read_text(errors="replace")


def numbered_matches(pattern, text):
    for match in re.finditer(pattern, text):
        yield text.count("\n", 0, match.start()) + 1, match


# ---- includes -------------------------------------------------------------------------------


def includes_of(path):
    """Gives back [(line, is quoted, what)]."""
    pattern = r'(?m)^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]'
    return [(line, match[1] == '"', match[2]) for line, match in numbered_matches(pattern, strip(read(path), True))]


def check_includes():
    public = {path.name for path in sources("include")}
    graph = {}
    for path in sources("src", "cmd"):
        layer = path.relative_to(SRC if path.is_relative_to(SRC) else ROOT).parts[0]
        if layer not in BELOW:
            problem(name_of(path), f"src/{layer} is no layer")
            continue
        for line, is_quoted, what in includes_of(path):
            where = f"{name_of(path)}:{line}"
            if what in public:
                graph.setdefault(path, []).append(ROOT / "include" / what)
                continue
            if not is_quoted:
                continue
            target = SRC / what
            if not target.exists():
                problem(where, f'"{what}" is not written as from src/ (or is not there)')
                continue
            graph.setdefault(path, []).append(target)
            if what.split("/")[0] not in BELOW[layer]:
                problem(where, f"{layer} includes {what}: upward")
    for path in sources("include"):
        for line, is_quoted, what in includes_of(path):
            if is_quoted or (SRC / what).exists() or (what.startswith("rung") and what not in public):
                problem(f"{name_of(path)}:{line}", f"a public header includes {what}")
            elif what in public:
                graph.setdefault(path, []).append(path.parent / what)
    for path in sources(*OUTSIDE):
        if path.parent == ROOT / "bench/machine":  # measures what users cannot see
            continue
        for line, is_quoted, what in includes_of(path):
            beside = path.parent / what
            is_inside = what not in SHARED and not beside.exists() or "src" in Path(what).parts
            if (is_quoted and is_inside) or (SRC / what).exists():
                problem(f"{name_of(path)}:{line}", f"includes {what}: only include/ and libc are for it")
    find_circles(graph)


def find_circles(graph):
    done, trail = set(), []

    def visit(path):
        if path in trail:
            circle = trail[trail.index(path):] + [path]
            problem(name_of(path), "include circle: " + " -> ".join(name_of(step) for step in circle))
            return
        if path in done:
            return
        trail.append(path)
        for target in graph.get(path, []):
            visit(target)
        trail.pop()
        done.add(path)

    for path in sorted(graph):
        visit(path)


# ---- seams and words ----------------------------------------------------------------------------


def check_seams():
    atomics = r"\b(?:__atomic_\w+|__sync_\w+|_Atomic|atomic_(?:init|thread_fence|signal_fence|is_lock_free))\b|<stdatomic\.h>"
    calls = r"(?<![\w.>])(" + "|".join(KERNEL_CALLS) + r")[ ]*\("
    for path in sources("src", suffixes=(".c", ".h")):
        name = str(path.relative_to(SRC))
        code = strip(read(path))
        if name != "base/atomic.h":
            for line, match in numbered_matches(atomics, code):
                problem(f"{name_of(path)}:{line}", f"{match[0]}: atomics go through base/atomic.h")
        if not re.fullmatch(r"base/os(_\w+)?\.[ch]", name) and name.split("/")[0] not in COMMAND_ONLY:
            for line, match in numbered_matches(calls, code):
                if (name, match[1]) not in KERNEL_CALL_ALLOWED:
                    problem(f"{name_of(path)}:{line}", f"{match[1]}: the kernel is called through base/os.h")


def check_words():
    marks = r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b(?!\s*\(?#\d+)"
    kinds = (".c", ".h", ".S", ".py", ".sh", ".cmake", ".md", ".go", ".rs", ".cpp", ".txt")
    folders = ["src", "include", "cmd", "tests", "bench", "examples", "tools", "cmake", "docs"]
    for path in sources(*folders, suffixes=kinds):
        for line, match in numbered_matches(marks, read(path)):
            problem(f"{name_of(path)}:{line}", f"{match[1]} without the number of an issue")
    for path in sources("src", "cmd"):
        for line, match in numbered_matches(r"cppcheck-suppress[^\n;]*(?:\n|$|\*/)", read(path)):
            problem(f"{name_of(path)}:{line}", "a suppression says why, after a semicolon")


# ---- compilers ------------------------------------------------------------------------------


def run(*command):
    done = subprocess.run([str(word) for word in command], cwd=ROOT, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.strip()


def available(*tools):
    for tool in tools:
        if shutil.which(tool):
            yield tool
        else:
            absent(tool)


def absent(tool):
    if os.environ.get("CI"):
        problem(tool, "is not installed")
    else:
        print(f"lint: {tool} is not installed: left out")


def check_headers():
    ways = [("-std=c11", "-xc", available("gcc", "clang")),
            ("-std=c++17", "-xc++", available("g++", "clang++"))]
    for standard, language, compilers in ways:
        for compiler in compilers:
            for header in sources("include"):
                with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
                    file.write(f"#include <{header.name}>\nextern int lint;\n")
                    file.flush()
                    status, output = run(compiler, standard, language, "-fsyntax-only", "-Iinclude", "-Wall",
                                         "-Wextra", "-Wpedantic", "-Werror", file.name)
                if status != 0:
                    problem(name_of(header), f"does not stand alone as {standard} by {compiler}\n{output}")


def check_builds():
    for preset in ["release", "debug", "clang"]:
        missing = builds.missing_tools(preset)
        if missing:
            absent(missing[0])
            continue
        is_good, output = builds.build(preset, keep_going=True)
        if not is_good:
            output = "\n".join(line for line in output.splitlines() if not re.match(r"\[\d+/\d+\]|/usr/bin/", line))
            problem(f"build/{preset}", "does not build without warnings\n" + output)


def check_symbols():
    archive = ROOT / "build/release/librung.a"
    if not archive.exists():
        problem("librung.a", "was not built")
        return
    declared = set((archive.parent / "rung.exports").read_text().split())
    _, output = run("nm", "-g", "--defined-only", "--format=posix", archive)
    defined = {line.split()[0] for line in output.splitlines() if len(line.split()) > 2}
    for symbol in sorted(defined):
        if not symbol.startswith("rung_"):
            problem("librung.a", f"{symbol} is global and not rung_*")
    for symbol in sorted(declared - defined):
        problem("librung.a", f"{symbol} is declared in include/ and defined nowhere")
    shared = archive.parent / "librung.so"
    if shared.exists():
        _, output = run("nm", "-D", "--defined-only", "--format=posix", shared)
        exported = {line.split()[0].split("@")[0] for line in output.splitlines()} - {"RUNG_0"}
        for symbol in sorted(exported - declared):
            problem("librung.so", f"{symbol} is exported and in no public header")


def check_cppcheck():
    for tool in available("cppcheck"):
        status, output = run(
            tool, "--quiet", "--error-exitcode=1", "--inline-suppr", "--std=c11", "--language=c", "-j", builds.JOBS,
            "--enable=warning,performance,portability", "--library=posix", "--library=gnu",
            "--suppress=missingIncludeSystem", "--suppress=unmatchedSuppression",
            "-D__x86_64__=1", "-D__linux__=1", "-D__GNUC__=12", "-DRUNG_MUTANT=0", "-UMUTANT", "-DRUNG_ASSERT=1",
            "-Isrc", "-Iinclude", *sources("src", "cmd", suffixes=(".c",)))
        if status != 0:
            problem("cppcheck", output)


# ---- the mirror -----------------------------------------------------------------------------

SPLIT = re.compile(r"(?m)^(?![ \t#}])[^\n;=]*?\b(\w+)\([^;{}]*\)[^;{}=]*\{[ \t]*$")


def functions_of(code):
    """Gives back [(name, body lines)] of stripped code: definitions begin in the first column."""
    found = []
    for match in SPLIT.finditer(code):
        depth, position = 1, match.end()
        while depth > 0 and position < len(code):
            depth += {"{": 1, "}": -1}.get(code[position], 0)
            position += 1
        found.append((match[1], max(code.count("\n", match.end(), position) - 1, 0)))
    return found


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else 0


class Figures:
    def __init__(self):
        self.files, self.functions, self.lines, self.comments, self.asserts, self.wide = [], [], 0, 0, 0, 0

    def add(self, path):
        text = read(path)
        code = strip(text)
        total = text.count("\n")
        with_text = sum(1 for line in text.splitlines() if line.strip())
        with_code = sum(1 for line in strip(text, True).splitlines() if line.strip())
        trailing = sum(1 for line, bare in zip(text.splitlines(), strip(text, True).splitlines())
                       if bare.strip() and line.rstrip() != bare.rstrip())
        self.files.append((total, name_of(path)))
        self.lines += with_text
        self.comments += with_text - with_code + trailing
        self.wide += sum(1 for line in text.splitlines() if len(line) > 100)
        if path.suffix != ".S":
            self.functions += [(length, name, path) for name, length in functions_of(code)]
            self.asserts += len(re.findall(r"\b(?:check|assert|assert_slow|_Static_assert|static_assert)\(", code))

    def row(self, title):
        lengths = [length for length, _, _ in self.functions]
        totals = [total for total, _ in self.files]
        short = 100 * sum(1 for length in lengths if length <= 60) / max(len(lengths), 1)
        return (f"{title:24}{len(totals):5} {sum(totals):6}   "
                f"{statistics.median(totals):4.0f} /{max(totals):5}   {len(lengths):4}  "
                f"{statistics.median(lengths) if lengths else 0:3.0f} /{percentile(lengths, .9):3} /"
                f"{max(lengths, default=0):4}   {short:3.0f} %    {100 * self.comments / max(self.lines, 1):3.0f} %   "
                f"{self.asserts / max(len(lengths), 1):5.2f}   {self.wide:4}")


def print_mirror():
    print("the mirror (a guide, not a gate; lengths in lines)\n")
    print(f"{'':24}files  lines   file med / max   fns  med / p90 / max   <= 60   comment  asserts/fn  > 100 columns")
    print(f"{'house style':24}{'':14}50-600 / 1000         5-13 /  25 /  60   95 %   20-37 %   >= 1 in sched, sync")
    everything, per_file = Figures(), []
    groups = [("include", "include")] + [(f"src/{layer}", f"src/{layer}") for layer in BELOW if layer != "cmd"]
    groups += [(name, name) for name in ("cmd", "tests", "bench", "examples")]
    for title, folder in groups:
        figures = Figures()
        for path in sources(folder):
            figures.add(path)
            if folder.startswith(("src/", "include", "cmd")):
                everything.add(path)
                single = Figures()
                single.add(path)
                per_file.append((name_of(path), single))
        if figures.files:
            print(figures.row(title))
    if everything.files:
        print(everything.row("the product"))
    print()
    for name, figures in per_file:
        print(figures.row(name.removeprefix("src/")))
    longest = sorted(everything.functions, key=lambda f: -f[0])[:8]
    print("\nlongest functions: " + ", ".join(f"{name} {length}" for length, name, _ in longest))
    unlicensed = [name_of(p) for p in sources("src", "include", "cmd") if "SPDX-License-Identifier" not in read(p)[:200]]
    if unlicensed:
        print("without an SPDX line: " + " ".join(unlicensed))


def main():
    if sys.argv[1:] not in ([], ["--quick"]):
        sys.exit("./dev lint [--quick]")
    if sys.argv[1:] != ["--quick"]:
        check_builds()
        check_symbols()
        check_headers()
        check_cppcheck()
    check_includes()
    check_seams()
    check_words()
    print_mirror()
    print()
    for text in problems:
        print(text)
    print(f"lint: {len(problems)} problems" if problems else "lint: no problem")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
