#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gdb as a judge: `bt`, without a script, goes to the root, live and from a core file.

test-timeout: 240
test-presets: release arm64
test-labels: slow
test-serial: yes

A program stops in a goroutine, on g0 while mcall's caller is linked, on g0 after the cut, and on a thread that has
not run a goroutine yet. Each time `bt` has to show a known chain, as have the backtraces of all threads to
end at a root. Then a signal ends the program there, and the kernel's core file has to show the same. At
last a yield is stepped through, instruction by instruction, from mcall to the next goroutine.
"""
import re
import sys

import _judge

STEPS = 220 if not _judge.IN_VM else 300
THREAD_ROOTS = {"main", "clone", "clone3", "__clone3", "__GI___clone3", "thread_start", "start_thread", "libc"}
ROOTS = {"rung_goroutine_start", "rung_mstart", "rung_mcall", "rung_g0_root"}
COMPLAINTS = re.compile(r"Backtrace stopped|corrupt stack|Cannot access memory|Error in|No stack|not recognized")

# name: (workload, where, functions that must follow one another in that order, the first first and the last last)
STOPS = {
    "goroutine": ("pingpong", ["break judge_leaf"],
                  ["judge_leaf", "judge_caller", "client", "rung_goroutine_main", "rung_goroutine_start"]),
    "thread without a goroutine": ("pingpong", ["break schedule_slow"], ["schedule_slow", "m_run", "rung_mstart"]),
    "g0, linked": ("pingpong", ["break judge_leaf", "run", "delete", "tbreak *park_m"],
                   ["park_m", "rung_mcall", "rung_goroutine_main", "rung_goroutine_start"]),
    "g0, cut": ("timers", ["break judge_leaf", "run", "delete", "tbreak schedule_slow if m->machine.g != 0"],
                ["schedule_slow", "rung_mcall"]),
}
SETTINGS = ["set pagination off", "set width 0", "set confirm off", "set print frame-arguments none",
            "set print inferior-events off", "set auto-load off", "set breakpoint pending on",
            "handle SIGABRT nostop noprint pass"]

STOP = """
rm -f core*
cat >gdb.commands <<'END'
%s
END
gdb -q -nx -batch -x gdb.commands --args $work %s 30 2>&1
size=none # gdb ends before the kernel has written it all
while [ "$size" != "$(ls -l core* 2>&1)" ]; do size=$(ls -l core* 2>&1); sleep 0.5; done
core=$(ls core* 2>/dev/null | head -n 1)
echo '@@@ %s, core file'
[ -z "$core" ] || gdb -q -nx -batch -ex 'set width 0' -ex 'set print frame-arguments none' \\
    -ex bt -ex 'echo @all\\n' -ex 'thread apply all bt' $work $core 2>&1
"""
STEP = """
cat >gdb.commands <<'END'
%s
break judge_leaf
run
delete
tbreak *rung_mcall if %s == (unsigned long)yield_m
continue
set scheduler-locking on
set $steps = 0
echo @@@ stepped\\n
while $steps < %d
bt
echo @step\\n
stepi
set $steps = $steps + 1
end
kill
END
RUNG_PROCS=1 gdb -q -nx -batch -x gdb.commands --args $work yield 60 2>&1
"""


def stop_script(name, workload, where):
    commands = SETTINGS + where
    commands += ["continue" if "run" in where else "run", f"echo @@@ {name}\\n", "bt", "echo @all\\n",
                 "thread apply all bt", "signal SIGABRT"]
    return STOP % ("\n".join(commands), workload, name)


def backtraces(text):
    """Each `bt` in gdb's output, as a list of functions; 0x0 for a frame at pc 0, libc for one without symbols."""
    found = []
    for line in text.splitlines():
        match = re.match(r"#(\d+)\s+(?:(0x[0-9a-f]+) in )?(\S+)", line)
        if match is None:
            continue
        if match[1] == "0":
            found.append([])
        if found:
            is_zero = match[2] is not None and int(match[2], 16) == 0
            is_libc = match[3] == "??" and "/libc.so" in line
            found[-1].append("0x0" if is_zero else "libc" if is_libc else match[3])
    return found


