#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# test-presets: release asan
"""What `rung check` prints, takes and exits with: each option, each format, each kind of file and of bad input."""
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

try:
    import lzma
except ImportError:  # a Python built without it
    lzma = None

HERE = os.path.dirname(os.path.abspath(__file__))
RUNG = os.path.join(os.environ.get("RUNG_BUILD", HERE + "/../../build/release"), "rung")
failures = []

SOURCE = """
int other(int);
__attribute__((noinline)) int framed(int x) { return other(x) + 1; }
__attribute__((noinline)) int leaf(int x) { return x + 1; }
__attribute__((noinline)) int other(int x) { return leaf(x) * 2; }
#ifdef BREAK
__attribute__((noinline)) int breaker(int x)
{
    __asm__ volatile("push %%rbp; xor %%ebp, %%ebp; pop %%rbp" : : : "memory");
    return other(x) + 1;
}
#else
__attribute__((noinline)) int breaker(int x) { return other(x) + 1; }
#endif
int main(int count, char **arguments) { (void)arguments; return framed(count) + breaker(count) == 99; }
"""
KEEP = ["-fno-omit-frame-pointer", "-mno-omit-leaf-frame-pointer", "-fno-optimize-sibling-calls"]


def expect(condition, text):
    if not condition:
        failures.append(text)
        print("WRONG:", text)


