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
last two yields are stepped through, instruction by instruction, to the next goroutine: by way of g0, as chaos mode does with
every other, and straight.
"""
import re
import sys

import _judge

THREAD_ROOTS = {"main", "clone", "clone3", "__clone3", "__GI___clone3", "thread_start", "start_thread", "libc"}
ROOTS = {"rung_goroutine_start", "rung_g0_root"}
COMPLAINTS = re.compile(r"Backtrace stopped|corrupt stack|Cannot access memory|Error in|No stack|not recognized|"
                        r"may not match")

# name: (workload, where, functions that must follow one another in that order, the first first and the last last)
STOPS = {
    "goroutine": ("pingpong", ["break judge_leaf"],
                  ["judge_leaf", "judge_caller", "client", "rung_goroutine_main", "rung_goroutine_start"]),
    "thread without a goroutine": ("pingpong", ["break schedule_slow"], ["schedule_slow", "m_run", "rung_mstart", "rung_g0_root"]),
    "g0, linked": ("yield", ["set environment RUNG_CHAOS 1", "break judge_leaf", "run", "delete", "tbreak *depart_m"],
                   ["depart_m", "rung_mcall", "rung_goroutine_main", "rung_goroutine_start"]),
    "g0, cut": ("timers", ["break judge_leaf", "run", "delete", "tbreak schedule_slow if m->machine.g != 0"],
                ["schedule_slow", "rung_mcall", "rung_g0_root"]),
}
SETTINGS = ["set pagination off", "set width 0", "set confirm off", "set print frame-arguments none",
            "set print inferior-events off", "set auto-load off", "set breakpoint pending on",
            "handle SIGABRT nostop noprint pass"]

# The process is let go with the signal, and dies outside gdb. gdb that runs it until it dies may first have to tell of
# another thread at the breakpoint, and fails seldom with an internal error, which leaves gdb's own core file beside the
# process's. A core file is whole once the process is gone; a zombie has no exe.
STOP = """
rm -f core*
cat >gdb.commands <<'END'
%s
END
gdb -q -nx -batch -x gdb.commands --args $work %s 600 >gdb.out 2>&1 || echo "Error in gdb: exit status $?" >>gdb.out
cat gdb.out
process=$(sed -n 's/^process //p' gdb.out)
while [ -e "/proc/$process/exe" ]; do sleep 0.1; done
core=$(ls core* 2>/dev/null | head -n 1)
echo '@@@ %s, core file'
if [ -n "$core" ]; then
    needed=$(readelf -lW $core | while read -r kind offset _ _ size _; do
        case $kind in NOTE | LOAD) echo $((offset + size)) ;; esac
    done | sort -n | tail -n 1)
    echo "@size $(stat -c %%s $core) of $needed"
    gdb -q -nx -batch -ex 'set width 0' -ex 'set print frame-arguments none' \\
        -ex bt -ex 'echo @all\\n' -ex 'thread apply all bt' $work $core 2>&1
fi
"""
# name: (seed of chaos mode, where, how many instructions, roots in turn)
STEPPED = {
    "by way of g0": (1, "*rung_mcall if %s == (unsigned long)depart_m" % ("$x0" if _judge.IS_ARM64 else "$rdi"), 600,
                     ["rung_goroutine_start", "rung_g0_root", "rung_goroutine_start"]),
    "straight": (0, "*rung_switch", 160, ["rung_goroutine_start"]),
}
STEP = """
cat >gdb.commands <<'END'
%s
break judge_leaf
run
delete
tbreak %s
continue
set scheduler-locking on
set $steps = 0
echo @@@ %s\\n
while $steps < %d
bt
echo @step\\n
stepi
set $steps = $steps + 1
end
kill
END
RUNG_CHAOS=%d RUNG_PROCS=1 gdb -q -nx -batch -x gdb.commands --args $work yield 0 2>&1
"""


def stop_script(name, workload, where):
    commands = SETTINGS + where
    commands += ["continue" if "run" in where else "run", f"echo @@@ {name}\\n", "bt", "echo @all\\n",
                 "thread apply all bt", "delete", "info proc", "queue-signal SIGABRT", "detach"]
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
    """How the chain ends. gdb shows a frame at 0 above a thread's first, which is libc's."""
    if chain[-1] == "0x0" and chain[-2:-1] != [] and chain[-2] in THREAD_ROOTS:
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


def judge_core(name, text, wanted, failures):
    """On the host the kernel may give core files to another program (core_pattern)."""
    whole = re.search(r"^@size (\d+) of (\d*)$", text, flags=re.MULTILINE)
    if whole is None and not _judge.IN_VM:
        print(f"{name}: none was written (the kernel's core_pattern)")
    elif whole is None:
        failures.append(f"{name}: none was written:\n{text[-1500:]}")
    elif whole[2] == "" or int(whole[1]) < int(whole[2]):
        failures.append(f"{name}: it is cut short: {whole[1]} of {whole[2]} bytes")
    else:
        judge_stop(name, text, wanted, failures)


def judge_steps(name, text, failures):
    """The yielder is seen but for the time after the cut. Gives back whether the next one was reached."""
    phases, leaves = [], []
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
        if not phases or phases[-1] != chain[-1]:
            phases.append(chain[-1])
        if not leaves or leaves[-1] != chain[0]:
            leaves.append(chain[0])
        if chain[-1] == "rung_goroutine_start" and not {"yielder", "work"} & set(chain):
            failures.append(f"step {seen}: yielder is missing: {' < '.join(chain)}")
        if chain[-1] == "rung_g0_root" and chain[0] == "depart_m" and len(phases) == 1:
            failures.append(f"step {seen}: cut too early")
    print(f"stepped {name}: {seen} instructions: {' > '.join(phases)}")
    _, _, count, roots = STEPPED[name]
    return seen >= count * 9 // 10 and phases[:len(roots)] == roots and (len(roots) > 1 or "yielder" in leaves)


def main():
    _judge.need("gdb", "readelf")
    script = "ulimit -c unlimited\n"
    for name, (workload, where, _) in STOPS.items():
        script += stop_script(name, workload, where)
    steps = {name: STEP % ("\n".join(SETTINGS), where, name, count, seed)
             for name, (seed, where, count, _) in STEPPED.items()}
    script += "".join(steps.values())
    status, out, err = _judge.run_script(script, {"work": _judge.WORK}, 400 if _judge.IN_VM else 150)
    if "ptrace: Operation not permitted" in out:
        _judge.skip("the kernel does not permit ptrace")
    sections = re.split(r"^@@@ (.*)\n", out, flags=re.MULTILINE)
    texts = dict(zip(sections[1::2], sections[2::2]))
    failures = []
    for name, (_, _, wanted) in STOPS.items():
        judge_stop(name, texts.get(name, out), wanted, failures)
        name += ", core file"
        judge_core(name, texts.get(name, out), wanted, failures)
    # Steps are slow and the other threads stand still: the way to the next goroutine may be long, or wait for them.
    for name, step in steps.items():
        while not judge_steps(name, texts.get(name, ""), failures):
            if failures:
                failures.append(f"stepped {name}: the next goroutine was not reached")
                break
            status, out, err = _judge.run_script(step, {"work": _judge.WORK}, 100)
            texts[name] = out.partition(f"@@@ {name}\n")[2]
    if status != 0 and not failures:
        failures.append(f"exit status {status}: {err}")
    for failure in failures[:20]:
        print("FAILED: " + failure)
    return 1 if failures else 0


sys.exit(main())