def what_is_wrong(chain):
    """How the chain ends. gdb shows the 0 in a cut link as a frame: only there, and in libc, is it right."""
    if chain[-1] == "0x0" and chain[-2:-1] != [] and chain[-2] in THREAD_ROOTS | {"rung_mcall"}:
        chain = chain[:-1]
    if chain[-1] not in ROOTS | THREAD_ROOTS:
        return f"ends at {chain[-1]}"
    if "??" in chain or "0x0" in chain:
        return "holds a frame without a name"
    return None


def complaints(text):
    """gdb's, each with the frame that it comes after; but for those of a chain that ended in libc."""
    lines = ["", ""] + text.splitlines()
    return sorted({f"{lines[i]!r} after {lines[i - 1]!r}" for i in range(2, len(lines))
                   if COMPLAINTS.search(lines[i]) and not re.search(r"/libc[.]so|/sysdeps/", lines[i - 1] + lines[i - 2])})


def follows(chain, wanted):
    chain = [function for function in chain if function not in ("0x0", "rung_g0_root")]
    rest = iter(chain)
    return chain[0] == wanted[0] and chain[-1] == wanted[-1] and all(name in rest for name in wanted)


def judge_stop(name, text, wanted, failures):
    here, _, everywhere = text.partition("@all\n")
    chains = backtraces(here)
    if not chains:
        failures.append(f"{name}: no backtrace:\n{text[-1500:]}")
        return
    chain = chains[-1]  # the last: gdb shows a core file's frame 0 by itself
    print(f"{name}: {' < '.join(chain)}")
    if not follows(chain, wanted):
        failures.append(f"{name}: not {' < '.join(wanted)}")
    others = backtraces(everywhere)
    if len(others) < 2:
        failures.append(f"{name}: {len(others)} threads")
    for one in others + [chain]:
        wrong = what_is_wrong(one)
        if wrong:
            failures.append(f"{name}: {wrong}: {' < '.join(one)}")
    failures.extend(f"{name}: gdb says {complaint}" for complaint in complaints(text))


def judge_steps(text, failures):
    """Until the cut the yielder is seen, then nobody, then the next one."""
    phases = []
    seen = 0
    for part in text.split("@step\n"):
        chains = backtraces(part)
        if not chains:
            continue
        chain = chains[-1]
        seen += 1
        wrong = what_is_wrong(chain)
        for sentence in complaints(part) + ([wrong] if wrong else []):
            failures.append(f"step {seen}: {sentence}: {' < '.join(chain)}")
        phase = "rung_mcall" if chain[-1] in ("0x0", "rung_g0_root") else chain[-1]
        if not phases or phases[-1] != phase:
            phases.append(phase)
        if phase == "rung_goroutine_start" and "yielder" not in chain:
            failures.append(f"step {seen}: yielder is missing: {' < '.join(chain)}")
        if phase == "rung_mcall" and chain[0] == "yield_m" and len(phases) == 1:
            failures.append(f"step {seen}: cut too early")
    print(f"stepped: {seen} instructions: {' > '.join(phases)}")
    if seen < STEPS * 9 // 10 or phases[:3] != ["rung_goroutine_start", "rung_mcall", "rung_goroutine_start"]:
        failures.append(f"stepped: {seen} instructions, {' > '.join(phases)}")


def main():
    _judge.need("gdb")
    script = "ulimit -c unlimited\n"
    for name, (workload, where, _) in STOPS.items():
        script += stop_script(name, workload, where)
    script += STEP % ("\n".join(SETTINGS), "$x0" if _judge.IS_ARM64 else "$rdi", STEPS)
    status, out, err = _judge.run_script(script, {"work": _judge.WORK}, 400 if _judge.IN_VM else 150)
    if "ptrace: Operation not permitted" in out:
        _judge.skip("the kernel does not permit ptrace")
    sections = re.split(r"^@@@ (.*)\n", out, flags=re.MULTILINE)
    texts = dict(zip(sections[1::2], sections[2::2]))
    failures = []
    for name, (_, _, wanted) in STOPS.items():
        judge_stop(name, texts.get(name, out), wanted, failures)
        name += ", core file"
        if "#0" in texts.get(name, ""):
            judge_stop(name, texts[name], wanted, failures)
        else:
            print(f"{name}: none was written (the kernel's core_pattern)")
    judge_steps(texts.get("stepped", ""), failures)
    if status != 0 and not failures:
        failures.append(f"exit status {status}: {err}")
    for failure in failures[:20]:
        print("FAILED: " + failure)
    return 1 if failures else 0


sys.exit(main())
