/* SPDX-License-Identifier: MIT */
/*
 * diff.c: what has become of each function between two JSON reports. Files are told apart by the last part of their
 * path, functions by name (where several have one, by their order).
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "check/report.h"

struct entry {
    const char *file, *name, *class;
    size_t order;            /* of several that have one name */
    size_t findings;
};

struct entries {
    struct entry *items;
    size_t count;
};

static int entry_order(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    int by_file = strcmp(left->file, right->file), by_name = strcmp(left->name, right->name);
    if (by_file != 0 || by_name != 0)
        return by_file != 0 ? by_file : by_name;
    return left->order < right->order ? -1 : left->order > right->order;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static bool add(struct entries *entries, const char *file, const json_t *function)
{
    if ((entries->count & (entries->count - 1)) == 0) {
        size_t room = entries->count ? 2 * entries->count : 1;
        struct entry *larger = realloc(entries->items, room * sizeof *larger);
        if (larger == NULL)
            return false;
        entries->items = larger;
    }
    const json_t *all = json_object_get(function, "findings");
    size_t findings = 0;
    for (size_t i = 0; i < json_array_size(all); i++)
        findings += json_object_get(json_array_get(all, i), "allowed") == NULL;
    entries->items[entries->count] = (struct entry){ .file = file_name(file), .name = text_of(function, "name"),
                                                     .class = text_of(function, "class"), .order = entries->count,
                                                     .findings = findings };
    entries->count++;
    return true;
}

/* Within a name, the numbers count from 0. */
static void number(struct entries *entries)
{
    if (entries->count > 0)
        qsort(entries->items, entries->count, sizeof *entries->items, entry_order);
    for (size_t i = 0; i < entries->count; i++) {
        struct entry *entry = &entries->items[i];
        bool is_same = i > 0 && strcmp(entry[-1].file, entry->file) == 0 && strcmp(entry[-1].name, entry->name) == 0;
        entry->order = is_same ? entry[-1].order + 1 : 0;
    }
}

/* Gives back the document, on which the entries stand. */
static json_t *read_report(const char *path, struct entries *entries, char error[ELF_ERROR_MAX])
{
    json_error_t wrong;
    json_t *root = json_load_file(path, 0, &wrong);
    if (root == NULL) {
        snprintf(error, ELF_ERROR_MAX, "%s: %s", path, wrong.text);
        return NULL;
    }
    if (json_integer_value(json_object_get(root, "rung_check")) != 1) {
        snprintf(error, ELF_ERROR_MAX, "%s: is no report of rung check", path);
        json_decref(root);
        return NULL;
    }
    const json_t *files = json_object_get(root, "files");
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i), *functions = json_object_get(file, "functions");
        for (size_t j = 0; j < json_array_size(functions); j++)
            if (!add(entries, text_of(file, "path"), json_array_get(functions, j))) {
                snprintf(error, ELF_ERROR_MAX, "%s: no memory", path);
                json_decref(root);
                return NULL;
            }
    }
    number(entries);
    return root;
}

static int severity_of(const char *class)
{
    static const char *const by_severity[] = { "framed", "leaf", "transparent", "unknown", "clobber" };
    for (size_t i = 0; i < array_length(by_severity); i++)
        if (strcmp(class, by_severity[i]) == 0)
            return i;
    return -1;
}

static int compare(FILE *out, const struct entries *old, const struct entries *new)
{
    int worse = 0;
    size_t better = 0, same = 0, gone = 0, fresh = 0, i = 0, j = 0;
    while (i < old->count || j < new->count) {
        const struct entry *before = i < old->count ? &old->items[i] : NULL;
        const struct entry *after = j < new->count ? &new->items[j] : NULL;
        int order = before == NULL ? 1 : after == NULL ? -1 : entry_order(before, after);
        if (order < 0) {
            gone++, i++;
            continue;
        }
        int was = order == 0 ? severity_of(before->class) : 1, is = severity_of(after->class);
        size_t findings = order == 0 ? before->findings : 0;
        if (is > was || after->findings > findings) {
            fprintf(out, "worse: %s: %s: %s%s%s, %zu findings (%zu before)\n", after->file, after->name,
                    order == 0 ? before->class : "new", " -> ", after->class, after->findings, findings);
            worse++;
        } else if (order > 0) {
            fresh++;
        } else if (is < was || after->findings < findings) {
            fprintf(out, "better: %s: %s: %s -> %s\n", after->file, after->name, before->class, after->class);
            better++;
        } else {
            same++;
        }
        i += order == 0;
        j++;
    }
    fprintf(out, "%d worse, %zu better, %zu as before, %zu new and no worse than a leaf, %zu gone\n", worse, better, same,
            fresh, gone);
    return worse;
}

int diff_print(FILE *out, const char *old_path, const char *new_path, char error[ELF_ERROR_MAX])
{
    struct entries old = { 0 }, new = { 0 };
    int worse = -1;
    json_t *old_root = read_report(old_path, &old, error);
    json_t *new_root = old_root == NULL ? NULL : read_report(new_path, &new, error);
    if (new_root != NULL)
        worse = compare(out, &old, &new);
    free(old.items);
    free(new.items);
    json_decref(old_root);
    json_decref(new_root);
    return worse;
}
