/* SPDX-License-Identifier: MIT */
/* json.c: reports for programs: JSON of our own, which --diff reads again, and SARIF 2.1.0 for code hosts. */
#include <stdlib.h>
#include <string.h>

#include "check/report.h"

/* A string with its quotes. */
static void print_quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (*at < 0x20 || *at >= 0x7f)
            fprintf(out, "\\u%04x", *at); /* names of files may be no UTF-8: bytes stay bytes */
        else
            fputc(*at, out);
    }
    fputc('"', out);
}

static void print_member(FILE *out, const char *name, const char *text)
{
    fprintf(out, ",\"%s\":", name);
    print_quoted(out, text);
}

static void print_place(FILE *out, struct source *source, uint64_t address)
{
    const char *file;
    int line;
    if (!source_line(source, address, &file, &line))
        return;
    print_member(out, "file", file);
    fprintf(out, ",\"line\":%d", line);
}

/* ---- our own ---- */

void json_begin(FILE *out)
{
    fprintf(out, "{\"rung_check\":1,\"files\":[");
}

static void print_findings(FILE *out, const struct report *report, size_t number, struct source *source,
                           struct allow_list *allowed)
{
    const struct elf_function *function = &report->file->functions[number];
    const struct verdict *verdict = &report->verdicts[number];
    char text[400];
    fprintf(out, ",\"findings\":[");
    for (unsigned i = 0; i < verdict->finding_count; i++) {
        const struct finding *finding = &report->findings[verdict->first_finding + i];
        const char *reason = allow_reason(allowed, report->file, function, finding_name(finding->kind));
        finding_sentence(report, function, finding, text, sizeof text);
        fprintf(out, "%s{\"kind\":\"%s\",\"offset\":%u", i > 0 ? "," : "", finding_name(finding->kind), finding->offset);
        print_member(out, "text", text);
        print_place(out, source, function->start + finding->offset);
        if (reason != NULL)
            print_member(out, "allowed", reason);
        fputc('}', out);
    }
    fputc(']', out);
}

static void print_function(FILE *out, const struct report *report, size_t number, struct source *source,
                           struct allow_list *allowed)
{
    const struct elf_function *function = &report->file->functions[number];
    const struct verdict *verdict = &report->verdicts[number];
    char *name = function_name(report->file, function);
    const char *reason = allow_reason(allowed, report->file, function, class_name(verdict->class));
    fprintf(out, "%s\n{\"name\":", number > 0 ? "," : "");
    print_quoted(out, function->name != NULL ? function->name : name != NULL ? name : "?");
    if (function->name != NULL && name != NULL && strcmp(name, function->name) != 0)
        print_member(out, "demangled", name);
    fprintf(out, ",\"address\":%llu,\"size\":%llu,\"class\":\"%s\"", (unsigned long long)function->start,
            (unsigned long long)(function->end - function->start), class_name(verdict->class));
    fprintf(out, ",\"calls\":%u,\"calls_whole\":%u,\"calls_missing\":%u,\"calls_broken\":%u", verdict->calls,
            verdict->calls_whole, verdict->calls_caller, verdict->calls_broken);
    if (verdict->breaks_at != UNKNOWN_OFFSET)
        fprintf(out, ",\"breaks_at\":%u", verdict->breaks_at);
    if (reason != NULL && verdict->class != CLASS_FRAMED)
        print_member(out, "allowed", reason);
    if (verdict->finding_count > 0)
        print_findings(out, report, number, source, allowed);
    fputc('}', out);
    free(name);
}

static void print_totals(FILE *out, const struct totals *totals)
{
    fprintf(out, "{\"functions\":{");
    for (int i = CLASS_FRAMED; i < CLASSES; i++)
        fprintf(out, "%s\"%s\":%llu", i > CLASS_FRAMED ? "," : "", class_name(i),
                (unsigned long long)totals->functions[i]);
    fprintf(out, "},\"bytes\":{");
    for (int i = CLASS_FRAMED; i < CLASSES; i++)
        fprintf(out, "%s\"%s\":%llu", i > CLASS_FRAMED ? "," : "", class_name(i), (unsigned long long)totals->bytes[i]);
    fprintf(out, "},\"calls\":%llu,\"calls_whole\":%llu,\"calls_missing\":%llu,\"calls_broken\":%llu,\"findings\":{",
            (unsigned long long)totals->calls, (unsigned long long)totals->calls_whole,
            (unsigned long long)totals->calls_caller, (unsigned long long)totals->calls_broken);
    for (int i = 1; i < FINDING_KINDS; i++)
        fprintf(out, "%s\"%s\":%llu", i > 1 ? "," : "", finding_name(i), (unsigned long long)totals->findings[i]);
    fprintf(out, "},\"unreached_bytes\":%llu}", (unsigned long long)totals->unreached_bytes);
}

