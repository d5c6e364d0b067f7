/* SPDX-License-Identifier: MIT */
/*
 * allow.c: the list of what is known and accepted. A line is
 *
 *     [FILE:]FUNCTION   WHAT[,WHAT...]   REASON
 *
 * FILE and FUNCTION are patterns as of the shell, FUNCTION of the name in the file; WHAT names classes or findings, or
 * is *. The reason must be there. Empty lines, and those that begin with #, mean nothing.
 *
 * What librung.a itself brings into each program is in a list of its own: nobody need accept that again.
 */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "check/report.h"

struct allow_list {
    struct allowed {
        char *line, *file, *function, *what, *reason; /* the rest lie within line */
        unsigned number;
        bool is_used;
    } *lines;
    size_t count;
};

static char *next_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t");
    char *end = word + strcspn(word, " \t\n");
    *rest = *end == '\0' ? end : end + 1;
    *end = '\0';
    return word;
}

static const char *parse(struct allowed *allowed)
{
    char *rest = allowed->line;
    allowed->function = next_word(&rest);
    allowed->what = next_word(&rest);
    allowed->reason = rest + strspn(rest, " \t");
    allowed->reason[strcspn(allowed->reason, "\n")] = '\0';
    char *colon = strchr(allowed->function, ':');
    if (colon != NULL && colon[1] != ':') { /* not C++'s */
        allowed->file = allowed->function;
        allowed->function = colon + 1;
        *colon = '\0';
    }
    if (*allowed->reason == '\0')
        return "says no reason";
    char copy[256], *rest_of_copy;
    snprintf(copy, sizeof copy, "%s", allowed->what);
    for (char *word = strtok_r(copy, ",", &rest_of_copy); word != NULL; word = strtok_r(NULL, ",", &rest_of_copy))
        if (strcmp(word, "*") != 0 && !is_class_or_finding(word))
            return "names what is neither a class nor a finding";
    return NULL;
}

struct allow_list *allow_open(const char *path, char error[ELF_ERROR_MAX])
{
    FILE *file = fopen(path, "re");
    struct allow_list *list = calloc(1, sizeof *list);
    char *line = NULL;
    size_t room = 0;
    unsigned number = 0;
    const char *wrong = file == NULL ? strerror(errno) : list == NULL ? "no memory" : NULL;
    if (wrong != NULL)
        snprintf(error, ELF_ERROR_MAX, "%s: %s", path, wrong);
    while (wrong == NULL && getline(&line, &room, file) >= 0) {
        number++;
        if (line[strspn(line, " \t\n")] == '\0' || line[strspn(line, " \t")] == '#')
            continue;
        struct allowed *larger = realloc(list->lines, (list->count + 1) * sizeof *larger);
        if (larger != NULL)
            list->lines = larger;
        struct allowed allowed = { .line = strdup(line), .number = number };
        wrong = larger == NULL || allowed.line == NULL ? "no memory" : parse(&allowed);
        if (wrong != NULL) {
            snprintf(error, ELF_ERROR_MAX, "%s:%u: %s", path, number, wrong);
            free(allowed.line);
        } else {
            list->lines[list->count++] = allowed;
        }
    }
    free(line);
    if (file != NULL)
        fclose(file);
    if (wrong != NULL) {
        allow_close(list);
        return NULL;
    }
    return list;
}

void allow_close(struct allow_list *list)
{
    for (size_t i = 0; list != NULL && i < list->count; i++)
        free(list->lines[i].line);
    if (list != NULL)
        free(list->lines);
    free(list);
}

static bool names(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
        size_t this = strcspn(at, ",");
        if ((this == length && strncmp(at, word, length) == 0) || (this == 1 && *at == '*'))
            return true;
    }
    return false;
}

static const struct {
    const char *function, *what, *reason;
} of_rung[] = {
    { "rung_mcall", "*", "switches to g0: its caller's record is in m->link, which tests/step proves at each instruction" },
    { "rung_switch", "*", "switches stacks: the frame pointer is the next goroutine's, as tests/step proves" },
    { "rung_gogo", "*", "resumes a goroutine from its saved {sp, pc, bp}: it never returns to its caller" },
    { "rung_mstart", "*", "builds m->link, a record whose address comes from sp: tests/step walks it" },
    { "rung_systemstack", "stack-switch", "goes to g0's stack by way of an ordinary record on the goroutine's own" },
    { "get_available_features*", "clobber,transparent", "libgcc's question for the CPU's features, run once at the start" },
    { "set_cpu_feature*", "clobber,transparent", "the same" },
    { "__cpu_indicator_init", "clobber,transparent", "the same" },
};

static const char *reason_of_rung(const char *function, const char *what)
{
    for (size_t i = 0; i < array_length(of_rung); i++)
        if (names(of_rung[i].what, what) && fnmatch(of_rung[i].function, function, 0) == 0)
            return of_rung[i].reason;
    return NULL;
}

const char *allow_reason(struct allow_list *list, const struct elf_file *file, const struct elf_function *function,
                         const char *what)
{
    char *unnamed = function->name == NULL ? function_name(file, function) : NULL;
    const char *name = unnamed != NULL ? unnamed : function->name, *reason = NULL;
    for (size_t i = 0; list != NULL && name != NULL && reason == NULL && i < list->count; i++) {
        struct allowed *line = &list->lines[i];
        if (!names(line->what, what) || fnmatch(line->function, name, 0) != 0 ||
            (line->file != NULL && fnmatch(line->file, file_name(file->path), 0) != 0))
            continue;
        line->is_used = true;
        reason = line->reason;
    }
    if (name != NULL && reason == NULL)
        reason = reason_of_rung(name, what);
    free(unnamed);
    return reason;
}

size_t allow_unused(const struct allow_list *list, FILE *out)
{
    size_t unused = 0;
    for (size_t i = 0; list != NULL && i < list->count; i++)
        if (!list->lines[i].is_used) {
            fprintf(out, "rung check: line %u of the allow-list (%s) allows nothing\n", list->lines[i].number,
                    list->lines[i].function);
            unused++;
        }
    return unused;
}
