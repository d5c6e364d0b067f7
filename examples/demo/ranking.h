/* SPDX-License-Identifier: MIT */
/*
 * ranking.h: the most frequent identifiers of a finished count, C's and C++'s keywords left out.
 */
#ifndef DEMO_RANKING_H
#define DEMO_RANKING_H

#include "table.h"

enum { RANKS = 15 };

struct rank {
    uint64_t count;
    const char *name; /* not ended by a zero; belongs to the table */
    size_t length;
};

struct ranking {
    struct rank ranks[RANKS]; /* the most frequent first; equal ones by name */
    int used;
    uint64_t found;     /* all identifiers */
    uint64_t different; /* different ones */
};

void ranking_make(struct ranking *ranking, const struct counts *counts);

#endif
