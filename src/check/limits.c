/* SPDX-License-Identifier: MIT */
/* limits.c: totals over files, and whether they keep what --require and --deny ask. */
#include <stdlib.h>
#include <string.h>

#include "check/report.h"

static enum class class_named(const char *name, size_t length)
{
    for (int i = CLASS_FRAMED; i < CLASSES; i++)
        if (strlen(class_name(i)) == length && strncmp(class_name(i), name, length) == 0)
            return i;
    return CLASS_NONE;
}

bool limits_require(struct limits *limits, const char *text)
{
    static const char *const weights[] = { [BY_FUNCTIONS] = "functions", [BY_BYTES] = "bytes", [BY_CALLS] = "calls" };
    struct required required = { .weight = BY_FUNCTIONS };
    size_t length = strcspn(text, "=");
    char *rest;
    required.class = class_named(text, length);
    if (required.class == CLASS_NONE || required.class == CLASS_LEAF || text[length] != '=' ||
        limits->required_count == array_length(limits->required))
        return false;
    required.percent = strtod(text + length + 1, &rest);
    if (rest == text + length + 1 || !(required.percent >= 0 && required.percent <= 100))
        return false;
    rest += *rest == '%';
    if (*rest == ':') {
        required.weight = 0;
        for (int i = BY_FUNCTIONS; i <= BY_CALLS; i++)
            if (strcmp(rest + 1, weights[i]) == 0)
                required.weight = i;
        if (required.weight == 0 || (required.weight == BY_CALLS && required.class != CLASS_FRAMED))
            return false;
    } else if (*rest != '\0') {
        return false;
    }
    limits->required[limits->required_count++] = required;
    return true;
}

bool limits_deny(struct limits *limits, char *text)
{
    char *rest;
    for (char *word = strtok_r(text, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        if (!is_class_or_finding(word) || limits->denied_count == array_length(limits->denied))
            return false;
        limits->denied[limits->denied_count++] = word;
    }
    return true;
}

static bool is_denied(const struct limits *limits, const char *what)
{
    for (size_t i = 0; i < limits->denied_count; i++)
        if (strcmp(limits->denied[i], what) == 0)
            return true;
    return false;
}

/* Without limits of its own a report is clean if nothing breaks the chain, and no rule found anything. */
static bool is_bad_class(const struct limits *limits, enum class class)
{
    if (limits->denied_count + limits->required_count > 0)
        return is_denied(limits, class_name(class));
    return class == CLASS_CLOBBER;
}

static bool is_bad_finding(const struct limits *limits, enum finding_kind kind)
{
    return limits->denied_count + limits->required_count > 0 ? is_denied(limits, finding_name(kind)) : true;
}

static void add_function(struct totals *totals, const struct report *report, size_t number,
                         const struct limits *limits, struct allow_list *allowed)
{
    const struct verdict *verdict = &report->verdicts[number];
    const struct elf_function *function = &report->file->functions[number];
    const char *class = class_name(verdict->class);
    totals->functions[verdict->class]++;
    totals->bytes[verdict->class] += verdict->bytes;
    totals->calls += verdict->calls;
    totals->calls_whole += verdict->calls_whole;
    totals->calls_caller += verdict->calls_caller;
    totals->calls_broken += verdict->calls_broken;
    bool is_good = verdict->class == CLASS_FRAMED || verdict->class == CLASS_LEAF;
    bool is_allowed = !is_good && allow_reason(allowed, report->file, function, class) != NULL;
    if (is_allowed) {
        totals->allowed++;
    } else {
        totals->judged_functions[verdict->class]++;
        totals->judged_bytes[verdict->class] += verdict->bytes;
        totals->judged_calls += verdict->calls;
        totals->judged_calls_whole += verdict->calls_whole;
        totals->denied += is_bad_class(limits, verdict->class);
    }
    for (unsigned i = 0; i < verdict->finding_count; i++) {
        enum finding_kind kind = report->findings[verdict->first_finding + i].kind;
        totals->findings[kind]++;
        if (is_bad_finding(limits, kind) &&
            allow_reason(allowed, report->file, function, finding_name(kind)) == NULL)
            totals->denied++;
    }
}

void totals_add(struct totals *totals, const struct report *report, const struct limits *limits,
                struct allow_list *allowed)
{
    totals->files++;
    totals->unreached_bytes += report->unreached_bytes;
    for (size_t i = 0; i < report->file->function_count; i++)
        add_function(totals, report, i, limits, allowed);
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 100 : 100.0 * part / whole;
}

double totals_share(const struct totals *totals, enum class class, enum weight weight)
{
    uint64_t functions = 0, bytes = 0;
    for (int i = CLASS_FRAMED; i < CLASSES; i++) {
        functions += i == CLASS_LEAF ? 0 : totals->judged_functions[i];
        bytes += i == CLASS_LEAF ? 0 : totals->judged_bytes[i];
    }
    return weight == BY_CALLS   ? percent(totals->judged_calls_whole, totals->judged_calls)
           : weight == BY_BYTES ? percent(totals->judged_bytes[class], bytes)
                                : percent(totals->judged_functions[class], functions);
}

bool limits_kept(const struct limits *limits, const struct totals *totals, FILE *out)
{
    static const char *const of[] = { [BY_FUNCTIONS] = "functions that are no leaves", [BY_BYTES] = "their bytes",
                                      [BY_CALLS] = "call sites" };
    bool is_kept = totals->denied == 0;
    if (totals->denied > 0 && limits->denied_count > 0)
        fprintf(out, "rung check: %llu denied\n", (unsigned long long)totals->denied);
    for (size_t i = 0; i < limits->required_count; i++) {
        const struct required *required = &limits->required[i];
        double share = totals_share(totals, required->class, required->weight);
        if (share >= required->percent)
            continue;
        fprintf(out, "rung check: %s is %.2f %% of %s, and %g %% are required\n", class_name(required->class), share,
                of[required->weight], required->percent);
        is_kept = false;
    }
    return is_kept;
}
