/* SPDX-License-Identifier: MIT */
/*
 * lines.c: one address to frames.
 *
 * The scopes around an address, innermost first, are those of inlined functions and at last the function that has code of
 * its own. The line of the first is the address's; each further one's is where it calls the one before.
 * Compilers that write no table of address ranges (clang) make every compile unit be asked in turn.
 */
#define _GNU_SOURCE
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf/lines.h" /* after libdw.h, which has names of its own for what base.h defines */

enum { SCOPES_MOST = 64 };

struct lines {
    Dwfl *dwfl;
    bool is_process;
    unsigned long long unloads; /* up to when it knows of */
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

static int read_unloads(struct dl_phdr_info *info, size_t bytes, void *unloads)
{
    (void)bytes;
    *(unsigned long long *)unloads = info->dlpi_subs;
    return 1;
}

/* Where something was unloaded another object may lie by now, and bear the same name: elfutils would take it for the old one. */
static void forget_unloaded(struct lines *lines)
{
    unsigned long long unloads = 0;
    dl_iterate_phdr(read_unloads, &unloads);
    Dwfl *dwfl = unloads != lines->unloads ? dwfl_begin(&of_process) : NULL;
    if (dwfl == NULL)
        return;
    dwfl_end(lines->dwfl);
    lines->dwfl = dwfl;
    lines->unloads = unloads;
    report_process(lines);
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

static int report_file(Dwfl *dwfl, const char *path, uintptr_t start, const uint8_t *build_id, size_t count)
{
    const unsigned char *found;
    GElf_Addr address;
    dwfl_report_begin(dwfl);
    Dwfl_Module *module = dwfl_report_elf(dwfl, path, path, -1, start, false);
    int bytes = module != NULL ? dwfl_module_build_id(module, &found, &address) : 0;
    dwfl_report_end(dwfl, NULL, NULL);
    bool is_same = count == 0 || (bytes == (int)count && memcmp(found, build_id, count) == 0);
    return module == NULL ? -ENOENT : is_same ? 0 : -ESTALE;
}

int lines_open_file(struct lines **lines, const char *path, uintptr_t start, const uint8_t *build_id, size_t count,
                    const char *directory)
{
    static char searched[4096];
    snprintf(searched, sizeof searched, "%s:.debug:/usr/lib/debug", directory != NULL ? directory : "");
    debug_path = searched;
    *lines = open_with(&of_files, false);
    if (*lines == NULL)
        return -ENOMEM;
    int error = report_file((*lines)->dwfl, path, start, build_id, count);
    if (error != 0) {
        lines_close(*lines);
        *lines = NULL;
    }
    return error;
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

/* Where the unit's functions are told of: with -gsplit-dwarf in a file beside it, if that is there. */
static Dwarf_Die *tree_of(Dwarf_Die *unit, Dwarf_Die *split)
{
    uint8_t type;
    bool is_split = dwarf_cu_info(unit->cu, NULL, &type, NULL, split, NULL, NULL, NULL) == 0 && type == DW_UT_skeleton &&
                    split->cu != NULL;
    return is_split ? split : unit;
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

static bool is_code(Dwarf_Die *die)
{
    int tag = dwarf_tag(die);
    return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block;
}

/* clang and rustc tell of functions within what they are named after. */
static bool may_hold_code(Dwarf_Die *die)
{
    int tag = dwarf_tag(die);
    return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_class_type || tag == DW_TAG_structure_type;
}

/* What holds the address directly within `parent`, of what is code. */
static bool child_at(Dwarf_Die *parent, Dwarf_Addr address, Dwarf_Die *child, unsigned depth)
{
    Dwarf_Die within;
    if (depth == SCOPES_MOST || dwarf_child(parent, child) != 0)
        return false;
    do {
        if (is_code(child) && dwarf_haspc(child, address) > 0)
            return true;
        if (may_hold_code(child) && child_at(child, address, &within, depth + 1)) {
            *child = within;
            return true;
        }
    } while (dwarf_siblingof(child, child) == 0);
    return false;
}

/* From the function that has code of its own inwards; frames are given from the innermost outwards. */
static size_t by_scopes(Dwarf_Die *unit, Dwarf_Addr address, rung_frame *frames, size_t capacity, const char *file, int line)
{
    Dwarf_Die functions[SCOPES_MOST];
    Dwarf_Die parent = *unit, child;
    size_t depth = 0, count = 0;
    while (depth < SCOPES_MOST && child_at(&parent, address, &child, 0)) {
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
    if (lines->is_process)
        forget_unloaded(lines);
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
        Dwarf_Die split;
        size_t count = by_scopes(tree_of(unit, &split), pc - bias, frames, capacity, file, line);
        if (count > 0)
            return count;
    }
    const char *name = dwfl_module_addrname(module, pc);
    if (name == NULL)
        return 0;
    frames[0] = (rung_frame){ name, file, (unsigned)line };
    return 1;
}
