/* SPDX-License-Identifier: MIT */
/*
 * Goroutines with equal stacks come together in a dump, each number once, and their functions once; also those that different
 * goroutines have made, at the same place.
 */
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

static int of_many_makers(void *arg)
{
    (void)arg;
    EXPECT_EQ(rung_sleep(RUNG_FOREVER), -ECANCELED);
    return 0;
}

static int make_one(void *group)
{
    group_go(group, of_many_makers, NULL);
    return 0;
}

static bool is_merged(const char *dump, const char *function)
{
    int found = count(dump, function);
    return found >= 1 && found <= 5;
}

static int app(void *arg)
{
    (void)arg;
    rung_group group;
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 50; i++)
        group_go(&group, same_stack, NULL);
    for (int i = 0; i < 50; i++)
        group_go(&group, make_one, &group);
    group_go(&group, another_stack, NULL);
    wait_parked("sleep", 100);
    char *dump = dump_text();
    if (!is_merged(dump, "same_stack+") || !is_merged(dump, "of_many_makers+") || count(dump, "another_stack+") < 1) {
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
