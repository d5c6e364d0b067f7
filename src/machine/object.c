/* SPDX-License-Identifier: MIT */
/*
 * object.c: the table of loaded objects.
 *
 * How it works. dl_iterate_phdr lists what is loaded; its counters tell whether that changed. An
 * object is two things here: a record (name, rules, symbols), made when it is first met,
 * position-independent and kept for ever; and a slot {start, end, bias, record} in the table of
 * what is loaded now, sorted by address. All reading of an object's memory happens inside the
 * callback, where the loader's lock keeps it loaded, or is left to the kernel (rule_of_code).
 *
 * Publishing (no lock, no waiting, also inside a handler that interrupted the refresh itself):
 *   refresh: 1. fill the buffer that is not shown   2. release generation + 1: it is shown
 *   reader:  1. acquire generation   2. search its buffer   3. generation unchanged, or again
 * A buffer is filled only after the other one has been shown, so a reader that sees its generation
 * unchanged has read a buffer that nobody was filling. Records never move and never go, so what it
 * found stays valid.
 *
 * A library that is unloaded and loaded again finds its record (same file name, same headers, same
 * build id), so that dlopen in a loop costs nothing after the first. A process that loads
 * thousands of different libraries fills OBJECTS_MAX; later ones have no rules, and walks step
 * through them by frame pointer.
 */
#define _GNU_SOURCE
#include "machine/object.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>

#include "base/atomic.h"
#include "base/lock.h"
#include "base/os.h"
#include "base/text.h"
#include "machine/cfi.h"
#include "machine/registers.h"
#include "machine/symbol.h"
#include "rung_debug.h"

enum {
    OBJECTS_MAX = 4096, SEGMENTS_MAX = 32, NAME_BYTES = 256, NOTES_BYTES = 512, SEARCHES_MAX = 4
};

struct object {
    char name[NAME_BYTES];
    uint64_t identity;    /* of its program headers and notes, the build id among them */
    uintptr_t text_start; /* as in the file */
    struct cfi_table cfi;
    struct symbol_table symbols;
};

struct slot {
    uintptr_t start, end; /* of the text, loaded */
    uintptr_t bias;
    const struct object *object;
};

static union lock refresh_lock; /* for milliseconds by a first refresh, never by a handler */
static struct object objects[OBJECTS_MAX]; /* under refresh_lock; immutable once in a slot */
static size_t object_count; /* under refresh_lock */
static unsigned long long seen_adds, seen_subs; /* under refresh_lock */

/* atomic: release in object_refresh pairs with acquire in readers; shows buffers[generation % 2] */
static uint32_t generation;
static struct buffer {
    size_t count;
    struct slot slots[OBJECTS_MAX];
} buffers[2]; /* under refresh_lock the one not shown; read racily and then checked */

/* ---- what an object is made of ---- */

/* One object as the callback sees it. */
struct sight {
    const struct dl_phdr_info *info;
    struct cfi_span readable[SEGMENTS_MAX]; /* loaded */
    size_t readable_count;
    struct cfi_span text, header; /* loaded; header is .eh_frame_hdr */
};

#define HASH_START UINT64_C(0xcbf29ce484222325) /* FNV-1a */

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ at[i]) * 0x100000001b3u;
    return hash;
}

/* Whether [start, end) lies in one loaded, readable segment. */
static bool is_readable(const struct sight *sight, uintptr_t start, uintptr_t end)
{
    for (size_t i = 0; i < sight->readable_count; i++) {
        if (start >= sight->readable[i].start && end <= sight->readable[i].end && start <= end)
            return true;
    }
    return false;
}

static void see_segment(struct sight *sight, const ElfW(Phdr) *segment)
{
    uintptr_t start = sight->info->dlpi_addr + segment->p_vaddr;
    /*
     * What lies beyond the file's part is zeros, or a hole in a library that is larger than its
     * file.
     */
    struct cfi_span span = { start, start + segment->p_filesz };
    if (span.end < span.start)
        return;
    if (segment->p_type == PT_GNU_EH_FRAME)
        sight->header = span;
    if (segment->p_type != PT_LOAD)
        return;
    if ((segment->p_flags & PF_R) != 0 && sight->readable_count < SEGMENTS_MAX)
        sight->readable[sight->readable_count++] = span;
    if ((segment->p_flags & PF_X) == 0)
        return;
    if (sight->text.end == 0 || span.start < sight->text.start)
        sight->text.start = span.start;
    if (span.end > sight->text.end)
        sight->text.end = span.end;
}

static void see(struct sight *sight, const struct dl_phdr_info *info)
{
    *sight = (struct sight){ .info = info };
    for (size_t i = 0; i < info->dlpi_phnum; i++)
        see_segment(sight, &info->dlpi_phdr[i]);
}

static uint64_t identity_in_memory(const struct sight *sight)
{
    const struct dl_phdr_info *info = sight->info;
    uint64_t hash = hash_bytes(HASH_START, info->dlpi_phdr, info->dlpi_phnum * sizeof(ElfW(Phdr)));
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_NOTE && segment->p_filesz <= NOTES_BYTES &&
            is_readable(sight, start, start + segment->p_filesz))
            hash = hash_bytes(hash, (const void *)start, segment->p_filesz);
    }
    return hash;
}

