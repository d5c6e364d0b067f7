/* SPDX-License-Identifier: MIT */
/*
 * calls.h: what is known of the functions that a file calls, by their names: which do not return, give back the
 * address of a thread-local, may park, or are called before a frame is made.
 */
#ifndef RUNG_CHECK_CALLS_H
#define RUNG_CHECK_CALLS_H

#include "elf/file.h"

enum callee {
    CALLEE_NORETURN = 1,
    CALLEE_THREAD_LOCAL = 2, /* gives back the address of a thread-local */
    CALLEE_PARKS = 4,        /* may go on in another thread */
    CALLEE_EARLY = 8,        /* called before the frame is made, by the compiler: no call of the function's own */
};

/* In a relocatable file callees of other files have no address: as one that parks they are called this. */
#define PARKING_ELSEWHERE UINT64_MAX

struct calls {
    struct callee_at {
        uint64_t address;
        uint32_t what;
    } *known;                /* by address */
    size_t count, room;
    uint64_t filter[64];     /* of addresses: most calls need no search */
    bool has_parking;        /* some callee parks */
};

/* 0 or -ENOMEM. */
int calls_read(struct calls *calls, const struct elf_file *file);
void calls_release(struct calls *calls);
/* Adds what is known of an address; to be sorted by calls_sort before it is looked for. */
int calls_add(struct calls *calls, uint64_t address, uint32_t what);
void calls_sort(struct calls *calls);

/* enum callee's bits, of a name, and of what the call at `address` to `target` reaches. */
uint32_t callee_of_name(const char *name);
uint32_t callee_of(const struct calls *calls, const struct elf_file *file, uint64_t address, uint64_t target);

#endif
