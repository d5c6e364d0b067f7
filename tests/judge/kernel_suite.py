#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs of tests/unit, run and die on a real arm64 kernel: what qemu-user pretends, leaves out or does by itself is there.

test-presets: arm64
test-labels: long
test-timeout: 900
test-serial: yes

All in one run of the virtual machine, one after the other; then each is judged here, as runner.py judges it.
"""
import os
import shlex
import subprocess
import sys
import tempfile

import _judge

sys.path.insert(0, str(_judge.SOURCE / "tests"))
import runner

SECONDS = 900  # for one program
MACHINE = ["--memory", "6000", "--timeout", "9000"]
LEFT_OUT = ("die/sigquit", "die/sigquit_off")  # the machine's shell has SIGQUIT ignored, and so would they


def programs():
    """(kind/name, directives of its source, the program)"""
    for kind in "unit", "run", "die":
        for source in sorted((_judge.SOURCE / "tests" / kind).glob("*.c")):
            name = f"{kind}/{source.stem.removesuffix('_test')}"
            program = _judge.BUILD / "tests" / name
            if program.exists() and name not in LEFT_OUT:
                yield name, runner.read_directives(source), program


def command(name, directives):
    """Leaves what is said of it, and its status, in files beside each other."""
    words = ["env", *directives.get("test-environment", []), "timeout", "-k", "5", str(SECONDS), "programs/" + name]
    return f"{shlex.join(words)} </dev/null >out/{name}.out 2>out/{name}.err; echo $? >out/{name}.status\n"


def run_all(directory, chosen):
    for kind in {name.partition("/")[0] for name, _, _ in chosen}:
        os.makedirs(f"{directory}/programs/{kind}")
    for name, _, program in chosen:  # without lines, or they would fill the machine's memory
        subprocess.run(["aarch64-linux-gnu-objcopy", "--strip-debug", program, f"{directory}/programs/{name}"], check=True)
    with open(f"{directory}/script", "w", encoding="utf-8") as script:
        script.write("ulimit -c 0; mkdir -p out/unit out/run out/die\n" + "".join(command(*each[:2]) for each in chosen))
    subprocess.run([_judge.find_vm() / "run", *MACHINE, "--copy", "programs", "--copy", "script", "--out", "out", "--",
                    "sh", "script"], cwd=directory, stdin=subprocess.DEVNULL, check=True)


def judge(directory, name, directives):
    """None where it skipped, else what is wrong."""
    said = {}
    for what in "out", "err", "status":
        with open(f"{directory}/out/{name}.{what}", encoding="utf-8", errors="replace") as file:
            said[what] = file.read()
    status = int(said["status"] or -1)
    if status == runner.SKIPPED:
        return None
    wrong = runner.judge(directives, status if status < 128 else 128 - status, said["out"], said["err"])
    if wrong:
        print(f"{name}: {'; '.join(wrong)}\n{said['out'][-2000:]}{said['err'][-4000:]}")
    return wrong


def main():
    _judge.need()
    chosen = list(programs())
    with tempfile.TemporaryDirectory(prefix="rung-judge-") as directory:
        run_all(directory, chosen)
        verdicts = [judge(directory, name, directives) for name, directives, _ in chosen]
    failed, skipped = sum(map(bool, verdicts)), verdicts.count(None)
    print(f"on a real arm64 kernel: {len(verdicts) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return failed > 0 or not chosen


if __name__ == "__main__":
    sys.exit(main())
