/* SPDX-License-Identifier: MIT */
/*
 * check.c: `rung check`. Exit status: 0 clean, 1 findings or a limit that is not kept, 2 something could not be read.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/report.h"
#include "cmd/command.h"

enum format { TABLE = 1, JSON, SARIF, INSTRUCTIONS };
enum status { CLEAN = 0, FINDINGS = 1, TROUBLE = 2 };
enum { DEFAULT_MOST = 20 };

struct run {
    enum format format;
    struct table_options table;
    struct limits limits;
    struct allow_list *allowed;
    const char *explained;   /* a function's name */
    unsigned threads, explained_count;
    bool wants_closure, is_first_file, is_first_result, is_quiet;
    struct totals totals;
    int status;
};

static const char usage_text[] =
    "rung check [OPTION]... FILE|PID|/proc/PID...\n"
    "rung check --diff OLD.json NEW.json\n"
    "Says of each function of an ELF file (x86-64, arm64; program, library, object, archive) whether a walker of\n"
    "frame pointers gets through it.\n"
    "  --closure             the libraries that it needs, too\n"
    "  --require CLASS=N%    fail if less of the functions, leaves apart, are of the class; N%:bytes, N%:calls\n"
    "  --deny WHAT,...       fail if there is such a class or finding (clobber, transparent, cfi, stack-switch, ...)\n"
    "  --allow FILE          what is known and accepted: lines of [FILE:]FUNCTION WHAT REASON\n"
    "  --explain FUNCTION    its instructions, with the chain's state at each\n"
    "  --all, --top N        every function; the N worst (20)\n"
    "  --json, --sarif       for programs\n"
    "  --instructions        for programs: where the chain stands at each instruction\n"
    "  --quiet               no report: limits that are not kept, and the status\n"
    "  --color WHEN          auto, always, never\n"
    "  --threads N           as many threads at most (the CPUs)\n"
    "Status: 0 clean, 1 findings or a limit not kept, 2 what cannot be read.\n";

/* ---- one file ---- */

static int report_file(struct elf_file *file, void *argument)
{
    struct run *run = argument;
    struct report report;
    int error = check_file(&report, file, run->threads);
    if (error != 0) {
        fprintf(stderr, "rung check: %s: %s\n", file->path, strerror(-error));
        run->status = TROUBLE;
        return 0;
    }
    totals_add(&run->totals, &report, &run->limits, run->allowed);
    if (run->explained != NULL) {
        int found = explain_print(stdout, &report, run->explained, run->table.has_colors);
        run->explained_count += found > 0 ? found : 0;
    } else if (run->format == JSON) {
        json_print(stdout, &report, run->allowed, run->is_first_file);
    } else if (run->format == SARIF) {
        sarif_print(stdout, &report, run->allowed, &run->is_first_result);
    } else if (run->format == INSTRUCTIONS) {
        explain_instructions(stdout, &report);
    } else if (!run->is_quiet) {
        table_print(stdout, &report, run->allowed, &run->table);
    }
    run->is_first_file = false;
    check_release(&report);
    return 0;
}

/* The sentence is told, whatever was wrong; of a closure, the rest goes on. */
static void trouble(struct run *run, const char *sentence)
{
    fprintf(stderr, "rung check: %s\n", sentence);
    run->status = TROUBLE;
}

static void check_path(struct run *run, const char *path)
{
    char error[ELF_ERROR_MAX];
    if (elf_visit(path, report_file, run, error) < 0)
        trouble(run, error);
}

static void check_paths(struct run *run, char **paths, int count)
{
    for (int i = 0; i < count; i++) {
        check_path(run, paths[i]);
        free(paths[i]);
    }
    free(paths);
}

/* ---- arguments ---- */

/* The number of "123", "/proc/123" or "/proc/123/exe"; 0 if it is no process. A file of that name goes first. */
static int process_of(const char *argument)
{
    const char *digits = strncmp(argument, "/proc/", 6) == 0 ? argument + 6 : argument;
    size_t length = strspn(digits, "0123456789");
    if (length == 0 || length > 9 || (digits[length] != '\0' && strcmp(digits + length, "/") != 0))
        return 0;
    return digits == argument && access(argument, F_OK) == 0 ? 0 : atoi(digits);
}

static void check_process(struct run *run, int pid)
{
    char error[ELF_ERROR_MAX], **paths, name[64];
    int count = elf_process_files(pid, &paths, error);
    if (count < 0) {
        trouble(run, error);
        return;
    }
    check_paths(run, paths, count);
    size_t size;
    void *vdso = elf_process_vdso(pid, &size);
    snprintf(name, sizeof name, "[vdso] of process %d", pid);
    if (vdso != NULL && elf_visit_memory(name, vdso, size, report_file, run, error) < 0)
        trouble(run, error);
}

static void check_argument(struct run *run, const char *argument)
{
    char error[ELF_ERROR_MAX], **paths;
    int pid = process_of(argument);
    if (pid != 0) {
        check_process(run, pid);
    } else if (run->wants_closure) {
        int count = elf_closure(argument, &paths, error);
        if (count < 0)
            trouble(run, error);
        else
            check_paths(run, paths, count);
    } else {
        check_path(run, argument);
    }
}

enum choice { CLOSURE = 256, REQUIRE, DENY, ALLOW, EXPLAIN, ALL, TOP, AS_JSON, AS_SARIF, EACH, QUIET, COLOR, THREADS,
              DIFF, HELP };

