/* SPDX-License-Identifier: MIT */
/* The options of rung_go_with: a name in dumps (at most 23 bytes), a group, a copy, NULL for none. */
#include "common.h"

static int parks(void *arg)
{
    if (arg != NULL)
        EXPECT_EQ(memcmp(arg, "copied", 7), 0);
    EXPECT_EQ(rung_recv(NULL, NULL), -ECANCELED);
    return 0;
}

static int app(void *arg)
{
    (void)arg;
    char name[] = "short name", copy[] = "copied";
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    rung_go_options options = {.name = name, .group = &group};
    EXPECT_EQ(rung_go_with(&options, parks, NULL), 0);
    memset(name, '#', sizeof name - 1); /* it was copied */
    options.name = "a_name_of_23_bytes_long_and_then_some";
    EXPECT_EQ(rung_go_with(&options, parks, NULL), 0);
    options = (rung_go_options){.group = &group, .copy = copy, .copy_size = sizeof copy};
    EXPECT_EQ(rung_go_with(&options, parks, NULL), 0);
    memset(copy, '#', sizeof copy);
    EXPECT_EQ(rung_go_with(NULL, parks, NULL), 0); /* in the root scope */
    options = (rung_go_options){0};
    EXPECT_EQ(rung_go_with(&options, parks, NULL), 0);

    wait_parked("forever", 5);
    char *dump = dump_text();
    EXPECT(strstr(dump, "short name") != NULL);
    EXPECT(strstr(dump, "a_name_of_23_bytes_long") != NULL);
    EXPECT(strstr(dump, "a_name_of_23_bytes_long_") == NULL);
    EXPECT(strstr(dump, "parks") != NULL);
    free(dump);

    options = (rung_go_options){.copy = copy, .copy_size = 4097};
    EXPECT_EQ(rung_go_with(&options, parks, NULL), -E2BIG);
    EXPECT_EQ(rung_go_with(&options, NULL, NULL), -EINVAL);
    EXPECT_EQ(rung_go_with(NULL, NULL, NULL), -EINVAL);
    EXPECT_EQ(rung_go(NULL, NULL), -EINVAL);
    EXPECT_EQ(rung_go_copy(NULL, copy, 1), -EINVAL);
    rung_group_cancel(&group);
    EXPECT_EQ(rung_group_wait(&group), -ECANCELED); /* three of the five */
    return 0;
}

int main(void)
{
    return rung_run(app, NULL) != 0;
}
