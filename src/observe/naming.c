/* SPDX-License-Identifier: MIT */
/*
 * naming.c: what is no table goes over as it is. A stack is made of its pcs again (those of inlined frames have a number above
 * the bits of addresses), and takes the same way as in the process that was traced: wire.c asks for each pc once, and trims.
 * A pc that no file is found for keeps the frames that it has.
 */
#include "observe/naming.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/unwind.h"
#include "sched/event.h"
#include "sched/wire.h"

enum { PC_BITS = 48, TABLE_STACKS = 2, TABLE_STRINGS = 4, TEXT_BYTES = TRACE_STRING_MOST + 1, KEPT_MOST = 16 };

struct kept {
    char function[TEXT_BYTES], file[TEXT_BYTES];
};

struct naming {
    struct names *names;
    struct wire *wire;
    uint64_t last_string;
    uint64_t asked, named;
    const struct generation *generation; /* what is written, */
    const struct stack_entry *stack;     /* and of that, */
    struct kept kept[KEPT_MOST];
};

static struct naming *current; /* a symbolizer has no argument */

struct naming *naming_open(const char *directory)
{
    struct naming *naming = calloc(1, sizeof *naming);
    if (naming == NULL)
        return NULL;
    naming->names = names_open(directory);
    if (naming->names == NULL) {
        free(naming);
        return NULL;
    }
    current = naming;
    return naming;
}

int naming_learn(struct naming *naming, const struct generation *generation)
{
    static const char prefix[] = WIRE_MODULE;
    char line[TEXT_BYTES];
    for (size_t i = 0; i < generation->string_count; i++) {
        const struct string_entry *string = &generation->strings[i];
        if (string->id > naming->last_string)
            naming->last_string = string->id;
        if (string->length < sizeof prefix || memcmp(string->text, prefix, sizeof prefix - 1) != 0)
            continue;
        snprintf(line, sizeof line, "%.*s", (int)(string->length - sizeof prefix + 1), string->text + sizeof prefix - 1);
        if (names_add(naming->names, line, generation->number) == -ENOMEM)
            return -ENOMEM;
    }
    return 0;
}

/* ---- frames ---- */

/* The frames that it has in the stack that is written: what is inlined, and at last who has the pc itself. */
static size_t keep_frames(struct naming *naming, uintptr_t pc, rung_frame *frames, size_t capacity)
{
    struct trace_frame found = { .pc = 0 };
    size_t count = 0;
    for (size_t i = 0; found.pc != pc && generation_frame(naming->generation, naming->stack->id, i, &found); i++) {
        if ((found.pc & ((UINT64_C(1) << PC_BITS) - 1)) != pc || count == KEPT_MOST || count == capacity)
            continue;
        struct kept *kept = &naming->kept[count];
        snprintf(kept->function, sizeof kept->function, "%.*s", (int)found.function_length, found.function);
        snprintf(kept->file, sizeof kept->file, "%.*s", (int)found.file_length, found.file);
        frames[count++] = (rung_frame){ kept->function, kept->file, (unsigned)found.line };
    }
    if (count > 0)
        return count;
    names_place(naming->names, pc, frames);
    return 1;
}

static size_t frames_of(uintptr_t call, rung_frame *frames, size_t capacity)
{
    size_t count = names_at(current->names, call, frames, capacity);
    current->asked++;
    current->named += count > 0 && frames[0].file != NULL;
    return count > 0 && frames[0].file != NULL ? count : keep_frames(current, call + 1, frames, capacity);
}

int naming_begin(struct naming *naming, int version, rung_trace_sink *write, void *arg)
{
    if (names_modules(naming->names) == 0)
        return -ENODATA;
    names_find(naming->names);
    naming->wire = wire_open(write, arg, frames_of, version);
    return naming->wire != NULL ? 0 : -ENOMEM;
}

static void write_stack(struct naming *naming, const struct stack_entry *stack)
{
    uint64_t pcs[UNWIND_DEPTH_MAX];
    size_t count = 0;
    struct trace_frame frame;
    naming->stack = stack;
    for (size_t i = 0; count < UNWIND_DEPTH_MAX && generation_frame(naming->generation, stack->id, i, &frame); i++)
        if (frame.pc >> PC_BITS == 0)
            pcs[count++] = frame.pc;
    wire_stack(naming->wire, stack->id, pcs, count);
}

int naming_write(struct naming *naming, struct trace_file *file, const struct generation *generation)
{
    struct batch batch;
    naming->generation = generation;
    if (!names_select(naming->names, generation->number))
        wire_forget(naming->wire);
    size_t at = generation->begin;
    if (trace_next_batch(file, &at, &batch) == 1)
        wire_begin_copy(naming->wire, (uint32_t)generation->number, batch.base, naming->last_string + 1);
    for (at = generation->begin; at < generation->end && trace_next_batch(file, &at, &batch) == 1;)
        if (batch.count == 0 || (batch.payload[0] != TABLE_STACKS && batch.payload[0] != TABLE_STRINGS))
            wire_batch(naming->wire, file->bytes + batch.begin, batch.end - batch.begin);
    for (size_t i = 0; i < generation->string_count; i++)
        wire_string(naming->wire, generation->strings[i].id, generation->strings[i].text, generation->strings[i].length);
    for (size_t i = 0; i < generation->stack_count; i++)
        write_stack(naming, &generation->stacks[i]);
    wire_tables_end(naming->wire);
    wire_flush(naming->wire);
    return wire_error(naming->wire);
}

void naming_counts(const struct naming *naming, uint64_t *asked, uint64_t *named)
{
    *asked = naming->asked;
    *named = naming->named;
}

int naming_close(struct naming *naming, void (*tell)(const char *sentence))
{
    int error = naming->wire != NULL ? wire_close(naming->wire) : 0;
    names_missing(naming->names, tell);
    names_close(naming->names);
    free(naming);
    return error;
}
