/* SPDX-License-Identifier: MIT */
/*
 * trace_swap.c LIBRARY FUNCTION LIBRARY FUNCTION: calls the one, unloads it, and calls the other, in a generation of its own each.
 * Says whether it lies where the first did.
 */
#include "run/common.h"

#include <dlfcn.h>
#include <rung_debug.h>

typedef int step(int (*next)(void));

static rung_flight *flight;

static int nap(void)
{
    return rung_sleep(MS(1));
}

static int swallow(void *arg, const void *bytes, size_t count)
{
    (void)arg, (void)bytes, (void)count;
    return 0;
}

static void next_generation(void)
{
    EXPECT_EQ(rung_flight_snapshot(flight, swallow, NULL), 0);
}

static step *use(const char *path, const char *name)
{
    void *library = dlopen(path, RTLD_NOW);
    EXPECT(library != NULL);
    step *function = (step *)dlsym(library, name);
    EXPECT(function != NULL);
    next_generation();
    EXPECT_EQ(function(nap), 1);
    next_generation();
    EXPECT_EQ(dlclose(library), 0);
    return function;
}

static int app(void *arg)
{
    char **arguments = arg;
    rung_flight_options options = { .memory = 0 };
    EXPECT_EQ(rung_flight_start(&flight, &options), 0);
    step *first = use(arguments[1], arguments[2]);
    step *second = use(arguments[3], arguments[4]);
    puts(first == second ? "swapped" : "elsewhere");
    return 0;
}

int main(int count, char **arguments)
{
    EXPECT_EQ(count, 5);
    return rung_run(app, arguments) != 0;
}
