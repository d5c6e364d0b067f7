/* SPDX-License-Identifier: MIT */
/* table.c: the report for people: totals, then the functions that break the chain at most calls, then findings. */
#include <stdlib.h>
#include <string.h>

#include "check/report.h"

static const char *const colors[CLASSES] = { "", "\033[32m", "", "\033[33m", "\033[31m", "\033[35m" };

static const char *color(const struct table_options *options, enum class class)
{
    return options->has_colors ? colors[class] : "";
}

static const char *plain(const struct table_options *options)
{
    return options->has_colors ? "\033[0m" : "";
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : 100.0 * part / whole;
}

static void print_totals(FILE *out, const struct totals *totals, const struct table_options *options)
{
    uint64_t functions = 0, bytes = 0;
    for (int i = CLASS_FRAMED; i < CLASSES; i++) {
        functions += totals->functions[i];
        bytes += totals->bytes[i];
    }
    fprintf(out, "  %-12s %9s %8s %11s %8s\n", "", "functions", "", "bytes", "");
    for (int i = CLASS_FRAMED; i < CLASSES; i++)
        fprintf(out, "  %s%-12s%s %9llu %6.1f %% %11llu %6.1f %%   %s\n", color(options, i), class_name(i), plain(options),
                (unsigned long long)totals->functions[i], percent(totals->functions[i], functions),
                (unsigned long long)totals->bytes[i], percent(totals->bytes[i], bytes), class_meaning(i));
    fprintf(out, "  %llu call sites: the chain is whole at %.1f %%, misses a frame at %.1f %%, is broken at %.1f %%\n",
            (unsigned long long)totals->calls, percent(totals->calls_whole, totals->calls),
            percent(totals->calls_caller, totals->calls), percent(totals->calls_broken, totals->calls));
    if (totals->unreached_bytes > 0)
        fprintf(out, "  %llu bytes of the functions are reached by no way that could be seen\n",
                (unsigned long long)totals->unreached_bytes);
    if (totals->allowed > 0)
        fprintf(out, "  %llu functions are on the allow-list\n", (unsigned long long)totals->allowed);
}

void table_print_totals(FILE *out, const struct totals *totals, const struct table_options *options)
{
    fprintf(out, "%llu files together\n", (unsigned long long)totals->files);
    print_totals(out, totals, options);
}

/* ---- functions ---- */

static int severity(enum class class)
{
    static const int severities[CLASSES] = { 0, 1, 2, 3, 5, 4 };
    return severities[class];
}

static const struct report *ordering; /* of the list that is sorted: qsort has no argument of the caller's */

static int worst_first(const void *a, const void *b)
{
    const struct verdict *left = &ordering->verdicts[*(const uint32_t *)a];
    const struct verdict *right = &ordering->verdicts[*(const uint32_t *)b];
    if (left->class != right->class)
        return severity(right->class) - severity(left->class);
    uint32_t left_calls = left->calls_broken + left->calls_caller, right_calls = right->calls_broken + right->calls_caller;
    if (left_calls != right_calls)
        return left_calls > right_calls ? -1 : 1;
    return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}

static void print_line(FILE *out, struct source *source, uint64_t address)
{
    const char *file;
    int line;
    if (source_line(source, address, &file, &line))
        fprintf(out, "  %s:%d", file_name(file), line);
}

static void print_function(FILE *out, const struct report *report, uint32_t number, struct source *source,
                           struct allow_list *allowed, const struct table_options *options)
{
    const struct elf_function *function = &report->file->functions[number];
    const struct verdict *verdict = &report->verdicts[number];
    char *name = function_name(report->file, function), text[400];
    const char *reason = allow_reason(allowed, report->file, function, class_name(verdict->class));
    uint32_t at = verdict->breaks_call != UNKNOWN_OFFSET ? verdict->breaks_call : verdict->breaks_at;
    fprintf(out, "  %s%-11s%s %s", color(options, verdict->class), class_name(verdict->class), plain(options),
            name != NULL ? name : "?");
    if (verdict->calls > 0)
        fprintf(out, "  (%u of %u calls)", verdict->calls_broken + verdict->calls_caller, verdict->calls);
    if (at != UNKNOWN_OFFSET && verdict->class != CLASS_FRAMED) {
        fprintf(out, "  at +0x%x", at);
        print_line(out, source, function->start + at);
    }
    if (reason != NULL)
        fprintf(out, "  [allowed: %s]", reason);
    fputc('\n', out);
    for (unsigned i = 0; i < verdict->finding_count; i++) {
        const struct finding *finding = &report->findings[verdict->first_finding + i];
        reason = allow_reason(allowed, report->file, function, finding_name(finding->kind));
        finding_sentence(report, function, finding, text, sizeof text);
        fprintf(out, "      %s: %s", finding_name(finding->kind), text);
        print_line(out, source, function->start + finding->offset);
        if (reason != NULL)
            fprintf(out, "  [allowed: %s]", reason);
        else if (finding->kind > FINDING_NOT_RESTORED)
            fprintf(out, "\n          %s", finding_advice(finding->kind));
        fputc('\n', out);
    }
    free(name);
}

static bool has_rule_finding(const struct report *report, const struct verdict *verdict)
{
    for (unsigned i = 0; i < verdict->finding_count; i++)
        if (report->findings[verdict->first_finding + i].kind > FINDING_NOT_RESTORED)
            return true;
    return false;
}

static void print_functions(FILE *out, const struct report *report, const uint32_t *order, size_t count,
                            struct allow_list *allowed, const struct table_options *options)
{
    struct source *source = source_open(report->file);
    unsigned printed[2] = { 0 }, left[2] = { 0 }; /* of those that are listed for their class, for a finding */
    for (size_t i = 0; i < count; i++) {
        const struct verdict *verdict = &report->verdicts[order[i]];
        bool is_rule = has_rule_finding(report, verdict);
        bool is_bad = severity(verdict->class) >= severity(CLASS_TRANSPARENT);
        if (!options->wants_all && !is_rule && !is_bad)
            continue;
        if (!options->wants_all && printed[is_rule] >= options->most) {
            left[is_rule]++;
            continue;
        }
        printed[is_rule]++;
        print_function(out, report, order[i], source, allowed, options);
    }
    if (left[0] + left[1] > 0)
        fprintf(out, "  ... and %u more (--all shows them)\n", left[0] + left[1]);
    source_close(source);
}

void table_print(FILE *out, const struct report *report, struct allow_list *allowed, const struct table_options *options)
{
    struct totals totals = { 0 };
    struct limits none = { 0 };
    size_t count = report->file->function_count;
    totals_add(&totals, report, &none, allowed);
    fprintf(out, "%s: %s, %zu functions\n", report->file->path, report->cpu->name, count);
    print_totals(out, &totals, options);
    uint32_t *order = malloc((count + 1) * sizeof *order);
    if (order == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    ordering = report;
    if (count > 0)
        qsort(order, count, sizeof *order, worst_first);
    print_functions(out, report, order, count, allowed, options);
    free(order);
}
