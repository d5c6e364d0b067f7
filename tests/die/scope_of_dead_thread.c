/* SPDX-License-Identifier: MIT */
/*
 * A plain thread that ends with an open scope: a panic, as where a goroutine does so.
 *
 * expect-signal: SIGABRT
 * expect-stderr: ^rung: panic: a thread ended with an open scope
 */
#include <pthread.h>
#include <rung.h>

static void *forgets(void *arg)
{
    rung_scope scope;
    rung_scope_open(&scope, RUNG_SECONDS(1000));
    return arg;
}

int main(void)
{
    pthread_t thread;
    return pthread_create(&thread, 0, forgets, 0) != 0 || pthread_join(thread, 0) != 0;
}
