/* SPDX-License-Identifier: MIT */
/* Which of lock, try_lock and try_read_lock go together: readers share, a writer shares with nobody. */
#include "common.h"

static int app(void *arg)
{
    (void)arg;
    rung_rwmutex rwmutex = {0};
    rung_rwmutex_lock(&rwmutex);
    EXPECT(!rung_rwmutex_try_lock(&rwmutex));
    EXPECT(!rung_rwmutex_try_read_lock(&rwmutex));
    rung_rwmutex_unlock(&rwmutex);

    EXPECT(rung_rwmutex_try_lock(&rwmutex));
    EXPECT(!rung_rwmutex_try_read_lock(&rwmutex));
    rung_rwmutex_unlock(&rwmutex);

    EXPECT(rung_rwmutex_try_read_lock(&rwmutex));
    EXPECT(rung_rwmutex_try_read_lock(&rwmutex));
    rung_rwmutex_read_lock(&rwmutex);
    EXPECT_EQ(rung_rwmutex_read_lock_scoped(&rwmutex), 0);
    for (int readers = 4; readers > 0; readers--) {
        EXPECT(!rung_rwmutex_try_lock(&rwmutex));
        rung_rwmutex_read_unlock(&rwmutex);
    }
    EXPECT_EQ(rung_rwmutex_lock_scoped(&rwmutex), 0);
    EXPECT(!rung_rwmutex_try_read_lock(&rwmutex));
    rung_rwmutex_unlock(&rwmutex);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
