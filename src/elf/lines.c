/* SPDX-License-Identifier: MIT */
/*
 * lines.c: one address to frames.
 *
 * The scopes around an address, innermost first, are those of inlined functions and at last the function that has code of
 * its own. The line of the first is the address's; each further one's is where it calls the one before.
 * Compilers that write no table of address ranges (clang) make every compile unit be asked in turn.
 */
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf/lines.h" /* after libdw.h, which has names of its own for what base.h defines */

enum { SCOPES_MOST = 64 };

struct lines {
    Dwfl *dwfl;
    bool is_process;
};

static char *debug_path; /* the standard search path */

static const Dwfl_Callbacks of_process = {
    .find_elf = dwfl_linux_proc_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .debuginfo_path = &debug_path,
};
static const Dwfl_Callbacks of_files = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .debuginfo_path = &debug_path,
};

/* ---- modules ---- */

static void report_process(struct lines *lines)
{
    dwfl_report_begin(lines->dwfl);
    (void)dwfl_linux_proc_report(lines->dwfl, getpid()); /* what is not reported is not known */
    dwfl_report_end(lines->dwfl, NULL, NULL);
}

static struct lines *open_with(const Dwfl_Callbacks *callbacks, bool is_process)
{
    struct lines *lines = calloc(1, sizeof *lines);
    if (lines == NULL)
        return NULL;
    lines->is_process = is_process;
    lines->dwfl = dwfl_begin(callbacks);
    if (lines->dwfl == NULL) {
        free(lines);
        return NULL;
    }
    return lines;
}

struct lines *lines_open_process(void)
{
    struct lines *lines = open_with(&of_process, true);
    if (lines != NULL)
        report_process(lines);
    return lines;
}

struct lines *lines_open_files(const char *directory)
{
    static char searched[4096];
    snprintf(searched, sizeof searched, "%s:.debug:/usr/lib/debug", directory != NULL ? directory : "");
    debug_path = searched;
    struct lines *lines = open_with(&of_files, false);
    if (lines != NULL)
        dwfl_report_begin(lines->dwfl);
    return lines;
}

/* 0; -ENOENT; -ESTALE: the file has not this build id. What is reported stays: so this looks at it by itself. */
static int compare_build_id(const char *path, uintptr_t start, const uint8_t *build_id, size_t count)
{
    const unsigned char *found;
    GElf_Addr address;
    Dwfl *dwfl = dwfl_begin(&of_files);
    Dwfl_Module *module = dwfl != NULL ? dwfl_report_elf(dwfl, path, path, -1, start, false) : NULL;
    int bytes = module != NULL ? dwfl_module_build_id(module, &found, &address) : 0;
    bool is_same = count == 0 || (bytes == (int)count && memcmp(found, build_id, count) == 0);
    int result = module == NULL ? -ENOENT : is_same ? 0 : -ESTALE;
    dwfl_end(dwfl);
    return result;
}

int lines_add(struct lines *lines, const char *path, uintptr_t start, const uint8_t *build_id, size_t count)
{
    int error = compare_build_id(path, start, build_id, count);
    if (error == 0 && dwfl_report_elf(lines->dwfl, path, path, -1, start, false) == NULL)
        error = -ENOENT;
    return error;
}

void lines_ready(struct lines *lines)
{
    dwfl_report_end(lines->dwfl, NULL, NULL);
}

void lines_close(struct lines *lines)
{
    if (lines == NULL)
        return;
    dwfl_end(lines->dwfl);
    free(lines);
}

/* ---- frames ---- */

static Dwarf_Die *unit_of(Dwfl_Module *module, Dwarf_Addr pc, Dwarf_Addr *bias)
{
    Dwarf_Die *unit = dwfl_module_addrdie(module, pc, bias);
    if (unit != NULL && dwarf_haspc(unit, pc - *bias) > 0)
        return unit;
    unit = NULL; /* where some units are in the table of ranges and some not, the nearest below is what was found */
    while ((unit = dwfl_module_nextcu(module, unit, bias)) != NULL)
        if (dwarf_haspc(unit, pc - *bias) > 0)
            return unit;
    return NULL;
}

static const char *name_of(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    return dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attribute));
}

static unsigned number_of(Dwarf_Die *die, unsigned which)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    return dwarf_formudata(dwarf_attr(die, which, &attribute), &value) == 0 ? (unsigned)value : 0;
}

static const char *call_file(Dwarf_Die *unit, Dwarf_Die *die)
{
    Dwarf_Files *files;
    size_t count;
    unsigned number = number_of(die, DW_AT_call_file);
    if (dwarf_getsrcfiles(unit, &files, &count) != 0 || number >= count)
        return NULL;
    return dwarf_filesrc(files, number, NULL, NULL);
}

/* The child of `parent` that holds the address, of those that are code. */
static bool child_at(Dwarf_Die *parent, Dwarf_Addr address, Dwarf_Die *child)
{
    if (dwarf_child(parent, child) != 0)
        return false;
    do {
        int tag = dwarf_tag(child);
        bool is_code = tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block;
        if (is_code && dwarf_haspc(child, address) > 0)
            return true;
    } while (dwarf_siblingof(child, child) == 0);
    return false;
}

/* From the function that has code of its own inwards; frames are given from the innermost outwards. */
static size_t by_scopes(Dwarf_Die *unit, Dwarf_Addr address, rung_frame *frames, size_t capacity, const char *file, int line)
{
    Dwarf_Die functions[SCOPES_MOST];
    Dwarf_Die parent = *unit, child;
    size_t depth = 0, count = 0;
    while (depth < SCOPES_MOST && child_at(&parent, address, &child)) {
        if (dwarf_tag(&child) != DW_TAG_lexical_block)
            functions[depth++] = child;
        parent = child;
    }
    while (depth-- > 0 && count < capacity) {
        frames[count++] = (rung_frame){ name_of(&functions[depth]), file, (unsigned)line };
        file = call_file(unit, &functions[depth]);
        line = (int)number_of(&functions[depth], DW_AT_call_line);
    }
    return count;
}

static Dwfl_Module *module_at(struct lines *lines, uintptr_t pc)
{
    Dwfl_Module *module = dwfl_addrmodule(lines->dwfl, pc);
    if (module == NULL && lines->is_process) { /* loaded since */
        report_process(lines);
        module = dwfl_addrmodule(lines->dwfl, pc);
    }
    return module;
}

size_t lines_at(struct lines *lines, uintptr_t pc, rung_frame *frames, size_t capacity)
{
    Dwfl_Module *module = module_at(lines, pc);
    Dwarf_Addr bias = 0;
    const char *file = NULL;
    int line = 0;
    if (module == NULL || capacity == 0)
        return 0;
    Dwarf_Die *unit = unit_of(module, pc, &bias);
    if (unit != NULL) {
        Dwarf_Line *at = dwarf_getsrc_die(unit, pc - bias);
        if (at != NULL) {
            file = dwarf_linesrc(at, NULL, NULL);
            (void)dwarf_lineno(at, &line); /* else it stays 0 */
        }
        size_t count = by_scopes(unit, pc - bias, frames, capacity, file, line);
        if (count > 0)
            return count;
    }
    const char *name = dwfl_module_addrname(module, pc);
    if (name == NULL)
        return 0;
    frames[0] = (rung_frame){ name, file, (unsigned)line };
    return 1;
}
