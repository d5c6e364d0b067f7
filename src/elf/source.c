/* SPDX-License-Identifier: MIT */
#include <elfutils/libdwfl.h>
#include <gelf.h>
#include <libiberty/demangle.h>
#include <stdlib.h>
#include <string.h>

#include "elf/source.h"

struct source {
    const struct elf_file *file;
    Dwfl *dwfl;
    Dwfl_Module *module; /* the file; NULL: nothing is known of it */
    bool is_open;
};

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
};

struct source *source_open(const struct elf_file *file)
{
    struct source *source = calloc(1, sizeof *source);
    if (source != NULL)
        source->file = file;
    return source;
}

void source_close(struct source *source)
{
    if (source != NULL && source->dwfl != NULL)
        dwfl_end(source->dwfl);
    free(source);
}

/* An archive's modules are its members. */
static int pick_module(Dwfl_Module *module, void **user_data, const char *name, Dwarf_Addr base, void *argument)
{
    struct source *source = argument;
    (void)user_data;
    (void)base;
    const char *member = strrchr(source->file->path, '(');
    size_t length = member == NULL ? 0 : strlen(member) - 2;
    const char *slash = strrchr(name, ':');
    if (member != NULL && strncmp(slash != NULL ? slash + 1 : name, member + 1, length) != 0)
        return DWARF_CB_OK;
    source->module = module;
    return DWARF_CB_ABORT;
}

static void look(struct source *source)
{
    source->is_open = true;
    source->dwfl = dwfl_begin(&callbacks);
    if (source->dwfl == NULL)
        return;
    const char *member = strrchr(source->file->path, '(');
    char *path = member == NULL ? strdup(source->file->path) : strndup(source->file->path, member - source->file->path);
    if (path == NULL)
        return;
    dwfl_report_begin(source->dwfl);
    bool is_good = dwfl_report_offline(source->dwfl, path, path, -1) != NULL;
    dwfl_report_end(source->dwfl, NULL, NULL);
    if (is_good)
        dwfl_getmodules(source->dwfl, pick_module, source, 0);
    free(path);
}

/* Our address in libdwfl's terms: a relocatable file's sections have other addresses there. */
static bool translate(const struct source *source, uint64_t address, Dwarf_Addr *theirs)
{
    GElf_Addr bias;
    Elf *elf = dwfl_module_getelf(source->module, &bias);
    if (elf == NULL)
        return false;
    *theirs = address + bias;
    if (source->file->type != ET_REL)
        return true;
    const struct elf_section *section = elf_section_at(&source->file->code, address);
    GElf_Shdr header;
    if (section == NULL || gelf_getshdr(elf_getscn(elf, section->index), &header) == NULL)
        return false;
    *theirs = header.sh_addr + bias + (address - section->address);
    return true;
}

bool source_line(struct source *source, uint64_t address, const char **file, int *line)
{
    Dwarf_Addr theirs;
    if (source == NULL)
        return false;
    if (!source->is_open)
        look(source);
    if (source->module == NULL || !translate(source, address, &theirs))
        return false;
    Dwarf_Addr bias;
    Dwarf_Die *unit = dwfl_module_addrdie(source->module, theirs, &bias);
    if (unit == NULL || dwarf_haspc(unit, theirs - bias) <= 0)
        return false; /* libdwfl gives the nearest unit before, for code that has none */
    Dwfl_Line *found = dwfl_module_getsrc(source->module, theirs);
    *file = found == NULL ? NULL : dwfl_lineinfo(found, NULL, line, NULL, NULL, NULL);
    return *file != NULL && *line > 0;
}

char *source_demangle(const char *name)
{
    if (name == NULL || (strncmp(name, "_Z", 2) != 0 && strncmp(name, "_R", 2) != 0 && strncmp(name, "_D", 2) != 0))
        return NULL;
    return cplus_demangle(name, DMGL_PARAMS | DMGL_ANSI | DMGL_AUTO);
}