/* The same of the file, to know that it is still the one that was loaded. */
static uint64_t identity_in_file(const struct sight *sight, const struct symbol_file *file)
{
    const struct dl_phdr_info *info = sight->info;
    Elf64_Ehdr header;
    uint64_t hash = HASH_START;
    if (!symbol_file_read(file, 0, &header, sizeof header) || header.e_phnum != info->dlpi_phnum)
        return 0;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        ElfW(Phdr) segment;
        if (!symbol_file_read(file, header.e_phoff + i * sizeof segment, &segment, sizeof segment))
            return 0;
        hash = hash_bytes(hash, &segment, sizeof segment);
    }
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        uint8_t notes[NOTES_BYTES];
        if (segment->p_type != PT_NOTE || segment->p_filesz > NOTES_BYTES ||
            !is_readable(sight, start, start + segment->p_filesz))
            continue;
        if (!symbol_file_read(file, segment->p_offset, notes, segment->p_filesz))
            return 0;
        hash = hash_bytes(hash, notes, segment->p_filesz);
    }
    return hash;
}

/* ---- making a record ---- */

static void read_symbols(const struct sight *sight, struct object *object)
{
    uintptr_t bias = sight->info->dlpi_addr;
    uintptr_t start = object->text_start, end = sight->text.end - bias;
    uintptr_t vdso = os_start_value(AT_SYSINFO_EHDR);
    bool is_vdso = vdso != 0 && sight->readable_count > 0 && sight->readable[0].start == vdso;
    if (is_vdso) {
        /* Its section headers lie behind the segment, on the same page. */
        size_t bytes = round_up(sight->readable[0].end - vdso, (size_t)PAGE);
        struct symbol_file image = { -1, (const uint8_t *)vdso, bytes };
        symbol_table_build(&image, start, end, &object->symbols);
        return;
    }
    bool is_program = sight->info->dlpi_name[0] == '\0';
    const char *path = is_program ? "/proc/self/exe" : sight->info->dlpi_name;
    struct symbol_file file = { os_open_read(path), NULL, 0 };
    if (file.fd < 0)
        return;
    if (identity_in_file(sight, &file) == object->identity)
        symbol_table_build(&file, start, end, &object->symbols);
    os_close(file.fd);
}

static const char *sight_name(const struct sight *sight)
{
    if (sight->info->dlpi_name[0] != '\0')
        return sight->info->dlpi_name;
    const char *program = (const char *)os_start_value(AT_EXECFN);
    return program != NULL ? program : "program";
}

/*
 * The record of what is seen: an old one, or a new one with its tables; NULL when there is no
 * room.
 */
static struct object *object_of(const struct sight *sight)
{
    uint64_t identity = identity_in_memory(sight);
    const char *name = sight_name(sight);
    for (size_t i = 0; i < object_count; i++) {
        if (objects[i].identity == identity && strncmp(objects[i].name, name, NAME_BYTES - 1) == 0)
            return &objects[i];
    }
    if (object_count == OBJECTS_MAX)
        return NULL;
    struct object *object = &objects[object_count++];
    strncpy(object->name, name, NAME_BYTES - 1);
    object->identity = identity;
    object->text_start = sight->text.start - sight->info->dlpi_addr;
    struct cfi_image image = { sight->header, sight->text, sight->readable, sight->readable_count };
    if (is_readable(sight, sight->header.start, sight->header.end))
        cfi_compile(&image, &object->cfi);
    read_symbols(sight, object);
    return object;
}

/* ---- refreshing ---- */

struct refresh {
    struct buffer *buffer;
    bool is_started, is_same, is_full;
};

static void slot_add(struct buffer *buffer, const struct slot *slot)
{
    size_t at = buffer->count++;
    for (; at > 0 && buffer->slots[at - 1].start > slot->start; at--)
        buffer->slots[at] = buffer->slots[at - 1];
    buffer->slots[at] = *slot;
}

static int see_object(struct dl_phdr_info *info, size_t bytes, void *arg)
{
    (void)bytes;
    struct refresh *refresh = arg;
    if (!refresh->is_started) {
        refresh->is_started = true;
        refresh->is_same = generation != 0 && info->dlpi_adds == seen_adds &&
                           info->dlpi_subs == seen_subs;
        seen_adds = info->dlpi_adds;
        seen_subs = info->dlpi_subs;
        if (!refresh->is_same) {
            fence_seq_cst(); /* who reads what comes next sees that the buffer is not shown */
            refresh->buffer->count = 0;
        }
    }
    if (refresh->is_same)
        return 1;
    struct sight sight;
    see(&sight, info);
    if (sight.text.end == 0)
        return 0;
    struct object *object = refresh->buffer->count < OBJECTS_MAX ? object_of(&sight) : NULL;
    if (object != NULL)
        slot_add(refresh->buffer,
                 &(struct slot){ sight.text.start, sight.text.end, info->dlpi_addr, object });
    else
        refresh->is_full = true;
    return 0;
}

