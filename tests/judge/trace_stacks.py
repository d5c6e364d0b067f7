#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The stack of every operation that a trace shows one for: Go's TestTraceStacks, row for row, and rung's own.

test-timeout: 240
test-presets: release arm64

trace_stacks.c does each once. A row is found by its change of state, its reason, and its whole stack: the call of the API,
who called that, on which line, and so on to the function that the goroutine began with. The program is built five
ways: without optimisation, with, with debug information in a file of its own, with link-time optimisation, and by clang.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import _trace

PROGRAM = "trace_stacks.c"
APP = {"recv": "rung_send", "send": "rung_recv", "select": "rung_send", "mutex": "rung_mutex_unlock",
       "rwmutex": "rung_rwmutex_unlock", "rwmutex_read": "rung_rwmutex_unlock", "waitgroup": "rung_waitgroup_done",
       "cond": "rung_cond_signal", "cond_all": "rung_cond_broadcast", "sema": "rung_sema_release",
       "cancelled": "rung_scope_cancel"}
# name: (from, to, reason, the API's function): of the goroutine that does it.
PARKS = {
    "yield": ("Running", "Runnable", "runtime.Gosched", "rung_yield"),
    "go": ("NotExist", "Runnable", "", "rung_go"),
    "select_none": ("Running", "Waiting", "forever", "rung_select"),
    "send_null": ("Running", "Waiting", "forever", "rung_send"),
    "recv_null": ("Running", "Waiting", "forever", "rung_recv"),
    "recv": ("Running", "Waiting", "chan receive", "rung_recv"),
    "send": ("Running", "Waiting", "chan send", "rung_send"),
    "select": ("Running", "Waiting", "select", "rung_select"),
    "mutex": ("Running", "Waiting", "sync", "rung_mutex_lock"),
    "rwmutex": ("Running", "Waiting", "sync", "rung_rwmutex_lock"),
    "rwmutex_read": ("Running", "Waiting", "sync", "rung_rwmutex_read_lock"),
    "waitgroup": ("Running", "Waiting", "sync", "rung_waitgroup_wait"),
    "cond": ("Running", "Waiting", "sync.(*Cond).Wait", "rung_cond_wait"),
    "cond_all": ("Running", "Waiting", "sync.(*Cond).Wait", "rung_cond_wait"),
    "sema": ("Running", "Waiting", "sync", "rung_sema_acquire"),
    "sleep": ("Running", "Waiting", "sleep", "rung_sleep"),
    "pinned": ("Running", "Waiting", "sleep", "rung_sleep"),
    "group": ("Running", "Waiting", "sync", "rung_group_wait"),
    "group_go": ("NotExist", "Runnable", "", "rung_group_go"),
    "timer": ("Running", "Waiting", "chan receive", "rung_recv"),
    "scope": ("Running", "Waiting", "sleep", "rung_sleep"),
    "cancelled": ("Running", "Waiting", "sleep", "rung_sleep"),
    "blocking": ("Running", "Syscall", "", "rung_blocking_begin"),
    "accept": ("Running", "Waiting", "network", "rung_accept"),
    "read": ("Running", "Waiting", "network", "rung_read"),
    "write": ("Running", "Waiting", "network", "rung_write_full"),
    "connect": ("Running", "Waiting", "network", "rung_dial"),
    "resolve": ("Running", "Waiting", "chan receive", "rung_resolve"),
    "pipe": ("Running", "Waiting", "network", "rung_read"),
    "fd_wait": ("Running", "Waiting", "network", "rung_fd_wait"),
    "file": ("Running", "Syscall", "", "rung_file_sync"),
    "process": ("Running", "Waiting", "network", "rung_process_wait"),
}
# Whose processor is taken away: a system call begins and ends blocked. What it did then is known if it may be asked (CPU
# samples are on) and a signal does not end what it sleeps in: the first function of the stack, None for no stack.
TAKEN = {"hog": "do_hog", "kernel": "read", "nap": None}


NAMING = ("-Wl,-u,rung_symbolize", "librung-debug.a", "librung.a", "-ldw")


def read_lines(path):
    lines = {}
    with open(path) as file:
        for number, line in enumerate(file, 1):
            match = re.search(r"/\* @(\w+) \*/", line)
            if match:
                lines[match[1]] = number
    # In a macro every frame is on the line where that is used.
    with open(path) as file:
        for number, line in enumerate(file, 1):
            match = re.match(r"ROW\((\w+)\)", line)
            if match:
                lines["row_" + match[1]] = number
    return lines


def builds():
    frame = ["-fno-omit-frame-pointer", "-fno-optimize-sibling-calls"]
    if os.environ.get("RUNG_LAUNCHER"):
        yield "as built", None
        return
    for name, compiler, options in (("-O0", "gcc", ["-O0"]), ("-O2", "gcc", ["-O2"]), ("-gsplit-dwarf", "gcc", ["-O2", "-gsplit-dwarf"]),
                                    ("-O3 -flto", "gcc", ["-O3", "-flto"]), ("clang -O2", "clang", ["-O2"])):
        if shutil.which(compiler):
            yield name, [compiler, "-g", *options, *frame]


