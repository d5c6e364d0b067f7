/* SPDX-License-Identifier: MIT */
/*
 * names.c: modules by address, and a file for each. Where one was unloaded another may lie later: which one it is the
 * generation tells.
 *
 * A file is believed only if it has the module's build id. It is searched by that id in the given directory, laid out
 * like /usr/lib/debug or just as files; then where it was loaded from; then in /usr/lib/debug. Debug information that was split
 * off it is found by elfutils in the same places.
 */
#include "observe/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "elf/lines.h"

enum { ID_MOST = 64, PATH_BYTES = 4096, MODULES_MOST = 4096 /* more than a trace has room for */ };

struct module {
    struct module *next;
    uintptr_t start, end;
    uint64_t first, last; /* generations in which it was loaded */
    uint8_t id[ID_MOST];
    size_t id_bytes;
    struct lines *lines; /* NULL: no file */
    int error;           /* of names_find: why it has none */
    bool is_asked, is_named;
    char id_text[2 * ID_MOST + 1];
    char path[];
};

struct names {
    struct module *first;
    size_t count;
    uint64_t generation; /* whose pcs are asked for */
    bool has_overlaps;
    const char *directory;
    char text[320];
};

struct names *names_open(const char *directory)
{
    struct names *names = calloc(1, sizeof *names);
    if (names == NULL)
        return NULL;
    names->directory = directory;
    return names;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static size_t parse_hex(const char *text, uint8_t *bytes, size_t most)
{
    size_t count = 0;
    unsigned byte;
    while (count < most && text[2 * count] != '\0' && text[2 * count + 1] != '\0' && sscanf(text + 2 * count, "%2x", &byte) == 1)
        bytes[count++] = (uint8_t)byte;
    return count;
}

static bool is_loaded(const struct module *module, uint64_t generation)
{
    return module->first <= generation && generation <= module->last;
}

/* Of those that ever lay there: what does in this generation, or did last. A generation tells of what is loaded as it ends. */
static struct module *module_at(const struct names *names, uintptr_t pc)
{
    struct module *found = NULL;
    for (struct module *module = names->first; module != NULL; module = module->next) {
        if (pc < module->start || pc >= module->end)
            continue;
        if (is_loaded(module, names->generation))
            return module;
        bool is_before = module->last < names->generation;
        if (found == NULL || (is_before && (found->last > names->generation || found->last < module->last)))
            found = module;
    }
    return found;
}

int names_add(struct names *names, const char *line, uint64_t generation)
{
    unsigned long start, end;
    char id[2 * ID_MOST + 1], path[PATH_BYTES];
    if (names->count == MODULES_MOST)
        return -EINVAL;
    if (sscanf(line, "%lx %lx %128s %4095[^\n]", &start, &end, id, path) != 4 || start >= end)
        return -EINVAL;
    bool has_overlap = false;
    for (struct module *module = names->first; module != NULL; module = module->next) {
        bool is_there = start < module->end && module->start < end;
        if (is_there && start == module->start && end == module->end && strcmp(module->id_text, id) == 0 &&
            strcmp(module->path, path) == 0) {
            module->last = generation;
            return 0;
        }
        has_overlap |= is_there;
    }
    struct module *module = calloc(1, sizeof *module + strlen(path) + 1);
    if (module == NULL)
        return -ENOMEM;
    module->next = names->first;
    module->start = start;
    module->end = end;
    module->first = module->last = generation;
    module->id_bytes = parse_hex(id, module->id, ID_MOST);
    snprintf(module->id_text, sizeof module->id_text, "%s", id);
    memcpy(module->path, path, strlen(path) + 1);
    names->first = module;
    names->count++;
    names->has_overlaps |= has_overlap;
    return 0;
}

bool names_select(struct names *names, uint64_t generation)
{
    names->generation = generation;
    return !names->has_overlaps;
}

size_t names_modules(const struct names *names)
{
    return names->count;
}

/* ---- files ---- */

/* Whether the file is the module's. That another one was there is kept as the better reason. */
static bool try_file(struct names *names, struct module *module, const char *path)
{
    struct stat status; /* whatever the trace names is opened, which for a pipe takes as long as its writer likes */
    bool is_file = stat(path, &status) == 0 && S_ISREG(status.st_mode);
    int error = is_file ? lines_open_file(&module->lines, path, module->start, module->id, module->id_bytes, names->directory)
                        : -ENOENT;
    if (error == 0 || module->error != -ESTALE)
        module->error = error;
    return error == 0;
}

static bool try_by_id(struct names *names, struct module *module, const char *directory)
{
    static const char *const ends[] = { "", ".debug" };
    char path[2 * PATH_BYTES];
    for (size_t i = 0; i < array_length(ends) && module->id_bytes > 1; i++) {
        snprintf(path, sizeof path, "%s/.build-id/%.2s/%s%s", directory, module->id_text, module->id_text + 2, ends[i]);
        if (try_file(names, module, path))
            return true;
    }
    return false;
}

static void find_file(struct names *names, struct module *module)
{
    char path[2 * PATH_BYTES];
    module->error = -ENOENT;
    if (names->directory != NULL) {
        snprintf(path, sizeof path, "%s/%s", names->directory, base_name(module->path));
        if (try_by_id(names, module, names->directory) || try_file(names, module, path))
            return;
    }
    if (!try_file(names, module, module->path))
        (void)try_by_id(names, module, "/usr/lib/debug"); /* else it has no names */
}

void names_find(struct names *names)
{
    for (struct module *module = names->first; module != NULL; module = module->next)
        find_file(names, module);
}

/* ---- answers ---- */

size_t names_at(struct names *names, uintptr_t pc, rung_frame *frames, size_t capacity)
{
    struct module *module = module_at(names, pc);
    if (module == NULL)
        return 0;
    size_t count = module->lines != NULL ? lines_at(module->lines, pc, frames, capacity) : 0;
    module->is_asked = true;
    module->is_named |= count > 0 && frames[0].file != NULL;
    return count;
}

void names_place(struct names *names, uintptr_t pc, rung_frame *frame)
{
    const struct module *module = module_at(names, pc);
    if (module != NULL)
        snprintf(names->text, sizeof names->text, "[%.255s+0x%llx]", base_name(module->path),
                 (unsigned long long)(pc - module->start));
    else
        snprintf(names->text, sizeof names->text, "[0x%llx]", (unsigned long long)pc);
    *frame = (rung_frame){ names->text, module != NULL ? base_name(module->path) : "[unknown]", 1 };
}

void names_missing(const struct names *names, void (*tell)(const char *sentence))
{
    char sentence[PATH_BYTES + 256];
    for (const struct module *module = names->first; module != NULL; module = module->next) {
        if (module->is_named || !module->is_asked)
            continue;
        const char *why = module->error == -ESTALE   ? "is another build than the one that was traced"
                          : module->error == -ENOENT ? "is not here"
                                                     : "has no debug information";
        snprintf(sentence, sizeof sentence, "%s %s (build id %s): what lies in it keeps no lines", module->path, why,
                 module->id_text);
        tell(sentence);
    }
}

void names_close(struct names *names)
{
    if (names == NULL)
        return;
    while (names->first != NULL) {
        struct module *module = names->first;
        names->first = module->next;
        lines_close(module->lines);
        free(module);
    }
    free(names);
}