int object_refresh(void)
{
    lock_acquire(&refresh_lock);
    struct refresh refresh = { .buffer = &buffers[(generation + 1) % 2] };
    dl_iterate_phdr(see_object, &refresh);
    if (!refresh.is_same)
        atomic_store_release(&generation, generation + 1); /* pairs with object_generation */
    lock_release(&refresh_lock);
    return refresh.is_full ? -ENOMEM : 0;
}

/* ---- reading ---- */

uint32_t object_generation(void)
{
    return atomic_load_acquire(&generation); /* acquire: pairs with object_refresh */
}

/*
 * Copies the slot that holds the pc in one generation's buffer; only to be believed if that is
 * still shown.
 */
static bool slot_search(uint32_t of, uintptr_t pc, struct slot *found)
{
    const struct buffer *buffer = &buffers[of % 2];
    /* acquire, here and below: pairs with the fence in see_object; is_shown loads after them */
    size_t low = 0, high = atomic_load_acquire(&buffer->count);
    if (of == 0 || high > OBJECTS_MAX)
        return false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (atomic_load_acquire(&buffer->slots[middle].start) <= pc)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return false;
    const struct slot *slot = &buffer->slots[low - 1];
    found->start = atomic_load_acquire(&slot->start);
    found->end = atomic_load_acquire(&slot->end);
    found->bias = atomic_load_acquire(&slot->bias);
    found->object = atomic_load_acquire(&slot->object);
    return pc < found->end;
}

/* Whether what was just read of that generation's buffer can be believed. */
static bool is_shown(uint32_t of)
{
    return atomic_load_relaxed(&generation) == of;
}

static bool slot_find(uintptr_t pc, struct slot *found)
{
    for (int i = 0; i < SEARCHES_MAX; i++) {
        uint32_t of = object_generation();
        bool is_found = slot_search(of, pc, found);
        if (is_shown(of))
            return is_found;
    }
    return false;
}

/*
 * Where no CFI tells of it: linkage stubs, and what a signal's handler returns to, are known by their code. The kernel copies
 * that, since the object may have been unloaded by now.
 */
static unsigned rule_of_code(const struct slot *slot, uintptr_t pc)
{
    _Alignas(8) uint8_t bytes[CODE_BEFORE + 3 + CODE_AFTER] = { 0 };
    uint8_t *code = bytes + CODE_BEFORE + pc % 4; /* aligned as it is there */
    size_t before = pc - slot->start < CODE_BEFORE ? pc - slot->start : CODE_BEFORE;
    if (os_copy(code - before, (const void *)(pc - before), before + CODE_AFTER) <= before)
        return CFI_NONE;
    if (registers_is_signal_return(code))
        return CFI_SIGNAL;
    int words = registers_stub(code);
    return words >= 0 ? CFI_ENTRY + (unsigned)words : CFI_NONE;
}

unsigned object_rule(uintptr_t pc, uint32_t of)
{
    struct slot slot;
    bool is_found = slot_search(of, pc, &slot);
    if (!is_found || !is_shown(of))
        return CFI_NONE;
    unsigned rule = cfi_find(&slot.object->cfi, pc - slot.start);
    return rule != CFI_NONE ? rule : rule_of_code(&slot, pc);
}

bool object_symbol(uintptr_t pc, struct object_place *place)
{
    struct slot slot;
    memset(place, 0, sizeof *place);
    if (!slot_find(pc, &slot))
        return false;
    place->object = slot.object->name;
    place->object_offset = pc - slot.bias;
    place->function =
        symbol_find(&slot.object->symbols, place->object_offset, &place->function_offset);
    return true;
}

bool object_sizes(uintptr_t pc, struct object_sizes *sizes)
{
    struct slot slot;
    if (!slot_find(pc, &slot))
        return false;
    const struct cfi_table *cfi = &slot.object->cfi;
    sizes->rows = cfi->row_count;
    sizes->row_bytes = cfi->row_count * sizeof(struct cfi_row) + (cfi->page_count + 1) * 4;
    sizes->symbols = slot.object->symbols.count;
    sizes->symbol_bytes = slot.object->symbols.bytes;
    return true;
}

size_t rung_symbol(uintptr_t pc, char *text, size_t capacity)
{
    struct object_place place;
    struct text line;
    text_init(&line, -1);
    object_symbol(pc, &place);
    if (place.function != NULL) {
        text_add(&line, place.function);
        text_add(&line, "+");
        text_add_hex(&line, place.function_offset);
    } else {
        const char *object = place.object != NULL ? place.object : "unknown";
        const char *slash = strrchr(object, '/');
        text_add(&line, "[");
        text_add(&line, slash != NULL ? slash + 1 : object);
        text_add(&line, "+");
        text_add_hex(&line, place.object != NULL ? place.object_offset : pc);
        text_add(&line, "]");
    }
    if (capacity == 0)
        return 0;
    size_t length = line.length < capacity ? line.length : capacity - 1;
    memcpy(text, line.bytes, length);
    text[length] = '\0';
    return length;
}
