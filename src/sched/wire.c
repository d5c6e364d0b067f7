/* SPDX-License-Identifier: MIT */
/*
 * wire.c: batches, strings and stacks in the bytes of Go's trace format v2.
 *
 * Events come from event.c in that form already. Stacks come as return addresses, and are made into frames here: each pc
 * is asked for once in the whole file, and keeps its frames, since viewers take a pc for the name of a frame; but where
 * something is unloaded other code may lie there later (wire_forget). A frame that was inlined gets a pc of its own: that of the
 * call, with a number above the bits that addresses use.
 *
 * A stack is shown from the API's call to the function that the goroutine began with: what lies within the library at
 * either end is left out (trim).
 *
 * Numbers of strings are given once for the file; each generation has its own table of those that it uses.
 */
#include "sched/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/object.h"
#include "machine/unwind.h"
#include "sched/event.h"

enum {
    BATCH_MOST = 65536,
    EVENT_MOST = 64,
    INLINED_MOST = 16,
    EXPANDED_MOST = UNWIND_DEPTH_MAX * 2, /* frames before they are trimmed */
    FIRST_NAME = 1 << 20, /* numbers of strings: below are event.c's */
    FIRST_SAMPLE = 1 << 20, /* the same of stacks */
    INLINED_SHIFT = 48,
};

enum {
    EV_BATCH = 1,
    EV_STACKS,
    EV_STACK,
    EV_STRINGS,
    EV_STRING,
    EV_SAMPLES,
    EV_SAMPLE,
    EV_FREQUENCY = 8,
    EV_PROC_STOP = 11,
    EV_PROC_STATUS = 13,
    EV_GO_CREATE,
    EV_GO_START = 16,
    EV_GO_DESTROY,
    EV_LOG = 44,
    EV_SYNC = 50,
    EV_CLOCK,
};

struct name {
    char *text;
    size_t bytes;
    uint32_t generation; /* in whose table it stands */
};

struct frame {
    uint64_t pc;
    uint32_t function, file, line; /* the first two: of names */
};

/* What lies at a pc: its frames, inlined ones first. */
struct place {
    uintptr_t pc;
    uint32_t first, count; /* of frames */
};

/* A growing array. */
struct array {
    void *items;
    size_t count, capacity;
};

/* A batch on its way: the kind, and what is of that kind. */
struct draft {
    size_t used;
    uint8_t bytes[BATCH_MOST];
};

struct wire {
    rung_trace_sink *write;
    void *arg;
    rung_symbolizer *symbolize;
    int version, error;
    bool has_begun;
    uint64_t first_name;        /* number of the first one's string */
    struct trace_generation generation;
    struct array names, frames; /* struct name, struct frame */
    struct place *places;       /* a hash table by pc */
    uint32_t *name_slots;       /* one by text: of names, plus 1 */
    size_t place_count, place_slots, name_slot_count;
    uint64_t samples_written;   /* in this generation */
    struct draft strings, stacks, samples;
    size_t out_used;
    uint8_t out[BATCH_MOST];    /* what is yet to be written */
};

/* ---- bytes ---- */

void wire_flush(struct wire *wire)
{
    if (wire->error == 0 && wire->out_used > 0)
        wire->error = wire->write(wire->arg, wire->out, wire->out_used);
    wire->out_used = 0;
}

static void write_bytes(struct wire *wire, const void *bytes, size_t count)
{
    if (wire->out_used + count > sizeof wire->out)
        wire_flush(wire);
    memcpy(wire->out + wire->out_used, bytes, count);
    wire->out_used += count;
}

