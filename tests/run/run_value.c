/* SPDX-License-Identifier: MIT */
/* rung_run gives back what its function gave back, and hands on its argument. */
#include "common.h"

static int app(void *value)
{
    EXPECT_EQ(rung_id(), 1);
    rung_yield();
    return *(int *)value;
}

int main(void)
{
    static const int values[] = {0, 1, -1, 42, -EINVAL, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < LENGTH(values); i++)
        EXPECT_EQ(rung_run(app, (void *)&values[i]), values[i]);
    EXPECT_EQ(rung_id(), 0);
    return 0;
}
