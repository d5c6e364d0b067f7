/* SPDX-License-Identifier: MIT */
/* An unknown operation is -EINVAL, wherever it stands, and then no case is done. */
#include "common.h"

static int app(void *arg)
{
    (void)arg;
    static const int wrong[] = {0, 3, -1, 1 << 30};
    int item = 5;
    rung_chan *chan = chan_open(sizeof(int), 1);
    for (size_t i = 0; i < LENGTH(wrong); i++)
        for (int place = 0; place < 3; place++) {
            rung_case cases[] = {RUNG_CASE_SEND(chan, &item), RUNG_CASE_SEND(chan, &item),
                                 RUNG_CASE_SEND(NULL, &item)};
            cases[place].operation = (enum rung_operation)wrong[i];
            EXPECT_EQ(rung_select(cases, 3), -EINVAL);
            EXPECT_EQ(rung_try_select(cases, 3), -EINVAL);
            EXPECT_EQ(rung_chan_length(chan), 0);
        }
    rung_chan_free(chan);
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
