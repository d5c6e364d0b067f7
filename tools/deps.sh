#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, on Debian 12 and later and Ubuntu 22.04 and later.
#   deps.sh [--check] [build|test|bench]...     --check: only says what is missing; exits 1 if anything is
set -u

missing=()

have() { command -v "$1" >/dev/null 2>&1; }
have_server() { PATH=$PATH:/usr/sbin:/sbin have "$1"; }
known() { [ -n "$(apt-cache show --no-all-versions "$1" 2>/dev/null)" ]; }

# want PACKAGE CHECK...: notes the package unless the check, a command line, succeeds.
want() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}

# The version of clang that plain `clang` is, or will be.
clang_version() {
    if have clang; then
        clang -dumpversion | cut -d. -f1
    else
        apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1
    fi
}

# clang's sanitizers: in libclang-rt-N-dev, before LLVM 15 on Ubuntu in libclang-common-N-dev.
has_clang_runtime() {
    have clang && ls "$(clang -print-resource-dir)"/lib/*/libclang_rt.tsan*.a
}
clang_runtime_package() {
    local version
    version=$(clang_version)
    if known "libclang-rt-$version-dev"; then
        echo "libclang-rt-$version-dev"
    else
        echo "libclang-common-$version-dev"
    fi
}

perf_packages() {
    if known linux-perf; then
        echo linux-perf
    else # Ubuntu: /usr/bin/perf picks the tools of the running kernel
        echo linux-tools-common linux-tools-generic
        known "linux-tools-$(uname -r)" && echo "linux-tools-$(uname -r)"
    fi
}

# The command `rung` reads ELF and DWARF by elfutils, decodes by Capstone, reads JSON by Jansson, unpacks by liblzma, and demangles.
want_command() {
    want libdw-dev test -e /usr/include/elfutils/libdwfl.h
    want libelf-dev test -e /usr/include/libelf.h
    want libcapstone-dev test -e /usr/include/capstone/capstone.h
    want libjansson-dev test -e /usr/include/jansson.h
    want liblzma-dev test -e /usr/include/lzma.h
    want libiberty-dev test -e /usr/include/libiberty/demangle.h
}

want_build() {
    want cmake have cmake
    want ninja-build have ninja
    want gcc have gcc
    want libc6-dev test -e /usr/include/stdio.h
    want g++ have g++
    want python3 have python3
    want git have git
    want binutils have objcopy
    want_command
}

want_test() {
    want clang have clang
    want lld have ld.lld
    want llvm have llvm-ar
    has_clang_runtime >/dev/null 2>&1 || missing+=("$(clang_runtime_package)")
    if [ "$(uname -m)" = x86_64 ]; then
        want gcc-aarch64-linux-gnu have aarch64-linux-gnu-gcc
        want g++-aarch64-linux-gnu have aarch64-linux-gnu-g++
        want libc6-dev-arm64-cross test -e /usr/aarch64-linux-gnu/include/stdio.h
        want qemu-user have qemu-aarch64
        want gdb-multiarch have gdb-multiarch
    fi
    want gdb have gdb
    want valgrind have valgrind
    want libc6-dbg test -d /usr/lib/debug/.build-id # valgrind needs the loader's symbols
    want cppcheck have cppcheck
    want bpftrace have bpftrace
    want strace have strace
    want curl have curl
    want openssl have openssl
    want libssl-dev test -e /usr/include/openssl/ssl.h
    want wrk have wrk
    want redis-server have redis-server
    want redis-tools have redis-benchmark
    want nginx have_server nginx
    want openssh-server have_server sshd
    want openssh-client have ssh
    want libhttp-parser-dev test -e /usr/include/http_parser.h
    perf --version >/dev/null 2>&1 || missing+=($(perf_packages))
}

want_bench() {
    want nginx have_server nginx
    want haproxy have_server haproxy
    want libboost-fiber-dev test -e /usr/include/boost/fiber/all.hpp
    want time test -x /usr/bin/time
    want libst-dev test -e /usr/include/st.h
    [ -x /usr/local/go/bin/go ] || want golang have go
    [ -x "${HOME:-/root}/.cargo/bin/cargo" ] || want cargo have cargo
}

only_check=no
if [ "${1:-}" = --check ]; then
    only_check=yes
    shift
fi
[ $# -gt 0 ] || set -- build test bench

collect() {
    missing=()
    local group
    for group in "$@"; do
        case $group in
            build | test | bench) "want_$group" ;;
            *) echo "deps: no such group: $group; there are: build test bench" >&2 && exit 2 ;;
        esac
    done
}

collect "$@"
if [ ${#missing[@]} -eq 0 ]; then
    [ $only_check = yes ] || echo "deps: nothing is missing for: $*"
    exit 0
fi
if [ $only_check = yes ]; then
    echo "deps: missing: ${missing[*]}"
    exit 1
fi
if ! have apt-get; then
    echo "deps: not Debian or Ubuntu; please install what these packages hold: ${missing[*]}" >&2
    exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    have sudo || { echo "deps: needs root or sudo to install: ${missing[*]}" >&2 && exit 1; }
    as_root=(sudo)
fi
run() {
    echo "+ $*"
    "$@"
}
export DEBIAN_FRONTEND=noninteractive
run "${as_root[@]}" apt-get -q update -o Acquire::http::Timeout=30
collect "$@" # the names of some packages depend on the lists just fetched
run "${as_root[@]}" apt-get -q install -y --no-install-recommends "${missing[@]}" || {
    # One package that is not to be had must not keep the others away.
    for package in "${missing[@]}"; do
        run "${as_root[@]}" apt-get -q install -y --no-install-recommends "$package" || true
    done
}
collect "$@"
[ ${#missing[@]} -eq 0 ] || { echo "deps: still missing: ${missing[*]}" >&2 && exit 1; }