static const struct option long_options[] = {
    { "closure", no_argument, NULL, CLOSURE }, { "require", required_argument, NULL, REQUIRE },
    { "deny", required_argument, NULL, DENY }, { "allow", required_argument, NULL, ALLOW },
    { "explain", required_argument, NULL, EXPLAIN }, { "all", no_argument, NULL, ALL },
    { "top", required_argument, NULL, TOP }, { "json", no_argument, NULL, AS_JSON },
    { "sarif", no_argument, NULL, AS_SARIF }, { "instructions", no_argument, NULL, EACH },
    { "quiet", no_argument, NULL, QUIET }, { "color", required_argument, NULL, COLOR },
    { "threads", required_argument, NULL, THREADS }, { "diff", no_argument, NULL, DIFF },
    { "help", no_argument, NULL, HELP }, { NULL, 0, NULL, 0 },
};

static bool read_number(const char *text, unsigned *number)
{
    char *end;
    errno = 0;
    unsigned long parsed = strtoul(text, &end, 10);
    *number = parsed;
    return isdigit((unsigned char)*text) && *end == '\0' && errno == 0 && parsed <= INT_MAX;
}

static bool read_color(const char *text, bool *has_colors)
{
    if (strcmp(text, "auto") == 0)
        *has_colors = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
    else
        *has_colors = strcmp(text, "always") == 0;
    return strcmp(text, "auto") == 0 || strcmp(text, "always") == 0 || strcmp(text, "never") == 0;
}

/* False, with a sentence said, if the option's argument is not understood. */
static bool take_option(struct run *run, int option, char *argument)
{
    char error[ELF_ERROR_MAX] = "";
    bool is_good = true;
    switch (option) {
    case CLOSURE: run->wants_closure = true; break;
    case REQUIRE: is_good = limits_require(&run->limits, argument); break;
    case DENY: is_good = limits_deny(&run->limits, argument); break;
    case EXPLAIN: run->explained = argument; break;
    case ALL: run->table.wants_all = true; break;
    case TOP: is_good = read_number(argument, &run->table.most); break;
    case AS_JSON: run->format = JSON; break;
    case AS_SARIF: run->format = SARIF; break;
    case EACH: run->format = INSTRUCTIONS; break;
    case QUIET: run->is_quiet = true; break;
    case COLOR: is_good = read_color(argument, &run->table.has_colors); break;
    case THREADS: is_good = read_number(argument, &run->threads); break;
    case ALLOW:
        allow_close(run->allowed);
        run->allowed = allow_open(argument, error);
        is_good = run->allowed != NULL;
        break;
    default: return false; /* getopt has said why */
    }
    if (!is_good && error[0] != '\0')
        fprintf(stderr, "rung check: %s\n", error);
    else if (!is_good)
        fprintf(stderr, "rung check: not understood: %s\n", argument);
    return is_good;
}

static int diff(int count, char **arguments)
{
    char error[ELF_ERROR_MAX];
    if (count != 2) {
        fputs("rung check: --diff takes two reports\n", stderr);
        return TROUBLE;
    }
    int worse = diff_print(stdout, arguments[0], arguments[1], error);
    if (worse < 0)
        fprintf(stderr, "rung check: %s\n", error);
    return worse < 0 ? TROUBLE : worse > 0 ? FINDINGS : CLEAN;
}

/* ---- all of them ---- */

static void check_arguments(struct run *run, int count, char **arguments)
{
    bool has_report = run->explained == NULL;
    if (has_report && run->format == JSON)
        json_begin(stdout);
    else if (has_report && run->format == SARIF)
        sarif_begin(stdout);
    for (int i = 0; i < count; i++)
        check_argument(run, arguments[i]);
    if (has_report && run->format == JSON)
        json_end(stdout, &run->totals);
    else if (has_report && run->format == SARIF)
        sarif_end(stdout);
    else if (has_report && run->format == TABLE && run->totals.files > 1 && !run->is_quiet)
        table_print_totals(stdout, &run->totals, &run->table);
}

static int finish(struct run *run)
{
    if (run->explained != NULL && run->status == CLEAN) {
        if (run->explained_count == 0)
            fprintf(stderr, "rung check: no function %s\n", run->explained);
        return run->explained_count > 0 ? CLEAN : TROUBLE;
    }
    allow_unused(run->allowed, stderr);
    if (!limits_kept(&run->limits, &run->totals, stderr) && run->status == CLEAN)
        run->status = FINDINGS;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "rung check: cannot write: %s\n", strerror(errno));
        run->status = TROUBLE;
    }
    return run->status;
}

int command_check(int count, char **arguments)
{
    struct run run = { .format = TABLE, .table = { .most = DEFAULT_MOST }, .is_first_file = true, .is_first_result = true };
    int option;
    read_color("auto", &run.table.has_colors);
    optind = 0;
    while ((option = getopt_long(count, arguments, "", long_options, NULL)) != -1) {
        if (option == HELP) {
            fputs(usage_text, stdout);
            allow_close(run.allowed);
            return CLEAN;
        }
        if (option == DIFF) {
            allow_close(run.allowed);
            return diff(count - optind, arguments + optind);
        }
        if (!take_option(&run, option, optarg)) {
            allow_close(run.allowed);
            return TROUBLE;
        }
    }
    if (optind == count) {
        fputs(usage_text, stderr);
        allow_close(run.allowed);
        return TROUBLE;
    }
    check_arguments(&run, count - optind, arguments + optind);
    int status = finish(&run);
    allow_close(run.allowed);
    return status;
}
