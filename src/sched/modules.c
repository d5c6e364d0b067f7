/* SPDX-License-Identifier: MIT */
/*
 * modules.c: what is loaded where, as text, so that addresses can be named later, elsewhere, by other programs.
 */
#define _GNU_SOURCE
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "sched/event.h"

struct writer {
    char *text;
    size_t used, capacity;
};

/* The build id among an object's notes; 0 bytes if it has none. */
static size_t build_id(const struct dl_phdr_info *info, const uint8_t **id)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type != PT_NOTE)
            continue;
        const uint8_t *at = (const uint8_t *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
        const uint8_t *end = at + info->dlpi_phdr[i].p_memsz;
        while (at < end && (size_t)(end - at) >= sizeof(ElfW(Nhdr))) { /* the last may be padded, or not */
            const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
            const uint8_t *name = at + sizeof *note, *data = name + round_up((size_t)note->n_namesz, (size_t)4);
            if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(name, "GNU", 4) == 0) {
                *id = data;
                return note->n_descsz;
            }
            at = data + round_up((size_t)note->n_descsz, (size_t)4);
        }
    }
    return 0;
}

static int add(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct writer *writer = arg;
    char line[4096], hex[2 * 64 + 1] = "-";
    const uint8_t *id;
    uintptr_t low = UINTPTR_MAX, high = 0;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD)
            continue;
        uintptr_t start = (info->dlpi_addr + part->p_vaddr) / PAGE * PAGE;
        low = start < low ? start : low;
        high = info->dlpi_addr + part->p_vaddr + part->p_memsz > high ? info->dlpi_addr + part->p_vaddr + part->p_memsz : high;
    }
    size_t bytes = build_id(info, &id);
    for (size_t i = 0; i < bytes && i < 64; i++)
        snprintf(hex + 2 * i, 3, "%02x", id[i]);
    const char *path = info->dlpi_name[0] != '\0' ? info->dlpi_name : "/proc/self/exe";
    char program[4096];
    if (info->dlpi_name[0] == '\0' && os_program_path(program, sizeof program) > 0)
        path = program;
    bool is_relative = path[0] != '/' && strchr(path, '/') != NULL; /* the vdso's has none */
    if (is_relative && realpath(path, program) != NULL)
        path = program;
    int length = snprintf(line, sizeof line, "%lx %lx %s %.3800s\n", (unsigned long)low, (unsigned long)high, hex, path);
    if (length > 0 && writer->used + (size_t)length < writer->capacity) {
        memcpy(writer->text + writer->used, line, (size_t)length);
        writer->used += (size_t)length;
    }
    return 0;
}

void modules_write(char *text, size_t capacity)
{
    struct writer writer = { text, 0, capacity };
    dl_iterate_phdr(add, &writer);
    text[writer.used] = '\0';
}