def check(*arguments, **more):
    done = subprocess.run([RUNG, "check", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, errors="replace", **more)
    expect(done.returncode in (0, 1, 2), f"{arguments}: ended with {done.returncode}: {done.stderr[-400:]}")
    return done


def expect_status(status, *arguments, **more):
    done = check(*arguments, **more)
    expect(done.returncode == status, f"{arguments}: status {done.returncode}, not {status}: {done.stderr[-200:]}")
    return done


def class_of(report, name):
    for file in report["files"]:
        for function in file["functions"]:
            if name in (function["name"], function.get("demangled")):
                return function["class"]
    return None


def compile_to(folder, name, *options, compiler="gcc", source=SOURCE, suffix=".c"):
    path = os.path.join(folder, "source" + suffix)
    with open(path, "w") as file:
        file.write(source)
    out = os.path.join(folder, name)
    subprocess.run([compiler, "-O2", "-g", *KEEP, *options, "-o", out, path], check=True)
    return out


def limit_memory(most):
    if "san" not in os.path.basename(os.path.dirname(RUNG)):  # a sanitizer's shadow takes terabytes
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def test_kinds(folder):
    """Programs, static ones, libraries, objects, archives; stripped; for the other CPU; with compressed sections."""
    makes = {"pie": [], "no-pie": ["-no-pie"], "static": ["-static"], "static-pie": ["-static-pie"],
             "library": ["-shared", "-fPIC"], "object": ["-c"], "compressed": ["-gz=zlib", "-fno-asynchronous-unwind-tables"],
             "functions": ["-c", "-ffunction-sections"]}
    paths = {}
    for name, options in makes.items():
        paths[name] = compile_to(folder, name, "-DBREAK", *options)
        report = json.loads(check("--json", paths[name]).stdout)
        for function, wanted in (("framed", "framed"), ("leaf", ("leaf", "framed")), ("breaker", "clobber")):
            got = class_of(report, function)
            expect(got in (wanted if isinstance(wanted, tuple) else (wanted,)), f"{name}: {function} is {got}, not {wanted}")
    for name in ("pie", "library"):
        stripped = os.path.join(folder, name + "-stripped")
        subprocess.run(["strip", "-o", stripped, paths[name]], check=True)
        report = json.loads(check("--json", stripped).stdout)
        classes = [function["class"] for function in report["files"][0]["functions"]]
        expect(classes.count("clobber") >= 1 and classes.count("framed") >= 2, f"{name} stripped: {classes}")
    archive = os.path.join(folder, "both.a")
    clean = compile_to(folder, "clean.o", "-c")
    subprocess.run(["ar", "rc", archive, paths["object"], clean], check=True)
    report = json.loads(check("--json", archive).stdout)
    expect(len(report["files"]) == 2 and report["files"][1]["path"].endswith("(clean.o)"), "an archive has two members")
    if shutil.which("aarch64-linux-gnu-gcc"):
        arm = compile_to(folder, "arm", compiler="aarch64-linux-gnu-gcc")
        report = json.loads(check("--json", arm).stdout)
        expect(report["files"][0]["machine"] == "arm64" and class_of(report, "framed") == "framed", "an arm64 program")
    return paths


def test_debug_file(folder):
    """Symbols of a stripped program come from the debug file with its build id."""
    program = compile_to(folder, "named", "-DBREAK", "-Wl,--build-id")
    build_id = json.loads(check("--json", program).stdout)["files"][0]["build_id"]
    place = f"/usr/lib/debug/.build-id/{build_id[:2]}"
    debug = f"{place}/{build_id[2:]}.debug"
    try:
        made = not os.path.isdir(place)
        os.makedirs(place, exist_ok=True)
    except OSError:
        print("no right to write into /usr/lib/debug: left out")
        return
    try:
        subprocess.run(["objcopy", "--only-keep-debug", program, debug], check=True)
        subprocess.run(["strip", program], check=True)
        report = json.loads(check("--json", program).stdout)
        expect(class_of(report, "breaker") == "clobber", "symbols of the separate debug file")
        line = [finding for function in report["files"][0]["functions"] for finding in function.get("findings", [])
                if "line" in finding]
        expect(len(line) > 0, "lines of the separate debug file")
    finally:
        os.unlink(debug)
        if made:
            os.rmdir(place)


def test_packed_symbols(folder):
    """Symbols of a stripped program come from .gnu_debugdata; what is broken there, or a bomb, is passed over."""
    program = compile_to(folder, "packed", "-DBREAK", "-Wl,--build-id=none")
    mini, packed, stripped = (os.path.join(folder, name) for name in ("mini", "mini.xz", "stripped"))
    subprocess.run(["objcopy", "--only-keep-debug", program, mini], check=True)
    subprocess.run(["strip", "-g", mini], check=True)
    subprocess.run(["strip", program], check=True)
    with open(mini, "rb") as file:
        whole = lzma.compress(file.read())
    for title, content, is_good in (("whole", whole, True), ("cut off", whole[:len(whole) // 2], False),
                                    ("no xz stream", b"nothing", False), ("no ELF file", lzma.compress(b"nothing"), False),
                                    ("a bomb", lzma.compress(bytes(400 << 20)), False)):
        with open(packed, "wb") as file:
            file.write(content)
        subprocess.run(["objcopy", "--add-section", f".gnu_debugdata={packed}", program, stripped], check=True)
        done = check("--json", stripped, preexec_fn=lambda: limit_memory(200 << 20))
        report = json.loads(done.stdout or '{"files": []}')
        wanted = "clobber" if is_good else None
        expect(report["files"] and class_of(report, "breaker") == wanted, f".gnu_debugdata, {title}: {class_of(report, 'breaker')}")
        if report["files"]:
            classes = [function["class"] for function in report["files"][0]["functions"]]
            expect("clobber" in classes, f".gnu_debugdata, {title}: the file is judged all the same")


def test_limits(folder, broken):
    clean = compile_to(folder, "clean", "-c")
    expect_status(0, clean)
    expect_status(1, broken)
    expect_status(0, "--quiet", "--require", "framed=10%", broken)
    expect_status(1, "--quiet", "--require", "framed=99.9%", broken)
    expect_status(1, "--quiet", "--require", "framed=100%:bytes", broken)
    expect_status(0, "--quiet", "--deny", "large-frame", broken)
    expect_status(1, "--quiet", "--deny", "large-frame,clobber", broken)
    for bad in ("framed", "framed=x", "leaf=3%", "framed=101%", "nothing=1%", "framed=9%:stars", "clobber=9%:calls"):
        expect_status(2, "--require", bad, clean)
    expect_status(2, "--deny", "everything", clean)
    allow = os.path.join(folder, "allow")
    with open(allow, "w") as file:
        file.write("# known\nbreaker clobber  it does so on purpose\n_init transparent crti.o\nnobody * nothing of that name\n")
    done = expect_status(0, "--allow", allow, broken)
    expect("[allowed: it does so on purpose]" in done.stdout, "the reason is shown")
    expect("line 4 of the allow-list (nobody) allows nothing" in done.stderr, "unused lines are told")
    expect_status(0, "--allow", allow, "--require", "framed=100%", "--deny", "clobber", broken)
    for text, sentence in (("breaker clobber\n", "says no reason"), ("breaker nonsense why\n", "neither a class")):
        with open(allow, "w") as file:
            file.write(text)
        expect(sentence in expect_status(2, "--allow", allow, broken).stderr, f"allow-list: {sentence}")
    expect_status(2, "--allow", folder + "/absent", broken)


def test_formats(folder, broken):
    sarif = json.loads(check("--sarif", broken).stdout)
    rules = {rule["id"] for rule in sarif["runs"][0]["tool"]["driver"]["rules"]}
    results = sarif["runs"][0]["results"]
    expect(sarif["version"] == "2.1.0" and results and all(result["ruleId"] in rules for result in results), "SARIF")
    expect(any(result["locations"][0]["physicalLocation"].get("region") for result in results), "SARIF has lines")
    text = check("--color", "always", broken).stdout
    expect("\033[31m" in text and re.search(r"clobber.*breaker.*source\.c:\d+", text), "the table has colours and lines")
    expect("\033[" not in check(broken).stdout, "no colours into a pipe")
    explained = expect_status(0, "--explain", "breaker", broken).stdout
    expect(re.search(r"BROKEN.*pop rbp", explained) and re.search(r"whole.*call .*<other>", explained), "--explain")
    expect_status(2, "--explain", "nobody", broken)
    source = "#include <string>\nnamespace one { __attribute__((noinline)) std::string two(int x) { return std::to_string(x); } }\n"
    demangled = compile_to(folder, "demangled.o", "-c", compiler="g++", source=source, suffix=".cpp")
    report = json.loads(check("--json", demangled).stdout)
    names = [function.get("demangled", "") for function in report["files"][0]["functions"]]
    expect(any(name.startswith("one::two") for name in names), "C++ names are demangled")
    for option in ("--all", "--top=1", "--threads=1", "--instructions"):
        expect_status(1, option, broken)
    with open("/dev/full", "w") as full:
        done = subprocess.run([RUNG, "check", "--json", broken], stdout=full, stderr=subprocess.PIPE)
    expect(done.returncode == 2, "a full disk is told")


def test_diff(folder, broken):
    paths = []
    for name, path in (("old", compile_to(folder, "before")), ("new", broken)):
        paths.append(os.path.join(folder, name + ".json"))
        link = os.path.join(folder, name, "program")
        os.makedirs(os.path.dirname(link))
        shutil.copy(path, link)
        with open(paths[-1], "w") as file:
            file.write(check("--json", link).stdout)
    done = expect_status(1, "--diff", *paths)
    expect("worse: program: breaker: framed -> clobber" in done.stdout, f"the diff: {done.stdout}")
    done = expect_status(0, "--diff", *reversed(paths))
    expect("better: program: breaker" in done.stdout, "the diff the other way")
    expect_status(0, "--diff", paths[0], paths[0])
    with open(folder + "/bad.json", "w") as file:
        file.write("{")
    expect_status(2, "--diff", paths[0], folder + "/bad.json")
    expect_status(2, "--diff", paths[0], folder + "/absent.json")
    expect_status(2, "--diff", paths[0])


def start_sleeper(program):
    """A process that has loaded its libraries."""
    child = subprocess.Popen([program, "1000"])
    is_loaded = False
    while not is_loaded:
        time.sleep(0.05)
        with open(f"/proc/{child.pid}/maps") as file:
            is_loaded = "libc" in file.read()
    return child


def test_closure_and_process(folder):
    done = check("--closure", "--json", "/bin/ls")
    names = [os.path.basename(file["path"]) for file in json.loads(done.stdout)["files"]]
    expect(any(name.startswith("libc.so") for name in names) and any(name.startswith("ld-linux") for name in names),
           f"the closure of ls: {names}")
    child = start_sleeper("/bin/sleep")
    try:
        for how in (f"/proc/{child.pid}", str(child.pid)):
            names = [file["path"] for file in json.loads(check("--json", how).stdout)["files"]]
            expect(any("sleep" in name for name in names) and any("libc" in name for name in names), f"{how}: {names}")
    finally:
        child.kill()
        child.wait()
    expect_status(2, str(child.pid))
    expect_status(2, "/proc/999999999")
    replaced = os.path.join(folder, "replaced")  # as by an update of the program while it runs
    shutil.copy("/bin/sleep", replaced)
    child = start_sleeper(replaced)
    try:
        os.unlink(replaced)
        if os.access(f"/proc/{child.pid}/map_files", os.R_OK) and os.getuid() == 0:
            done = check("--json", f"/proc/{child.pid}")
            expect(done.returncode < 2 and "map_files" in done.stdout, f"a deleted program that runs: {done.stderr}")
    finally:
        child.kill()
        child.wait()
    library, lonely = os.path.join(folder, "libgone.so"), os.path.join(folder, "lonely")
    compile_to(folder, "libgone.so", "-shared", "-fPIC", "-Wl,-soname,libgone.so", source="int gone(void) { return 1; }\n")
    compile_to(folder, "lonely", "-L" + folder, "-Wl,--no-as-needed", "-lgone", source="int main(void) { return 0; }\n")
    os.unlink(library)
    done = expect_status(2, "--closure", lonely)
    expect("libgone.so" in done.stderr and "libc.so" in done.stdout, f"a library that is nowhere is told: {done.stderr!r}")
    expect_status(2, "2")  # a kernel thread, or not ours


def test_bad_input(folder, broken):
    cases = {folder: "is a directory", folder + "/absent": "No such file", "/dev/null": "is no regular file"}
    for name, content in (("empty", b""), ("text", b"#!/bin/sh\n"), ("magic", b"\x7fELF"), ("archive", b"!<arch>\n")):
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(content)
        cases[path] = ""
    with open(broken, "rb") as file:
        content = bytearray(file.read())
    for name, offset, value, sentence in (("machine", 18, 243, "another machine"), ("class", 4, 1, "another machine"),
                                          ("core", 16, 4, "neither a program")):
        path = os.path.join(folder, name)
        changed = bytearray(content)
        changed[offset] = value
        with open(path, "wb") as file:
            file.write(changed)
        cases[path] = sentence
    for path, sentence in cases.items():
        done = expect_status(2, path)
        expect(done.stderr.count("\n") == 1 and sentence in done.stderr, f"{path}: one sentence: {done.stderr!r}")
    for size in (20, 64, 500, len(content) // 2, len(content) - 100):
        path = os.path.join(folder, f"cut{size}")
        with open(path, "wb") as file:
            file.write(content[:size])
        check(path)
    expect_status(2)
    expect_status(2, "--nonsense", broken)
    expect_status(0, "--help")
    if os.getuid() == 0:
        secret = os.path.join(folder, "secret")
        shutil.copy(broken, secret)
        os.chmod(secret, 0)
        os.chmod(folder, 0o755)
        setpriv = shutil.which("setpriv")
        if setpriv:
            done = subprocess.run([setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", RUNG, "check", secret],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            expect(done.returncode == 2 or "setpriv" in done.stderr or "not found" in done.stderr, "no permission")


def test_builds(folder):
    """rung_check(target) of CMake, and the line for Make: the build of what breaks the chain fails."""
    project = os.path.join(folder, "project")
    os.makedirs(project)
    with open(f"{project}/program.c", "w") as file:
        file.write(SOURCE)
    with open(f"{project}/CMakeLists.txt", "w") as file:
        file.write(f"""cmake_minimum_required(VERSION 3.22)
project(program C)
set(RUNG_COMMAND {RUNG})
include({HERE}/../../cmake/RungCheck.cmake)
add_executable(program program.c)
target_compile_options(program PRIVATE -O2 {' '.join(KEEP)} ${{BREAK}})
rung_check(program REQUIRE framed=50% DENY clobber)
""")
    with open(f"{project}/Makefile", "w") as file:
        file.write("program: program.c\n\t$(CC) -O2 " + " ".join(KEEP) + " $(BREAK) -o $@ program.c && "
                   f"{RUNG} check --quiet --deny clobber $@ || {{ rm -f $@; false; }}\n")
    for define, wanted in (("", True), ("-DBREAK", False)):
        configured = subprocess.run(["cmake", "-S", project, "-B", f"{project}/build", f"-DBREAK={define}"],
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        built = subprocess.run(["cmake", "--build", f"{project}/build"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True)
        expect(configured.returncode == 0 and (built.returncode == 0) == wanted, f"rung_check: {built.stdout[-500:]}")
        made = subprocess.run(["make", "-B", "-C", project, "program", f"BREAK={define}"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        there = os.path.exists(f"{project}/program")
        expect((made.returncode == 0) == wanted and there == wanted, f"make: {made.stdout[-500:]}")


def main():
    if not os.path.exists(RUNG):
        print("skipped: the command rung was not built")
        return 77
    folder = tempfile.mkdtemp(prefix="rung-reports-")
    try:
        broken = test_kinds(folder)["pie"]
        test_debug_file(folder)
        if lzma is not None:
            test_packed_symbols(folder)
        test_limits(folder, broken)
        test_formats(folder, broken)
        test_diff(folder, broken)
        test_closure_and_process(folder)
        test_bad_input(folder, broken)
        if shutil.which("make"):
            test_builds(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(failures)} wrong")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
