/* SPDX-License-Identifier: MIT */
/* Each wrong way to start, stop and feed a trace has the answer that rung_debug.h tells. */
#include "common.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/file.h>

static size_t given;

static int take(void *arg, const void *bytes, size_t count)
{
    (void)bytes;
    given += count;
    return arg != NULL ? *(int *)arg : 0;
}

static int start(rung_trace_options options)
{
    return rung_trace_start(&options);
}

static int options_are_checked(void)
{
    EXPECT_EQ(rung_trace_start(NULL), -EINVAL);
    EXPECT_EQ(start((rung_trace_options){ .fd = 0 }), -EINVAL);
    EXPECT_EQ(start((rung_trace_options){ .write = take, .generation_ns = -1 }), -EINVAL);
    EXPECT_EQ(start((rung_trace_options){ .write = take, .memory = 4096 }), -EINVAL);
    EXPECT_EQ(start((rung_trace_options){ .write = take, .version = 24 }), -EINVAL);
    EXPECT_EQ(start((rung_trace_options){ .write = take, .sample_hz = -1 }), -EINVAL);
    EXPECT_EQ(start((rung_trace_options){ .write = take, .sample_hz = 1001 }), -EINVAL);
    EXPECT_EQ(start((rung_trace_options){ .path = "/no/such/directory/trace" }), -ENOENT);
    EXPECT_EQ(start((rung_trace_options){ .path = "/" }), -EISDIR);
    static char long_path[PATH_MAX + 1];
    memset(long_path, 'x', PATH_MAX);
    EXPECT_EQ(start((rung_trace_options){ .path = long_path }), -ENAMETOOLONG);
    rung_flight *flight;
    EXPECT_EQ(rung_flight_start(&flight, &(rung_flight_options){ .dump = long_path }), -ENAMETOOLONG);
    return rung_trace_stop();
}

/* 1 TiB: it is to be had or not, as the kernel says; nothing else happens. */
static void sizes(void)
{
    int error = start((rung_trace_options){ .write = take, .memory = (size_t)1 << 40 });
    EXPECT(error == 0 || error == -ENOMEM);
    EXPECT_EQ(rung_trace_stop(), error == 0 ? 0 : -ESRCH);
    static const size_t too_large[] = { SIZE_MAX / 2, SIZE_MAX / 2 + 1, SIZE_MAX - (2 << 20), SIZE_MAX };
    for (size_t i = 0; i < LENGTH(too_large); i++) {
        rung_flight *flight;
        EXPECT_EQ(start((rung_trace_options){ .write = take, .memory = too_large[i] }), -ENOMEM);
        EXPECT_EQ(rung_flight_start(&flight, &(rung_flight_options){ .memory = too_large[i] }), -ENOMEM);
    }
    EXPECT_EQ(start((rung_trace_options){ .write = take, .memory = 1 << 20 }), 0);
    EXPECT_EQ(rung_trace_stop(), 0);
}

static void writers_that_fail(void)
{
    int error = -EDQUOT;
    int ends[2];
    EXPECT_EQ(start((rung_trace_options){ .write = take, .write_arg = &error, .generation_ns = MS(1) }), 0);
    EXPECT_EQ(rung_sleep(MS(5)), 0);
    EXPECT_EQ(rung_trace_stop(), -EDQUOT);
    EXPECT_EQ(start((rung_trace_options){ .path = "/dev/full" }), 0);
    EXPECT_EQ(rung_trace_stop(), -ENOSPC);
    EXPECT_EQ(pipe(ends), 0);
    EXPECT_EQ(start((rung_trace_options){ .fd = ends[0] }), 0); /* the end that cannot be written */
    EXPECT_EQ(rung_trace_stop(), -EBADF);
    close(ends[0]);
    close(ends[1]);
}

/* A file is its trace's alone; a device may be anybody's, as the one that other processes throw theirs away in. */
static void a_device_is_shared(void)
{
    int fd = open("/dev/null", O_WRONLY);
    EXPECT(flock(fd, LOCK_SH | LOCK_NB) == 0 || errno == EWOULDBLOCK); /* locked it is, by us or others */
    EXPECT_EQ(start((rung_trace_options){ .path = "/dev/null" }), 0);
    EXPECT_EQ(rung_trace_stop(), 0);
    close(fd);
}

static void nothing(int number)
{
    (void)number;
}

static void sampling(void)
{
    rung_flight *flight;
    struct sigaction own = { .sa_handler = nothing }, now;
    EXPECT_EQ(sigaction(SIGPROF, &own, NULL), 0);
    EXPECT_EQ(start((rung_trace_options){ .write = take, .sample_hz = 100 }), -EBUSY);
    EXPECT_EQ(rung_flight_start(&flight, &(rung_flight_options){ .sample_hz = 100 }), -EBUSY);
    EXPECT_EQ(sigaction(SIGPROF, NULL, &now), 0);
    EXPECT(now.sa_handler == nothing);
    own.sa_handler = SIG_DFL;
    EXPECT_EQ(sigaction(SIGPROF, &own, NULL), 0);
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(start((rung_trace_options){ .write = take, .sample_hz = 1000 }), 0);
        EXPECT_EQ(rung_flight_start(&flight, &(rung_flight_options){ .sample_hz = 100 * i }), 0);
        EXPECT_EQ(rung_sleep(MS(20)), 0);
        EXPECT_EQ(rung_trace_stop(), 0);
        EXPECT_EQ(rung_flight_stop(flight), 0);
    }
    EXPECT_EQ(raise(SIGPROF), 0); /* one that is late ends nothing */
}

static int app(void *arg)
{
    (void)arg;
    EXPECT_EQ(options_are_checked(), -ESRCH);
    sampling();
    EXPECT_EQ(start((rung_trace_options){ .write = take }), 0);
    EXPECT_EQ(start((rung_trace_options){ .write = take }), -EBUSY);
    EXPECT_EQ(rung_trace_stop(), 0);
    EXPECT_EQ(rung_trace_stop(), -ESRCH);
    EXPECT(given > 100);
    sizes();
    writers_that_fail();
    a_device_is_shared();
    EXPECT_EQ(start((rung_trace_options){ .write = take }), 0);
    return 0; /* it ends with the run */
}

int main(void)
{
    unsetenv("RUNG_TRACE"); /* there is but one */
    EXPECT_EQ(start((rung_trace_options){ .write = take }), -ESRCH);
    EXPECT_EQ(rung_trace_stop(), -ESRCH);
    run_on(2, app, NULL);
    EXPECT_EQ(rung_trace_stop(), -ESRCH);
    return 0;
}