size_t put_varint(uint8_t *at, uint64_t value)
{
    size_t count = 0;
    while (value >= 0x80) {
        at[count++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    at[count++] = (uint8_t)value;
    return count;
}

static void write_batch(struct wire *wire, uint64_t thread, uint64_t base, const uint8_t *payload, size_t count)
{
    uint8_t head[64];
    size_t used = 0;
    head[used++] = EV_BATCH;
    used += put_varint(head + used, wire->generation.number);
    used += put_varint(head + used, thread);
    used += put_varint(head + used, base);
    used += put_varint(head + used, count);
    write_bytes(wire, head, used);
    write_bytes(wire, payload, count);
}

/* Where so many more bytes go. */
static uint8_t *draft_room(struct wire *wire, struct draft *draft, size_t bytes)
{
    if (draft->used + bytes > BATCH_MOST) {
        write_batch(wire, UINT64_MAX, wire->generation.begin, draft->bytes, draft->used);
        draft->used = 1;
    }
    return draft->bytes + draft->used;
}

static void draft_begin(struct draft *draft, uint8_t kind)
{
    draft->bytes[0] = kind;
    draft->used = 1;
}

static void draft_end(struct wire *wire, struct draft *draft)
{
    if (draft->used > 1)
        write_batch(wire, UINT64_MAX, wire->generation.begin, draft->bytes, draft->used);
    draft->used = 1;
}

static void *array_add(struct wire *wire, struct array *array, size_t item)
{
    if (array->count == array->capacity) {
        size_t capacity = array->capacity != 0 ? 2 * array->capacity : 256;
        void *items = realloc(array->items, capacity * item);
        if (items == NULL) {
            wire->error = -ENOMEM;
            return NULL;
        }
        array->items = items;
        array->capacity = capacity;
    }
    return (char *)array->items + array->count++ * item;
}

/* ---- strings ---- */

static void put_string(struct wire *wire, uint64_t id, const char *text, size_t bytes)
{
    uint8_t *at = draft_room(wire, &wire->strings, bytes + 32);
    *at++ = EV_STRING;
    at += put_varint(at, id);
    at += put_varint(at, bytes);
    memcpy(at, text, bytes);
    wire->strings.used = (size_t)(at - wire->strings.bytes) + bytes;
}

static uint64_t hash_bytes(const char *text, size_t bytes)
{
    uint64_t hash = bytes;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 29;
}

static bool grow_name_slots(struct wire *wire)
{
    size_t count = wire->name_slot_count != 0 ? 2 * wire->name_slot_count : 1024;
    uint32_t *slots = calloc(count, sizeof *slots);
    const struct name *names = wire->names.items;
    if (slots == NULL) {
        wire->error = -ENOMEM;
        return false;
    }
    for (uint32_t i = 0; i < wire->names.count; i++) {
        uint64_t slot = hash_bytes(names[i].text, names[i].bytes);
        while (slots[slot % count] != 0)
            slot++;
        slots[slot % count] = i + 1;
    }
    free(wire->name_slots);
    wire->name_slots = slots;
    wire->name_slot_count = count;
    return true;
}

/* The number of this text among the names, for the whole file; the first's without memory. */
static uint32_t name_of(struct wire *wire, const char *text)
{
    size_t bytes = strnlen(text, TRACE_STRING_MOST);
    if (2 * wire->names.count >= wire->name_slot_count && !grow_name_slots(wire))
        return 0;
    uint64_t slot = hash_bytes(text, bytes);
    const struct name *names = wire->names.items;
    for (uint32_t number; (number = wire->name_slots[slot % wire->name_slot_count]) != 0; slot++)
        if (names[number - 1].bytes == bytes && memcmp(names[number - 1].text, text, bytes) == 0)
            return number - 1;
    char *copy = malloc(bytes + 1);
    struct name *name = copy != NULL ? array_add(wire, &wire->names, sizeof *name) : NULL;
    if (name == NULL) {
        free(copy);
        wire->error = -ENOMEM;
        return 0;
    }
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    *name = (struct name){ .text = copy, .bytes = bytes };
    wire->name_slots[slot % wire->name_slot_count] = (uint32_t)wire->names.count;
    return (uint32_t)wire->names.count - 1;
}

static const char *text_of(const struct wire *wire, uint32_t name)
{
    return ((const struct name *)wire->names.items)[name].text;
}

/* The number that stands for it in this generation's table. */
static uint64_t use_name(struct wire *wire, uint32_t number)
{
    struct name *name = &((struct name *)wire->names.items)[number];
    if (name->generation != wire->generation.number) {
        name->generation = wire->generation.number;
        put_string(wire, wire->first_name + number, name->text, name->bytes);
    }
    return wire->first_name + number;
}

/* ---- places ---- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* By symbol tables; where they know nothing, by the object's name and the offset in it. */
static size_t ask_symbols(uintptr_t pc, rung_frame *frame, char text[256])
{
    struct object_place place;
    if (!object_symbol(pc, &place)) {
        snprintf(text, 256, "[0x%llx]", (unsigned long long)pc);
        *frame = (rung_frame){ text, "[unknown]", 1 };
        return 1;
    }
    const char *object = place.object != NULL && place.object[0] != '\0' ? place.object : "[program]";
    if (place.function == NULL)
        snprintf(text, 256, "[%s+0x%llx]", base_name(object), (unsigned long long)place.object_offset);
    *frame = (rung_frame){ place.function != NULL ? place.function : text, object, 1 };
    return 1;
}

static void place_fill(struct wire *wire, struct place *place)
{
    rung_frame found[INLINED_MOST];
    char text[256];
    uintptr_t call = place->pc - 1;
    size_t count = wire->symbolize != NULL ? wire->symbolize(call, found, INLINED_MOST) : 0;
    if (count == 0)
        count = ask_symbols(call, found, text);
    count = count < INLINED_MOST ? count : INLINED_MOST; /* it may be the user's symbolizer */
    place->first = (uint32_t)wire->frames.count;
    for (size_t i = 0; i < count; i++) {
        struct frame frame = { .pc = place->pc | (uint64_t)(count - 1 - i) << INLINED_SHIFT };
        frame.function = name_of(wire, found[i].function != NULL ? found[i].function : "[unknown]");
        frame.file = name_of(wire, found[i].file != NULL ? found[i].file : "[unknown]");
        frame.line = found[i].line != 0 ? found[i].line : 1;
        struct frame *kept = array_add(wire, &wire->frames, sizeof *kept);
        if (kept == NULL)
            return;
        *kept = frame;
        place->count++;
    }
}

static struct place *place_slot(struct place *places, size_t slots, uintptr_t pc)
{
    uint64_t slot = pc * UINT64_C(0x9e3779b97f4a7c15) >> 20;
    while (places[slot % slots].pc != 0 && places[slot % slots].pc != pc)
        slot++;
    return &places[slot % slots];
}

static bool grow_places(struct wire *wire)
{
    size_t slots = wire->place_slots != 0 ? 2 * wire->place_slots : 1024;
    struct place *places = calloc(slots, sizeof *places);
    if (places == NULL) {
        wire->error = -ENOMEM;
        return false;
    }
    for (size_t i = 0; i < wire->place_slots; i++)
        if (wire->places[i].pc != 0)
            *place_slot(places, slots, wire->places[i].pc) = wire->places[i];
    free(wire->places);
    wire->places = places;
    wire->place_slots = slots;
    return true;
}

/* The frames of what lies at a return address; none without memory. */
static const struct frame *frames_at(struct wire *wire, uintptr_t pc, size_t *count)
{
    *count = 0;
    if (pc == 0 || (2 * wire->place_count >= wire->place_slots && !grow_places(wire)))
        return NULL;
    struct place *place = place_slot(wire->places, wire->place_slots, pc);
    if (place->pc == 0) {
        place->pc = pc;
        wire->place_count++;
        place_fill(wire, place);
    }
    *count = place->count;
    return (const struct frame *)wire->frames.items + place->first;
}

/* ---- stacks ---- */

static bool is_api(const char *function)
{
    return strncmp(function, "rung_", 5) == 0 && strncmp(function, "rung_goroutine_", 15) != 0;
}

/* Whether it lies below what a goroutine begins with. */
static bool is_root(const char *function)
{
    return strncmp(function, "rung_goroutine_", 15) == 0 || strcmp(function, "main_goroutine") == 0;
}

static void trim_root(const struct wire *wire, const struct frame *frames, size_t *end)
{
    while (*end > 1 && is_root(text_of(wire, frames[*end - 1].function)))
        (*end)--;
}

/* The one call of the API that calls the user's code on its own stack. */
static bool calls_back(const char *function)
{
    static const char name[] = "rung_once_do";
    return strncmp(function, name, sizeof name - 1) == 0;
}

/* Leaves out what is the library's own: it calls its own API, too, so the last of these is the user's call. */
static void trim_leaf(const struct wire *wire, const struct frame *frames, size_t *first, size_t end)
{
    for (size_t i = 0; i < end; i++) {
        const char *function = text_of(wire, frames[i].function);
        if (calls_back(function))
            return;
        if (is_api(function))
            *first = i;
    }
}

void wire_stack(struct wire *wire, uint64_t id, const uint64_t *pcs, size_t pc_count)
{
    struct frame frames[EXPANDED_MOST];
    size_t end = 0, first = 0;
    for (size_t i = 0; i < pc_count; i++) {
        size_t count;
        const struct frame *found = frames_at(wire, (uintptr_t)pcs[i], &count);
        for (size_t k = 0; k < count && end < EXPANDED_MOST; k++)
            frames[end++] = found[k];
    }
    trim_root(wire, frames, &end);
    if (id < FIRST_SAMPLE) /* of a sample it matters where in the library that is */
        trim_leaf(wire, frames, &first, end);
    if (end - first > UNWIND_DEPTH_MAX)
        end = first + UNWIND_DEPTH_MAX;
    uint8_t *at = draft_room(wire, &wire->stacks, 32 + (end - first) * 40);
    *at++ = EV_STACK;
    at += put_varint(at, id);
    at += put_varint(at, end - first);
    for (size_t i = first; i < end; i++) {
        at += put_varint(at, frames[i].pc);
        at += put_varint(at, use_name(wire, frames[i].function));
        at += put_varint(at, use_name(wire, frames[i].file));
        at += put_varint(at, frames[i].line);
    }
    wire->stacks.used = (size_t)(at - wire->stacks.bytes);
}

/* ---- generations ---- */

static void write_sync(struct wire *wire)
{
    const struct trace_generation *generation = &wire->generation;
    uint8_t payload[64];
    size_t used = 0;
    if (wire->version >= 25)
        payload[used++] = EV_SYNC;
    payload[used++] = EV_FREQUENCY;
    used += put_varint(payload + used, UINT64_C(1000000000) >> TRACE_TICK_SHIFT);
    if (wire->version >= 25) {
        payload[used++] = EV_CLOCK;
        used += put_varint(payload + used, 0);
        used += put_varint(payload + used, (uint64_t)generation->mono_ns);
        used += put_varint(payload + used, (uint64_t)generation->wall_s);
        used += put_varint(payload + used, (uint64_t)generation->wall_ns);
    }
    write_batch(wire, UINT64_MAX, generation->begin, payload, used);
}

static void write_head(struct wire *wire)
{
    char head[16] = { 0 };
    if (wire->has_begun)
        return;
    snprintf(head, sizeof head, "go 1.%d trace", wire->version);
    write_bytes(wire, head, sizeof head);
    wire->has_begun = true;
}

static void begin_tables(struct wire *wire)
{
    draft_begin(&wire->strings, EV_STRINGS);
    draft_begin(&wire->stacks, EV_STACKS);
    draft_begin(&wire->samples, EV_SAMPLES);
    wire->samples_written = 0;
}

void wire_begin(struct wire *wire, const struct trace_generation *generation)
{
    wire->generation = *generation;
    write_head(wire);
    write_sync(wire);
    begin_tables(wire);
    for (uint32_t i = 1; i < TRACE_FIXED_STRINGS; i++)
        if (trace_fixed_strings[i] != NULL)
            put_string(wire, i, trace_fixed_strings[i], strlen(trace_fixed_strings[i]));
}

/* The record there, and *at behind it; NULL at the end. */
static const struct trace_record *next_record(const struct trace_buffer *buffer, size_t *at)
{
    const struct trace_record *record = (const struct trace_record *)(buffer->bytes + *at);
    if (*at + sizeof *record > buffer->used)
        return NULL;
    size_t bytes = record->kind == TRACE_STRING ? record->count : record->count * sizeof record->words[0];
    *at += sizeof *record + round_up(bytes, (size_t)8);
    return *at <= buffer->used ? record : NULL;
}

void wire_table(struct wire *wire, const struct trace_buffer *buffer)
{
    const struct trace_record *record;
    for (size_t at = 0; (record = next_record(buffer, &at)) != NULL;) {
        if (record->kind == TRACE_STRING)
            put_string(wire, record->id + TRACE_FIXED_STRINGS, (const char *)record->words, record->count);
        else
            wire_stack(wire, record->id, record->words, record->count);
    }
}

void wire_samples(struct wire *wire, const struct trace_buffer *buffer)
{
    const struct trace_record *record;
    for (size_t next = 0; (record = next_record(buffer, &next)) != NULL && record->count > 0;) {
        uint64_t stack = FIRST_SAMPLE + wire->samples_written++;
        wire_stack(wire, stack, record->words + 1, record->count - 1);
        uint8_t *at = draft_room(wire, &wire->samples, EVENT_MOST);
        *at++ = EV_SAMPLE;
        at += put_varint(at, record->hash);
        at += put_varint(at, buffer->thread);
        at += put_varint(at, record->id != TRACE_NO_PROC ? record->id : UINT64_MAX);
        at += put_varint(at, record->words[0]);
        at += put_varint(at, stack);
        wire->samples.used = (size_t)(at - wire->samples.bytes);
    }
}

void wire_tables_end(struct wire *wire)
{
    draft_end(wire, &wire->stacks);
    draft_end(wire, &wire->strings);
    draft_end(wire, &wire->samples);
}

void wire_modules(struct wire *wire, const char *text)
{
    char line[TRACE_STRING_MOST + 1];
    while (*text != '\0') {
        size_t bytes = strcspn(text, "\n");
        snprintf(line, sizeof line, WIRE_MODULE "%.*s", (int)bytes, text);
        (void)use_name(wire, name_of(wire, line));
        text += bytes + (text[bytes] != '\0');
    }
}

void wire_begin_copy(struct wire *wire, uint32_t number, uint64_t begin, uint64_t first_free)
{
    wire->generation = (struct trace_generation){ .number = number, .begin = begin };
    wire->first_name = first_free;
    write_head(wire);
    begin_tables(wire);
}

void wire_batch(struct wire *wire, const void *bytes, size_t count)
{
    wire_flush(wire); /* another's may be larger than what is kept back here */
    if (wire->error == 0)
        wire->error = wire->write(wire->arg, bytes, count);
}

void wire_string(struct wire *wire, uint64_t id, const char *text, size_t bytes)
{
    put_string(wire, id, text, bytes < TRACE_STRING_MOST ? bytes : TRACE_STRING_MOST);
}

void wire_events(struct wire *wire, const struct trace_buffer *buffer)
{
    uint64_t thread = buffer->thread != TRACE_NO_THREAD ? buffer->thread : UINT64_MAX;
    write_batch(wire, thread, buffer->base, buffer->bytes, buffer->used);
}

/* A goroutine made for that alone writes the line, on a processor and a thread that nobody else has. */
void wire_note(struct wire *wire, const struct trace_generation *generation, const char *text)
{
    enum { PROC = 1000, THREAD = 1 };
    static const uint64_t goroutine = UINT64_C(1) << 40;
    uint8_t events[128];
    size_t used = 0;
    wire_begin(wire, generation);
    uint64_t category = use_name(wire, name_of(wire, "rung")), line = use_name(wire, name_of(wire, text));
    wire_tables_end(wire);
    const uint64_t story[] = { EV_PROC_STATUS, 0, PROC, 1, EV_GO_CREATE, 0, goroutine, 0, 0, EV_GO_START, 0, goroutine, 1,
                               EV_LOG, 0, 0, category, line, 0, EV_GO_DESTROY, 0, EV_PROC_STOP, 0 };
    for (size_t i = 0; i < array_length(story); i++)
        used += put_varint(events + used, story[i]);
    write_batch(wire, THREAD, generation->begin, events, used);
    wire_flush(wire);
}

struct wire *wire_open(rung_trace_sink *write, void *arg, rung_symbolizer *symbolize, int version)
{
    struct wire *wire = calloc(1, sizeof *wire);
    if (wire == NULL)
        return NULL;
    wire->write = write;
    wire->arg = arg;
    wire->symbolize = symbolize;
    wire->version = version;
    wire->first_name = FIRST_NAME;
    (void)name_of(wire, "[unknown]"); /* number 0, which stands for those that there is no memory for */
    if (wire->error != 0) {
        wire_close(wire);
        return NULL;
    }
    return wire;
}

void wire_restart(struct wire *wire, rung_trace_sink *write, void *arg, int version)
{
    struct name *names = wire->names.items;
    for (size_t i = 0; i < wire->names.count; i++)
        names[i].generation = 0;
    wire->write = write;
    wire->arg = arg;
    wire->version = version;
    wire->error = 0;
    wire->has_begun = false;
    wire->out_used = 0;
}

void wire_forget(struct wire *wire)
{
    free(wire->places);
    wire->places = NULL;
    wire->place_count = wire->place_slots = 0;
    wire->frames.count = 0;
}

void wire_learn(struct wire *wire, const struct trace_buffer *buffer)
{
    const struct trace_record *record;
    for (size_t at = 0; (record = next_record(buffer, &at)) != NULL;) {
        size_t count;
        for (size_t i = record->kind == TRACE_SAMPLE; record->kind != TRACE_STRING && i < record->count; i++)
            (void)frames_at(wire, (uintptr_t)record->words[i], &count);
    }
}

bool wire_is_empty(const struct wire *wire)
{
    return !wire->has_begun;
}

int wire_error(const struct wire *wire)
{
    return wire->error;
}

int wire_close(struct wire *wire)
{
    if (wire->write != NULL)
        write_head(wire); /* of nothing, if nothing came */
    wire_flush(wire);
    int error = wire->error;
    struct name *names = wire->names.items;
    for (size_t i = 0; i < wire->names.count; i++)
        free(names[i].text);
    free(wire->names.items);
    free(wire->frames.items);
    free(wire->places);
    free(wire->name_slots);
    free(wire);
    return error;
}
