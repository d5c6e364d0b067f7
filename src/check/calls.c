/* SPDX-License-Identifier: MIT */
#include "check/calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf/array.h"

struct named {
    const char *name;
    uint32_t what;
};

/*
 * In alphabetical order. Each call of rung's may go on in another thread, since it may have to wait for a processor, but
 * for those listed with 0.
 */
static const struct named names[] = {
    { "_Exit", CALLEE_NORETURN },
    { "_Unwind_Resume", CALLEE_NORETURN },
    { "_Unwind_Resume_or_Rethrow", CALLEE_NORETURN },
    { "_ZSt9terminatev", CALLEE_NORETURN },
    { "___errno_location", CALLEE_THREAD_LOCAL },
    { "__assert", CALLEE_NORETURN },
    { "__assert_fail", CALLEE_NORETURN },
    { "__assert_perror_fail", CALLEE_NORETURN },
    { "__chk_fail", CALLEE_NORETURN },
    { "__cxa_bad_cast", CALLEE_NORETURN },
    { "__cxa_bad_typeid", CALLEE_NORETURN },
    { "__cxa_call_terminate", CALLEE_NORETURN },
    { "__cxa_call_unexpected", CALLEE_NORETURN },
    { "__cxa_rethrow", CALLEE_NORETURN },
    { "__cxa_throw", CALLEE_NORETURN },
    { "__cxa_throw_bad_array_new_length", CALLEE_NORETURN },
    { "__errno_location", CALLEE_THREAD_LOCAL },
    { "__fentry__", CALLEE_EARLY },
    { "__fortify_fail", CALLEE_NORETURN },
    { "__h_errno_location", CALLEE_THREAD_LOCAL },
    { "__libc_fatal", CALLEE_NORETURN },
    { "__longjmp_chk", CALLEE_NORETURN },
    { "__stack_chk_fail", CALLEE_NORETURN },
    { "__tls_get_addr", CALLEE_THREAD_LOCAL },
    { "_exit", CALLEE_NORETURN },
    { "_longjmp", CALLEE_NORETURN },
    { "abort", CALLEE_NORETURN },
    { "err", CALLEE_NORETURN },
    { "errx", CALLEE_NORETURN },
    { "exit", CALLEE_NORETURN },
    { "longjmp", CALLEE_NORETURN },
    { "pthread_exit", CALLEE_NORETURN },
    { "quick_exit", CALLEE_NORETURN },
    { "rung_address_format", 0 },
    { "rung_address_parse", 0 },
    { "rung_backtrace", 0 },
    { "rung_backtrace_context", 0 },
    { "rung_errno_location", CALLEE_THREAD_LOCAL },
    { "rung_function", 0 },
    { "rung_id", 0 },
    { "rung_local_get", 0 },
    { "rung_local_set", 0 },
    { "rung_now", 0 },
    { "rung_symbol", 0 },
    { "siglongjmp", CALLEE_NORETURN },
    { "thrd_exit", CALLEE_NORETURN },
    { "verr", CALLEE_NORETURN },
    { "verrx", CALLEE_NORETURN },
};

static int name_order(const void *key, const void *entry)
{
    return strcmp(key, ((const struct named *)entry)->name);
}

/* Go's own, of which there are many of a kind. */
static uint32_t callee_of_go(const char *name)
{
    static const char *const endings[] = { "panic", "goPanic", "gopanic", "throw", "fatal", "Goexit" };
    if (strncmp(name, "morestack", 9) == 0)
        return CALLEE_EARLY;
    for (size_t i = 0; i < array_length(endings); i++)
        if (strncmp(name, endings[i], strlen(endings[i])) == 0)
            return CALLEE_NORETURN;
    return 0;
}

uint32_t callee_of_name(const char *name)
{
    /* Few names begin as these do: most are told by their first letter. */
    static const char first_letters[] = "_aelpqrstv";
    if (name == NULL || name[0] == '\0' || strchr(first_letters, name[0]) == NULL)
        return 0;
    if (strncmp(name, "runtime.", 8) == 0)
        return callee_of_go(name + 8);
    const struct named *found = bsearch(name, names, array_length(names), sizeof names[0], name_order);
    if (found != NULL)
        return found->what;
    return strncmp(name, "rung_", 5) == 0 ? CALLEE_PARKS : 0;
}

static unsigned filter_bit(uint64_t address)
{
    return (uint32_t)(address * 0x9e3779b97f4a7c15ull >> 52);
}

int calls_add(struct calls *calls, uint64_t address, uint32_t what)
{
    if (!array_reserve(&calls->known, &calls->room, calls->count + 1, sizeof *calls->known))
        return -ENOMEM;
    calls->known[calls->count++] = (struct callee_at){ address, what };
    calls->filter[filter_bit(address) / 64] |= 1ull << filter_bit(address) % 64;
    calls->has_parking |= (what & CALLEE_PARKS) != 0;
    return 0;
}

void calls_sort(struct calls *calls)
{
    if (calls->count == 0)
        return;
    array_sort(calls->known, calls->count, sizeof *calls->known);
    size_t kept = 0;
    for (size_t i = 1; i < calls->count; i++)
        if (calls->known[i].address == calls->known[kept].address)
            calls->known[kept].what |= calls->known[i].what;
        else
            calls->known[++kept] = calls->known[i];
    calls->count = kept + 1;
}

int calls_read(struct calls *calls, const struct elf_file *file)
{
    int error = 0;
    memset(calls, 0, sizeof *calls);
    for (size_t i = 0; error == 0 && i < file->function_count; i++) {
        uint32_t what = callee_of_name(file->functions[i].name);
        error = what != 0 ? calls_add(calls, file->functions[i].start, what) : 0;
    }
    for (size_t i = 0; error == 0 && i < file->import_count; i++) {
        uint32_t what = callee_of_name(file->imports[i].name);
        error = what != 0 ? calls_add(calls, file->imports[i].address, what) : 0;
    }
    for (size_t i = 0; error == 0 && !calls->has_parking && i < file->relocations.count; i++)
        if (callee_of_name(file->relocations.items[i].name) & CALLEE_PARKS)
            error = calls_add(calls, PARKING_ELSEWHERE, CALLEE_PARKS);
    calls_sort(calls);
    return error;
}

void calls_release(struct calls *calls)
{
    free(calls->known);
    calls->known = NULL;
    calls->count = calls->room = 0;
}

uint32_t callee_of(const struct calls *calls, const struct elf_file *file, uint64_t address, uint64_t target)
{
    if (file->relocations.count > 0) {
        const struct elf_relocation *relocation = elf_relocation_in(file, address, address + 16);
        if (relocation != NULL && relocation->name != NULL && relocation->target == 0)
            return callee_of_name(relocation->name);
        if (relocation != NULL && relocation->target != 0)
            target = relocation->target;
    }
    unsigned bit = filter_bit(target);
    if (likely(!(calls->filter[bit / 64] >> bit % 64 & 1)))
        return 0;
    const struct callee_at *found = array_find(calls->known, calls->count, sizeof *found, target);
    return found != NULL ? found->what : 0;
}
