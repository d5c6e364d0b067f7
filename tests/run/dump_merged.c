/* SPDX-License-Identifier: MIT */
/* Goroutines with equal stacks come together in a dump, each number once, and their functions once. */
#include "common.h"

static int same_stack(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_sleep(RUNG_FOREVER), -ECANCELED);
    return 0;
}

static int another_stack(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_recv(NULL, NULL), -ECANCELED);
    return 0;
}

static int count(const char *text, const char *word)
{
    int found = 0;
    while ((text = strstr(text, word)) != NULL)
        text += strlen(word), found++;
    return found;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 50; i++)
        group_go(&group, same_stack, NULL);
    group_go(&group, another_stack, NULL);
    wait_parked("sleep", 50);
    char *dump = dump_text();
    if (count(dump, "same_stack+") < 1 || count(dump, "same_stack+") > 5 || count(dump, "another_stack+") < 1) {
        fputs(dump, stderr);
        test_fail(__FILE__, __LINE__, "not merged");
    }
    free(dump);
    rung_group_cancel(&group);
    EXPECT_EQ(rung_group_wait(&group), -ECANCELED);
    return 0;
}

int main(void)
{
    run_on(2, app, NULL);
    return 0;
}
