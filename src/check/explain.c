/* SPDX-License-Identifier: MIT */
/* explain.c: one function's instructions, with where the chain stands at each, and what CFI says. */
#include <stdlib.h>
#include <string.h>

#include "check/report.h"

struct explanation {
    FILE *out;
    const struct report *report;
    struct source *source;
    bool has_colors;
    const char *last_file;
    int last_line;
};

static const char *chain_text(enum chain chain)
{
    switch (chain) {
    case CHAIN_CALLER: return "caller";
    case CHAIN_WHOLE: return "whole";
    case CHAIN_ROOT: return "root";
    case CHAIN_MAYBE: case CHAIN_SPOILED: return "maybe";
    case CHAIN_BROKEN: return "BROKEN";
    default: return "-";
    }
}

static void value_text(value v, char *text, size_t size)
{
    switch (kind_of(v)) {
    case CALLER_FP: snprintf(text, size, "caller's"); break;
    case RETURN_ADDRESS: snprintf(text, size, "return"); break;
    case CFA: snprintf(text, size, "cfa%+d", offset_of(v)); break;
    case REALIGNED: case MOVED: snprintf(text, size, "moved%+d", offset_of(v)); break;
    case FRAME: snprintf(text, size, "frame"); break;
    case NUMBER: snprintf(text, size, "%d", offset_of(v)); break;
    case THREAD_LOCAL: case STALE: snprintf(text, size, "&tls"); break;
    case MIXED: case SPOILED: snprintf(text, size, "either"); break;
    default: snprintf(text, size, "?"); break;
    }
}

static void row_text(const struct cpu *cpu, const struct cfi_row *row, char *text, size_t size)
{
    if (row->cfa == CFI_CFA_NONE)
        snprintf(text, size, "-");
    else if (row->cfa == CFI_CFA_EXPRESSION)
        snprintf(text, size, "(expression)");
    else if (row->fp == CFI_AT_CFA)
        snprintf(text, size, "%s+%d fp@c%+d", row->cfa_register < REGISTERS ? cpu->register_names[row->cfa_register] : "?",
                 row->cfa_offset, row->fp_offset);
    else
        snprintf(text, size, "%s+%d", row->cfa_register < REGISTERS ? cpu->register_names[row->cfa_register] : "?",
                 row->cfa_offset);
}

static void print_source(struct explanation *explanation, uint64_t address)
{
    const char *file;
    int line;
    if (!source_line(explanation->source, address, &file, &line) ||
        (explanation->last_file == file && explanation->last_line == line))
        return;
    explanation->last_file = file;
    explanation->last_line = line;
    fprintf(explanation->out, "  %s:%d\n", file, line);
}

static void print_step(struct flow *flow, const struct step *step, const struct state *state, void *argument)
{
    struct explanation *explanation = argument;
    char sp[32], fp[32], row[64], instruction[160];
    uint64_t address = flow->function->start + step->offset;
    value_text(state->registers[flow->cpu->sp], sp, sizeof sp);
    value_text(state->registers[flow->cpu->fp], fp, sizeof fp);
    row_text(flow->cpu, &flow->rows[step->row], row, sizeof row);
    decoder_print(explanation->report->decoder, flow->bytes + step->offset, flow->size - step->offset, address, instruction,
                  sizeof instruction);
    print_source(explanation, address);
    const char *color = !explanation->has_colors ? "" : step->chain == CHAIN_BROKEN ? "\033[31m"
                        : step->chain == CHAIN_WHOLE ? "\033[32m" : "";
    fprintf(explanation->out, "  +%-6x %s%-7s%s sp=%-10s fp=%-10s %-20s %s", step->offset, color,
            chain_text(step->chain), explanation->has_colors ? "\033[0m" : "", sp, fp, row, instruction);
    if (step->form.operation == CALL || step->form.operation == JUMP) {
        const char *name = elf_target_name(flow->file, address, step->value);
        if (name != NULL)
            fprintf(explanation->out, " <%s>", name);
    }
    fputc('\n', explanation->out);
}

/* Runs the function once to see what it comes to, and once more to tell. */
static int run_twice(struct flow *flow, const struct report *report, const struct elf_function *function,
                     void (*tell)(struct flow *, const struct step *, const struct state *, void *), void *argument)
{
    flow->tell = NULL;
    size_t count;
    const struct incoming *entries = check_entries(report, function, &count);
    int error = flow_run(flow, function, entries, count);
    if (error != 0)
        return error;
    flow->tell = tell;
    flow->tell_argument = argument;
    flow_judge(flow);
    flow->tell = NULL;
    return 0;
}

static bool is_named(const struct elf_file *file, const struct elf_function *function, const char *name)
{
    if (function->name != NULL && strcmp(function->name, name) == 0)
        return true;
    char *readable = function_name(file, function);
    bool is_same = readable != NULL && strcmp(readable, name) == 0;
    free(readable);
    return is_same;
}

static void print_findings(FILE *out, const struct report *report, size_t number)
{
    const struct verdict *verdict = &report->verdicts[number];
    char text[400];
    for (unsigned i = 0; i < verdict->finding_count; i++) {
        const struct finding *finding = &report->findings[verdict->first_finding + i];
        finding_sentence(report, &report->file->functions[number], finding, text, sizeof text);
        fprintf(out, "  %s: %s %s\n", finding_name(finding->kind), text, finding_advice(finding->kind));
    }
}

int explain_print(FILE *out, const struct report *report, const char *name, bool has_colors)
{
    struct flow flow;
    int found = 0;
    if (!flow_open(&flow, report->file, report->cpu, &report->calls))
        return -1;
    struct explanation explanation = { .out = out, .report = report, .has_colors = has_colors,
                                       .source = source_open(report->file) };
    for (size_t i = 0; i < report->file->function_count; i++) {
        const struct elf_function *function = &report->file->functions[i];
        if (!is_named(report->file, function, name))
            continue;
        found++;
        char *readable = function_name(report->file, function);
        fprintf(out, "%s: %s: %s (%s)\n", report->file->path, readable != NULL ? readable : name,
                class_name(report->verdicts[i].class), class_meaning(report->verdicts[i].class));
        free(readable);
        print_findings(out, report, i);
        fprintf(out, "  %6s  %-7s %-13s %-13s %-20s %s\n", "offset", "chain", "stack pointer", "frame pointer", "CFI",
                "instruction");
        if (run_twice(&flow, report, function, print_step, &explanation) != 0)
            break;
    }
    source_close(explanation.source);
    flow_close(&flow);
    return found;
}

/* ---- for other tools ---- */

static void print_address(struct flow *flow, const struct step *step, const struct state *state, void *argument)
{
    (void)state;
    fprintf(argument, "%llx %s\n", (unsigned long long)(flow->function->start + step->offset), chain_text(step->chain));
}

int explain_instructions(FILE *out, const struct report *report)
{
    struct flow flow;
    if (!flow_open(&flow, report->file, report->cpu, &report->calls))
        return -1;
    int error = 0;
    for (size_t i = 0; error == 0 && i < report->file->function_count; i++) {
        const struct elf_function *function = &report->file->functions[i];
        char *name = function_name(report->file, function);
        fprintf(out, "function %llx %llx %s %s\n", (unsigned long long)function->start,
                (unsigned long long)(function->end - function->start), class_name(report->verdicts[i].class),
                name != NULL ? name : "?");
        free(name);
        error = run_twice(&flow, report, function, print_address, out);
    }
    flow_close(&flow);
    return error;
}
