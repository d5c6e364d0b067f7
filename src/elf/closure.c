/* SPDX-License-Identifier: MIT */
/*
 * closure.c: the libraries that a program needs, and those that they need, found as the dynamic linker finds them:
 * by run path, then in the folders of /etc/ld.so.conf, then in the usual ones. Nothing is executed, so that files of
 * the other CPU, and files one does not trust, have a closure too; a library of another CPU than the file's is passed
 * over, and one that is nowhere is told. LD_LIBRARY_PATH is honoured, since it says what would be loaded here.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf/file.h"

enum { CONFIGURATION_DEPTH = 8, LIBRARIES_MOST = 4096 };

struct list {
    char **items;
    size_t count;
};

static int list_add(struct list *list, const char *item, size_t length)
{
    char **larger = realloc(list->items, (list->count + 2) * sizeof *larger);
    if (larger == NULL)
        return -ENOMEM;
    list->items = larger;
    larger[list->count] = strndup(item, length);
    if (larger[list->count] == NULL)
        return -ENOMEM;
    larger[++list->count] = NULL;
    return 0;
}

static void list_free(struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
}

static bool list_has(const struct list *list, const char *item)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], item) == 0)
            return true;
    return false;
}

/* ---- where libraries are ---- */

static int read_configuration(struct list *folders, const char *pattern, int depth)
{
    glob_t files;
    int error = 0;
    if (depth == 0 || glob(pattern, 0, NULL, &files) != 0)
        return 0;
    for (size_t i = 0; error == 0 && i < files.gl_pathc; i++) {
        FILE *file = fopen(files.gl_pathv[i], "re");
        char line[PATH_MAX];
        while (error == 0 && file != NULL && fgets(line, sizeof line, file) != NULL) {
            char *start = line + strspn(line, " \t");
            start[strcspn(start, "#\r\n")] = '\0';
            size_t length = strlen(start);
            while (length > 0 && (start[length - 1] == ' ' || start[length - 1] == '\t'))
                start[--length] = '\0';
            if (strncmp(start, "include", 7) == 0 && (start[7] == ' ' || start[7] == '\t'))
                error = read_configuration(folders, start + 7 + strspn(start + 7, " \t"), depth - 1);
            else if (start[0] == '/')
                error = list_add(folders, start, length);
        }
        if (file != NULL)
            fclose(file);
    }
    globfree(&files);
    return error;
}

static int usual_folders(struct list *folders, int machine)
{
    static const char *const x86[] = { "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64" };
    static const char *const arm64[] = { "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
                                         "/usr/aarch64-linux-gnu/lib", "/lib64", "/usr/lib64" };
    int error = read_configuration(folders, "/etc/ld.so.conf", CONFIGURATION_DEPTH);
    const char *const *more = machine == EM_X86_64 ? x86 : arm64;
    size_t count = machine == EM_X86_64 ? array_length(x86) : array_length(arm64);
    for (size_t i = 0; error == 0 && i < count; i++)
        error = list_add(folders, more[i], strlen(more[i]));
    if (error == 0)
        error = list_add(folders, "/lib", 4);
    return error == 0 ? list_add(folders, "/usr/lib", 8) : error;
}

/* ---- what a file needs ---- */

struct needs {
    struct list libraries, run_path;
    int machine;
};

/* Splits a run path, with $ORIGIN replaced by the file's folder. */
static int add_run_path(struct needs *needs, const char *text, const char *path)
{
    const char *slash = strrchr(path, '/');
    int folder = slash == NULL ? 1 : (int)(slash - path);
    int error = 0;
    while (error == 0 && *text != '\0') {
        size_t length = strcspn(text, ":");
        char folder_name[PATH_MAX];
        bool is_origin = strncmp(text, "$ORIGIN", 7) == 0 || strncmp(text, "${ORIGIN}", 9) == 0;
        size_t skip = is_origin ? (text[1] == '{' ? 9 : 7) : 0;
        int written = snprintf(folder_name, sizeof folder_name, "%.*s%.*s", is_origin ? folder : 0,
                               slash == NULL ? "." : path, (int)(length - skip), text + skip);
        if (written > 0 && (size_t)written < sizeof folder_name)
            error = list_add(&needs->run_path, folder_name, written);
        text += length + (text[length] == ':');
    }
    return error;
}

