/* SPDX-License-Identifier: MIT */
/*
 * 06_scope.c: deadlines, cancellation, and how to clean up under them.
 *
 * Each parking call obeys the scope that it runs in, so that no function takes a timeout of its
 * own, and one timeout covers a whole operation. A shield keeps the outer scopes' ends away.
 */
#include <rung.h>
#include <stdio.h>
#include <string.h>

static int cancel(void *arg)
{
    rung_scope_cancel(arg); /* anybody may, while the scope is open */
    return 0;
}

static int steps(void)
{
    int error = 0, done = 0;
    while (error == 0 && done < 1000) {
        error = rung_sleep(RUNG_MILLISECONDS(20));
        done += error == 0;
    }
    printf("  after %s of 1000 steps: %s\n", done < 1000 ? "some" : "all", strerror(-error));
    return error;
}

static void clean_up(void)
{
    rung_scope shield;
    printf("  sleep outside the shield: %s\n", strerror(-rung_sleep(1)));
    rung_shield_open(&shield, RUNG_SECONDS(60)); /* its own deadline still holds */
    printf("  sleep under the shield: %s\n", strerror(-rung_sleep(1)));
    rung_scope_close(&shield);
}

static int app(void *arg)
{
    rung_scope scope;
    (void)arg;
    printf("a deadline\n");
    rung_scope_open(&scope, RUNG_MILLISECONDS(50));
    steps();
    printf("  the scope ended by: %s\n", strerror(-rung_scope_close(&scope)));

    printf("a cancellation\n");
    rung_scope_open(&scope, RUNG_FOREVER);
    int error = rung_go(cancel, &scope);
    if (error == 0 && steps() < 0)
        clean_up();
    printf("  the scope ended by: %s\n", strerror(-rung_scope_close(&scope)));
    return error;
}

int main(void)
{
    return rung_run(app, NULL) < 0;
}
