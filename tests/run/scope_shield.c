/* SPDX-License-Identifier: MIT */
/* A shield keeps outer ends away: one may park in it to clean up. Its own deadline and cancel still hold. */
#include "common.h"

static int app(void *arg)
{
    (void)arg;
    rung_scope outer, inner, shield;
    for (int is_deadline = 0; is_deadline < 2; is_deadline++) {
        int error = is_deadline ? -ETIMEDOUT : -ECANCELED;
        rung_scope_open(&outer, is_deadline ? 0 : RUNG_FOREVER);
        rung_shield_open(&shield, RUNG_FOREVER); /* closed round an outer end, before or after it */
        if (!is_deadline)
            rung_scope_cancel(&outer);
        EXPECT_EQ(rung_scope_error(), 0);
        EXPECT_EQ(rung_sleep(MS(2)), 0);
        rung_scope_open(&inner, RUNG_FOREVER);
        EXPECT_EQ(rung_sleep(MS(1)), 0);
        EXPECT_EQ(rung_scope_close(&inner), 0);
        EXPECT_EQ(rung_scope_close(&shield), 0);
        EXPECT_EQ(rung_sleep(1), error);

        rung_shield_open(&shield, MS(3));
        EXPECT_EQ(rung_sleep(RUNG_FOREVER), -ETIMEDOUT);
        EXPECT_EQ(rung_scope_close(&shield), -ETIMEDOUT);
        rung_shield_open(&shield, RUNG_FOREVER);
        rung_scope_cancel(&shield);
        EXPECT_EQ(rung_sleep(RUNG_FOREVER), -ECANCELED);
        EXPECT_EQ(rung_scope_close(&shield), -ECANCELED);
        EXPECT_EQ(rung_scope_close(&outer), error);
    }
    EXPECT_EQ(rung_sleep(1), 0);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
