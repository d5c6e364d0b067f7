/* SPDX-License-Identifier: MIT */
/* Calls hand.S. */
#include <stdio.h>

unsigned long hand_framed(unsigned long), hand_leaf(unsigned long), hand_scratch(unsigned long);
unsigned long hand_enter(unsigned long), hand_late(unsigned long), hand_table(unsigned long);

int main(void)
{
    unsigned long sum = hand_framed(1) + hand_leaf(2) + hand_scratch(3) + hand_enter(4) + hand_late(5);
    for (unsigned long i = 0; i < 4; i++)
        sum += hand_table(i);
    return printf("%lu\n", sum) < 0;
}