def build(command, directory, libraries=NAMING):
    source, place = os.environ["RUNG_SOURCE"], os.environ["RUNG_BUILD"]
    if command is None:
        return os.path.join(place, "tests", "judge", "trace_stacks")
    program = os.path.join(directory, "trace_stacks")
    if not os.path.exists(os.path.join(place, "librung-debug.a")):
        _trace.skip("librung-debug was not built: no libdw")
    libraries = [os.path.join(place, name) if name.endswith(".a") else name for name in libraries]
    subprocess.run([*command, "-D_GNU_SOURCE", "-I" + os.path.join(source, "include"), "-I" + os.path.join(source, "tests"),
                    os.path.join(source, "tests", "judge", PROGRAM), "-o", program, *libraries, "-lpthread"], check=True)
    return program


def shape(stack, has_lines):
    """A stack as text: functions, and the lines of those in the program's own file."""
    return [f"{f.function}:{f.line}" if has_lines and os.path.basename(f.file) == PROGRAM else f.function for f in stack]


def record(program, trace):
    launcher = os.environ.get("RUNG_LAUNCHER", "").split()
    subprocess.run(launcher + [program], env=dict(os.environ, RUNG_TRACE=trace, RUNG_TRACE_CPU="1", RUNG_PROCS="2"),
                   check=True)


def check(trace, judge, has_lines):
    """Gives back the number of rows, and what is wrong with them, as sentences."""
    found = list(_trace.changes(_trace.events(judge, trace)))
    lines = read_lines(os.path.join(os.environ["RUNG_SOURCE"], "tests", "judge", PROGRAM))
    at = lambda function, line: f"{function}:{lines[line]}" if has_lines else function
    wrong = []
    has_samples = not os.environ.get("RUNG_LAUNCHER")  # an emulator has no timers of its threads' CPU time

    def expect(row, before, after, reason, wanted):
        seen = []
        for event, _, was, now, why, change in found:
            if (was, now, why) == (before, after, reason):
                stack = change or event.stack
                for given in (change, event.stack):
                    if shape(given, has_lines) == wanted:
                        return
                seen.append(" < ".join(shape(stack, has_lines)))
        wrong.append(f"{row}: no {before}->{after} ({reason}) with stack {' < '.join(wanted)}; there are:\n    " +
                     "\n    ".join(sorted({s for s in seen if wanted[-1].split(':')[0] in s or not s}) or seen[:3]))

    for row, (before, after, reason, function) in PARKS.items():
        name = row.removesuffix("_go") if row == "group_go" else row
        expect(row, before, after, reason, [function, at("do_" + name, row), at("row_" + name, "row_" + name)])
    expect("once", "Running", "Waiting", "sleep",
           ["rung_sleep", at("once_only", "once"), "do_slow", "rung_once_do", at("do_once", "once_do"), at("row_once", "row_once")])
    expect("end", "Running", "Waiting", "sync", ["rung_wait_for_others"])
    for row, function in APP.items():
        expect("wake_" + row, "Waiting", "Runnable", "", [function, at("wake_" + row, "wake_" + row), at("app", "app_" + row)])
    for row, leaf in TAKEN.items():
        ids = {g for _, g, was, _, _, begins in found if was == "NotExist" and begins and begins[0].function == "row_" + row}
        calls = [event.stack for event, g, was, now, _, _ in found if was == "Running" and now == "Syscall" and g in ids]
        ends = [g for _, g, was, now, _, _ in found if was == "Syscall" and now == "Runnable" and g in ids]
        if not ids or not calls or not ends:
            wrong.append(f"{row}: no system call of goroutine {ids} that began and ended blocked")
        wanted = [at("do_" + row, row), at("row_" + row, "row_" + row)] if leaf else []
        given = {tuple(f"{f.function}:{f.line}" for f in stack if os.path.basename(f.file) == PROGRAM) for stack in calls}
        leaves = {stack[0].function for stack in calls if stack}
        if has_samples and (not any(wanted == list(stack) for stack in given) or bool(leaf) != any(leaf in f for f in leaves if leaf)):
            wrong.append(f"{row}: no call with stack {wanted}; there are {sorted(given)} from {leaves}")
    return len(PARKS) + 2 + len(APP) + len(TAKEN), wrong


def main():
    judge = _trace.need()
    for name, command in builds():
        with tempfile.TemporaryDirectory() as directory:
            program = build(command, directory)
            trace = os.path.join(directory, "trace")
            record(program, trace)
            rows, wrong = check(trace, judge, command is not None)
            while wrong:  # on a busy machine a hog may not answer in time, or nobody wait for its processor
                print("\n  ".join([f"{name}, and once more:", *wrong]), flush=True)
                record(program, trace)
                rows, wrong = check(trace, judge, command is not None)
        print(f"{name}: {rows} of {rows} rows are exact", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
