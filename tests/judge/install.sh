#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What is installed is found by pkg-config and by find_package, from C and from C++, static and shared. A plugin that brings it
# along may be unloaded, and its threads end.
set -eu
. "$(dirname "$0")/_server.sh"
need_tools cmake pkg-config cc c++
cmake --install "$RUNG_BUILD" --prefix "$scratch/root" >/dev/null
export PKG_CONFIG_PATH=$(dirname "$(find "$scratch/root" -name rung.pc)")
lib=$(dirname "$PKG_CONFIG_PATH")
strict="-std=c11 -pedantic -Wall -Wextra -Werror"

cat >"$scratch/user.c" <<'END'
#include <rung_debug.h>
#include <rung_errno.h>
#include <rung_process.h>
static int app(void *arg)
{
    rung_chan *chan;
    int value = 42, got = 0;
    rung_case cases[] = { RUNG_CASE_RECV(0, 0), RUNG_CASE_SEND(0, &value) };
    if (rung_chan_open(&chan, sizeof value, 1) < 0)
        return 1;
    cases[1].chan = chan;
    if (rung_select(cases, 2) != 1 || rung_recv(chan, &got) != 1)
        return 2;
    rung_chan_free(chan);
    return arg != 0 || got != 42;
}
#ifdef PLUGIN
int play(void);
int play(void)
{
    return rung_run(app, 0);
}
#else
int main(void)
{
    return rung_run(app, 0);
}
#endif
END
cp "$scratch/user.c" "$scratch/user.cpp"
cat >"$scratch/host.c" <<'END'
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
static void *use(void *path)
{
    void *plugin = dlopen(path, RTLD_NOW);
    int (*play)(void) = plugin != 0 ? (int (*)(void))(uintptr_t)dlsym(plugin, "play") : 0;
    intptr_t result = play != 0 ? play() : 99;
    return (void *)(plugin != 0 && dlclose(plugin) != 0 ? 98 : result);
}
int main(int count, char **arguments)
{
    void *result = (void *)97;
    for (int i = 0; i < 3 && count == 2; i++) {
        pthread_t thread;
        if (pthread_create(&thread, 0, use, arguments[1]) != 0 || pthread_join(thread, &result) != 0 || result != 0)
            break;
    }
    return (int)(intptr_t)result;
}
END
cd "$scratch"
cc $strict user.c $(pkg-config --cflags --libs rung) -Wl,-rpath,"$lib" -o shared
./shared || fail "pkg-config, shared: $?"
cc $strict user.c $(pkg-config --cflags rung) "$lib/librung.a" -pthread -o static
./static || fail "pkg-config, static: $?"
cc -DPLUGIN -shared -fPIC user.c $(pkg-config --cflags --libs rung) -Wl,-rpath,"$lib" -o plugin.so
cc host.c -pthread -ldl -o host
./host ./plugin.so || fail "a plugin: $?"

cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.22)
project(user LANGUAGES C CXX)
find_package(rung 0.1 REQUIRED)
add_executable(c_static user.c)
target_link_libraries(c_static PRIVATE rung::rung)
add_executable(cpp_shared user.cpp)
target_compile_features(cpp_shared PRIVATE cxx_std_17)
target_link_libraries(cpp_shared PRIVATE rung::rung_shared)
if(TARGET rung::rung_debug)
    add_executable(c_debug user.c)
    target_link_libraries(c_debug PRIVATE rung::rung_debug)
endif()
if(RUNG_COMMAND)
    rung_check(c_static)
endif()
END
cmake -S . -B build -DCMAKE_PREFIX_PATH="$scratch/root" >log 2>&1 && cmake --build build >>log 2>&1 || fail "find_package: $(cat log)"
for program in build/c_static build/cpp_shared build/c_debug; do
    [ ! -x $program ] || ./$program || fail "$program: $?"
done