static int read_dynamic(Elf *elf, const char *path, struct needs *needs)
{
    Elf_Scn *scn = NULL;
    int error = 0;
    while (error == 0 && (scn = elf_nextscn(elf, scn)) != NULL) {
        GElf_Shdr header;
        if (gelf_getshdr(scn, &header) == NULL || header.sh_type != SHT_DYNAMIC)
            continue;
        Elf_Data *data = elf_getdata(scn, NULL);
        for (size_t i = 0; error == 0 && data != NULL && i < data->d_size / sizeof(Elf64_Dyn); i++) {
            GElf_Dyn entry;
            if (gelf_getdyn(data, i, &entry) == NULL)
                break;
            const char *text = elf_strptr(elf, header.sh_link, entry.d_un.d_val);
            if (entry.d_tag == DT_NEEDED && text != NULL)
                error = list_add(&needs->libraries, text, strlen(text));
            else if ((entry.d_tag == DT_RUNPATH || entry.d_tag == DT_RPATH) && text != NULL)
                error = add_run_path(needs, text, path);
        }
    }
    return error;
}

/* Gives back 0, -ENOMEM, or -EINVAL for what is no ELF file. */
static int read_needs(const char *path, struct needs *needs)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error = -EINVAL;
    if (fd < 0)
        return -errno;
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    GElf_Ehdr header;
    if (elf != NULL && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header) != NULL &&
        header.e_ident[EI_CLASS] == ELFCLASS64) {
        needs->machine = header.e_machine;
        error = read_dynamic(elf, path, needs);
    }
    if (elf != NULL)
        elf_end(elf);
    close(fd);
    return error;
}

static bool is_of_machine(const char *path, int machine)
{
    Elf64_Ehdr header;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool is_good = read(fd, &header, sizeof header) == sizeof header && memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
                   header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_machine == machine;
    close(fd);
    return is_good;
}

static int list_add_once(struct list *list, const char *item)
{
    return list_has(list, item) ? 0 : list_add(list, item, strlen(item));
}

/* Adds the library's path to `found`, once. One that is nowhere is no path then: whoever opens it says so. */
static int find_library(const char *name, int machine, const struct list *const *folders, size_t folder_lists,
                        struct list *found)
{
    char path[PATH_MAX], whole[PATH_MAX];
    if (strchr(name, '/') != NULL)
        return list_add_once(found, realpath(name, whole) != NULL ? whole : name);
    for (size_t i = 0; i < folder_lists; i++)
        for (size_t j = 0; j < folders[i]->count; j++) {
            snprintf(path, sizeof path, "%s/%s", folders[i]->items[j], name);
            if (!is_of_machine(path, machine) || realpath(path, whole) == NULL)
                continue;
            return list_add_once(found, whole);
        }
    snprintf(path, sizeof path, "the library %s, which is needed", name);
    return list_add_once(found, path);
}

int elf_closure(const char *path, char ***paths, char error_text[ELF_ERROR_MAX])
{
    struct list found = { 0 }, folders = { 0 }, environment = { 0 };
    struct needs first = { 0 };
    elf_version(EV_CURRENT);
    int error = list_add(&found, path, strlen(path));
    const char *variable = getenv("LD_LIBRARY_PATH");
    while (error == 0 && variable != NULL && *variable != '\0') {
        size_t length = strcspn(variable, ":");
        error = length > 0 ? list_add(&environment, variable, length) : 0;
        variable += length + (variable[length] == ':');
    }
    for (size_t i = 0; error == 0 && i < found.count && i < LIBRARIES_MOST; i++) {
        struct needs needs = { 0 };
        error = read_needs(found.items[i], &needs);
        if (error == 0 && i == 0) {
            first.machine = needs.machine;
            error = usual_folders(&folders, needs.machine);
        } else if (error != -ENOMEM && i > 0) {
            error = 0;
        }
        const struct list *const where[] = { &needs.run_path, &environment, &folders };
        for (size_t j = 0; error == 0 && j < needs.libraries.count; j++)
            error = find_library(needs.libraries.items[j], first.machine, where, array_length(where), &found);
        list_free(&needs.libraries);
        list_free(&needs.run_path);
    }
    list_free(&folders);
    list_free(&environment);
    if (error != 0) {
        snprintf(error_text, ELF_ERROR_MAX, "%s: %s", path, error == -EINVAL ? "is not an ELF file" : strerror(-error));
        list_free(&found);
        return error;
    }
    *paths = found.items;
    return found.count;
}