void json_print(FILE *out, const struct report *report, struct allow_list *allowed, bool is_first)
{
    struct totals totals = { 0 };
    struct limits none = { 0 };
    struct source *source = source_open(report->file);
    char id[128];
    fprintf(out, "%s\n{\"path\":", is_first ? "" : ",");
    print_quoted(out, report->file->path);
    print_member(out, "machine", report->cpu->name);
    if (elf_build_id(report->file->elf, id, sizeof id))
        print_member(out, "build_id", id);
    totals_add(&totals, report, &none, allowed);
    fprintf(out, ",\"totals\":");
    print_totals(out, &totals);
    fprintf(out, ",\"functions\":[");
    for (size_t i = 0; i < report->file->function_count; i++)
        print_function(out, report, i, source, allowed);
    fprintf(out, "]}");
    source_close(source);
}

void json_end(FILE *out, const struct totals *totals)
{
    fprintf(out, "],\"totals\":");
    print_totals(out, totals);
    fprintf(out, "}\n");
}

/* ---- SARIF ---- */

void sarif_begin(FILE *out)
{
    fprintf(out, "{\"version\":\"2.1.0\",\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"runs\":[{"
                 "\"tool\":{\"driver\":{\"name\":\"rung check\",\"rules\":[");
    for (int i = 1; i < FINDING_KINDS; i++) {
        fprintf(out, "%s\n{\"id\":\"%s\",\"shortDescription\":{\"text\":", i > 1 ? "," : "", finding_name(i));
        print_quoted(out, finding_advice(i));
        fprintf(out, "}}");
    }
    fprintf(out, "]}},\"results\":[");
}

static void print_result(FILE *out, const struct report *report, const struct elf_function *function,
                         const struct finding *finding, struct source *source, const char *reason)
{
    char *name = function_name(report->file, function), text[400];
    const char *file;
    int line;
    uint64_t address = function->start + finding->offset;
    bool is_error = finding->kind <= FINDING_NOT_RESTORED || finding->kind == FINDING_THREAD_LOCAL;
    finding_sentence(report, function, finding, text, sizeof text);
    fprintf(out, "\n{\"ruleId\":\"%s\",\"level\":\"%s\",\"message\":{\"text\":", finding_name(finding->kind),
            is_error ? "error" : "warning");
    print_quoted(out, text);
    fprintf(out, "},\"locations\":[{\"physicalLocation\":{");
    if (source_line(source, address, &file, &line)) {
        fprintf(out, "\"artifactLocation\":{\"uri\":");
        print_quoted(out, file);
        fprintf(out, "},\"region\":{\"startLine\":%d}", line);
    } else {
        fprintf(out, "\"artifactLocation\":{\"uri\":");
        print_quoted(out, report->file->path);
        fprintf(out, "},\"address\":{\"absoluteAddress\":%llu}", (unsigned long long)address);
    }
    fprintf(out, "},\"logicalLocations\":[{\"kind\":\"function\",\"fullyQualifiedName\":");
    print_quoted(out, name != NULL ? name : "?");
    fprintf(out, "}]}]");
    if (reason != NULL) {
        fprintf(out, ",\"suppressions\":[{\"kind\":\"external\",\"justification\":");
        print_quoted(out, reason);
        fprintf(out, "}]");
    }
    fputc('}', out);
    free(name);
}

void sarif_print(FILE *out, const struct report *report, struct allow_list *allowed, bool *is_first)
{
    struct source *source = source_open(report->file);
    for (size_t i = 0; i < report->file->function_count; i++) {
        const struct verdict *verdict = &report->verdicts[i];
        for (unsigned j = 0; j < verdict->finding_count; j++) {
            const struct finding *finding = &report->findings[verdict->first_finding + j];
            const struct elf_function *function = &report->file->functions[i];
            if (!*is_first)
                fputc(',', out);
            *is_first = false;
            print_result(out, report, function, finding, source,
                         allow_reason(allowed, report->file, function, finding_name(finding->kind)));
        }
    }
    source_close(source);
}

void sarif_end(FILE *out)
{
    fprintf(out, "]}]}\n");
}
