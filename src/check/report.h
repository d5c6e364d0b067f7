/* SPDX-License-Identifier: MIT */
/*
 * report.h: what is told of one or more files: for people, as JSON, as SARIF; limits; the allow-list; a diff.
 *
 * All of this runs in one thread.
 */
#ifndef RUNG_CHECK_REPORT_H
#define RUNG_CHECK_REPORT_H

#include <stdio.h>

#include "check/check.h"
#include "elf/source.h"

/* ---- words ---- */

/* The finding's short name, as --deny and the reports have it. */
const char *finding_name(enum finding_kind kind);
/* True for the name of a class, or of a kind of finding. */
bool is_class_or_finding(const char *name);
/* One sentence: what is wrong, with the registers' and callees' names; and one of advice. */
void finding_sentence(const struct report *report, const struct elf_function *function, const struct finding *finding,
                      char *text, size_t text_size);
const char *finding_advice(enum finding_kind kind);
/* What a function of this class does to a walk, in a few words. */
const char *class_meaning(enum class class);
/* A function's name, demangled; one without is named by its address. Malloc'ed, or NULL. */
char *function_name(const struct elf_file *file, const struct elf_function *function);
/* The last part of a file's path. */
const char *file_name(const char *path);

/* ---- the allow-list ---- */

struct allow_list;

/* Reads the file; each line: [FILE:]FUNCTION WHAT REASON. NULL with a sentence in `error` if it cannot be read. */
struct allow_list *allow_open(const char *path, char error[ELF_ERROR_MAX]);
void allow_close(struct allow_list *list);
/* The reason why the function may be of that class, or have that finding; NULL: it may not. The list may be NULL. */
const char *allow_reason(struct allow_list *list, const struct elf_file *file, const struct elf_function *function,
                         const char *what);
/* Tells on `out` of lines that allowed nothing; gives back how many. */
size_t allow_unused(const struct allow_list *list, FILE *out);

/* ---- limits ---- */

enum weight { BY_FUNCTIONS = 1, BY_BYTES, BY_CALLS };

struct limits {
    struct required {
        enum class class;
        enum weight weight;
        double percent;
    } required[16];
    const char *denied[32];
    size_t required_count, denied_count;
};

/* "framed=99%", "framed=99.5%:calls"; "clobber,cfi". False: not understood. */
bool limits_require(struct limits *limits, const char *text);
bool limits_deny(struct limits *limits, char *text);

struct totals {
    uint64_t files, functions[CLASSES], bytes[CLASSES], calls, calls_whole, calls_caller, calls_broken;
    uint64_t findings[FINDING_KINDS], allowed, denied, unreached_bytes;
    uint64_t judged_functions[CLASSES], judged_bytes[CLASSES]; /* less what the allow-list lets pass */
    uint64_t judged_calls, judged_calls_whole;
};

/* Adds a file; counts as denied what the limits and the allow-list do not let pass. */
void totals_add(struct totals *totals, const struct report *report, const struct limits *limits,
                struct allow_list *allowed);
/* The share of what is not a leaf, in percent: of functions, bytes or call sites. 100 if there is nothing. */
double totals_share(const struct totals *totals, enum class class, enum weight weight);
/* True if every limit is kept; tells of the others on `out`. */
bool limits_kept(const struct limits *limits, const struct totals *totals, FILE *out);

/* ---- formats ---- */

struct table_options {
    bool has_colors, wants_all; /* wants_all: every function, not only the worst */
    unsigned most;              /* functions of each kind */
};

void table_print(FILE *out, const struct report *report, struct allow_list *allowed, const struct table_options *options);
void table_print_totals(FILE *out, const struct totals *totals, const struct table_options *options);

void json_begin(FILE *out);
void json_print(FILE *out, const struct report *report, struct allow_list *allowed, bool is_first);
void json_end(FILE *out, const struct totals *totals);

void sarif_begin(FILE *out);
void sarif_print(FILE *out, const struct report *report, struct allow_list *allowed, bool *is_first);
void sarif_end(FILE *out);

/* The functions of that name (as in the file, or demangled), with the chain's state at each instruction. How many. */
int explain_print(FILE *out, const struct report *report, const char *name, bool has_colors);
/* For other tools: a line for each instruction that is reached, its address and where the chain stands there. */
int explain_instructions(FILE *out, const struct report *report);

/* Compares two JSON reports; how many functions are worse, or -1 with a sentence in `error`. */
int diff_print(FILE *out, const char *old_path, const char *new_path, char error[ELF_ERROR_MAX]);

#endif
