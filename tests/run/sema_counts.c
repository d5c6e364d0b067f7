/* SPDX-License-Identifier: MIT */
/* A semaphore starts at 0, gives out exactly what was released, in any portions, and 0 at any time. */
#include "common.h"

static int app(void *arg)
{
    (void)arg;
    rung_sema sema = {0};
    EXPECT(!rung_sema_try_acquire(&sema, 1));
    EXPECT(rung_sema_try_acquire(&sema, 0));
    EXPECT_EQ(rung_sema_acquire(&sema, 0), 0);
    rung_sema_release(&sema, 0);
    EXPECT(!rung_sema_try_acquire(&sema, 1));
    rung_sema_release(&sema, 5);
    EXPECT(!rung_sema_try_acquire(&sema, 6));
    EXPECT_EQ(rung_sema_acquire(&sema, 2), 0);
    EXPECT(!rung_sema_try_acquire(&sema, 4));
    EXPECT(rung_sema_try_acquire(&sema, 3));
    EXPECT(!rung_sema_try_acquire(&sema, 1));
    rung_sema_release(&sema, 1000000);
    EXPECT_EQ(rung_sema_acquire(&sema, 1000000), 0);
    EXPECT(!rung_sema_try_acquire(&sema, 1));
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
