/* SPDX-License-Identifier: MIT */
/*
 * report.c: numbers and text in columns, at most 96 wide. Names may hold any UTF-8, bars do: so
 * columns are padded by hand where printf would count bytes.
 */
#define _GNU_SOURCE 1
#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ranking.h"

enum { COLUMNS = 96, BAR = 24, DUMP_LINES = 100 };

/* 1234567 as 1,234,567; in one of a few buffers that are used in turn. */
static const char *grouped(uint64_t number)
{
    static char texts[8][28];
    static unsigned turn;
    char *at = texts[turn++ % 8] + 27;
    *at = '\0';
    for (int digits = 0; digits == 0 || number > 0; digits++, number /= 10) {
        if (digits > 0 && digits % 3 == 0)
            *--at = ',';
        *--at = (char)('0' + number % 10);
    }
    return at;
}

static double seconds_of(const struct job *job)
{
    double seconds = (double)job->took_ns / 1e9;
    return seconds > 1e-6 ? seconds : 1e-6;
}

static double megabytes_of(const struct job *job)
{
    return (double)atomic_load_explicit(&job->bytes, memory_order_relaxed) / 1e6;
}

void report_bar(char *text, size_t capacity, double share, int width)
{
    static const char *const eighths[] = { " ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█" };
    int filled = (int)(share * width * 8 + 0.5);
    size_t length = 0;
    text[0] = '\0';
    for (int i = 0; i < width && length + 4 < capacity; i++, filled -= 8) {
        const char *cell = eighths[filled < 0 ? 0 : filled > 8 ? 8 : filled];
        memcpy(text + length, cell, strlen(cell) + 1);
        length += strlen(cell);
    }
}

static void print_rule(void)
{
    for (int i = 0; i < COLUMNS - 2; i++)
        fputs(i == 0 ? "  ─" : "─", stdout);
    putchar('\n');
}

void report_heading(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("\n  ", stdout);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
    print_rule();
}

/* ---- progress --------------------------------------------------------------------------- */

int64_t progress_period_ns(void)
{
    return isatty(STDERR_FILENO) ? RUNG_MILLISECONDS(50) : RUNG_SECONDS(1);
}

void progress_draw(const struct job *job)
{
    char bar[BAR * 3 + 8], percent[16] = "";
    double megabytes = megabytes_of(job);
    double seconds = (double)(rung_now() + job->took_ns) / 1e9; /* took_ns: minus the start */
    double share = job->expected_bytes > 0 ? megabytes * 1e6 / (double)job->expected_bytes : 0;
    share = share > 1 ? 1 : share;
    report_bar(bar, sizeof bar, share, job->expected_bytes > 0 ? BAR : 0);
    if (job->expected_bytes > 0)
        snprintf(percent, sizeof percent, "%3.0f %% ", share * 100);
    bool is_terminal = isatty(STDERR_FILENO);
    fprintf(stderr, "%s  %-18s %s%s %9s files %9.1f MB %7.1f MB/s%s", is_terminal ? "\r" : "",
            job->title, percent, bar,
            grouped(atomic_load_explicit(&job->files, memory_order_relaxed)), megabytes,
            seconds > 0 ? megabytes / seconds : 0, is_terminal ? "\x1b[K" : "\n");
}

void progress_clear(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\x1b[K", stderr);
}

/* ---- tables ----------------------------------------------------------------------------- */

void report_identifiers(const struct job *job)
{
    struct ranking ranking;
    ranking_make(&ranking, &job->counts);
    report_heading("%-44s %12s", "most frequent identifiers", "found");
    for (int i = 0; i < ranking.used; i++) {
        const struct rank *rank = &ranking.ranks[i];
        char bar[BAR * 3 + 8];
        report_bar(bar, sizeof bar, (double)rank->count / (double)ranking.ranks[0].count, BAR);
        int length = rank->length <= 40 ? (int)rank->length : 40;
        printf("  %2d  %.*s%*s %12s  %s\n", i + 1, length, rank->name, 40 - length, "",
               grouped(rank->count), bar);
    }
    printf("      %-40s %12s\n", "all of them", grouped(ranking.found));
    printf("      %-40s %12s\n", "different ones", grouped(ranking.different));
}

static void print_speed(const char *how, const struct job *job)
{
    printf("  %-36s %12s %12.1f %10.2f %12.1f\n", how,
           grouped(atomic_load_explicit(&job->files, memory_order_relaxed)), megabytes_of(job),
           seconds_of(job), megabytes_of(job) / seconds_of(job));
}

static void print_comparison(const struct job *pipeline, const struct job *single)
{
    struct ranking theirs, its;
    ranking_make(&theirs, &pipeline->counts);
    ranking_make(&its, &single->counts);
    printf("  The goroutines were %.2f times as fast",
           megabytes_of(pipeline) / seconds_of(pipeline) /
               (megabytes_of(single) / seconds_of(single)));
    if (pipeline->error < 0 || single->error < 0)
        printf(".\n");
    else if (theirs.found == its.found && theirs.different == its.different)
        printf("; both found the same %s identifiers.\n", grouped(its.found));
    else
        printf("; but they found %s identifiers, and the one %s: did the files change?\n",
               grouped(theirs.found), grouped(its.found));
}

void report_speed(const struct job *pipeline, const struct job *single)
{
    report_heading("%-36s %12s %12s %10s %12s", "the same job, files in the page cache", "files",
                   "MB", "seconds", "MB/s");
    print_speed("many goroutines", pipeline);
    if (single->took_ns > 0)
        print_speed("one goroutine", single);
    putchar('\n');
    if (megabytes_of(pipeline) > 0 && megabytes_of(single) > 0)
        print_comparison(pipeline, single);
    printf("  They took %s switches, %s steals and %s hand-overs.\n", grouped(pipeline->switches),
           grouped(pipeline->steals), grouped(pipeline->hand_overs));
}

void report_troubles(const struct job *job)
{
    uint64_t binaries = atomic_load_explicit(&job->binaries, memory_order_relaxed);
    uint64_t files = atomic_load_explicit(&job->files, memory_order_relaxed);
    if (job->is_interrupted)
        printf("\n  Interrupted: this is what was found until then.\n");
    else if (job->error == -ETIMEDOUT)
        printf("\n  The deadline passed (--seconds): this is what was found until then.\n");
    else if (job->error < 0)
        printf("\n  It ended early: %s.\n", strerror(-job->error));
    else if (files == 0)
        printf("\n  There is no text file in %s.\n", job->directory);
    if (job->failures > 0)
        printf("\n  %s could not be read, the first one %s.\n", grouped(job->failures),
               job->first_failure);
    if (binaries > 0)
        printf("\n  %s binary file%s left out.\n", grouped(binaries),
               binaries == 1 ? " was" : "s were");
}

/* ---- the dump --------------------------------------------------------------------------- */

/* At most COLUMNS wide, cut between characters of UTF-8. */
static void print_line(const char *line)
{
    int columns = 0;
    const char *end = line;
    for (; *end != '\0' && *end != '\n'; end++)
        if (((unsigned char)*end & 0xC0) != 0x80 && ++columns > COLUMNS - 3)
            break;
    printf("%s%.*s%s\n", end > line ? "  " : "", (int)(end - line), line,
           *end == '\0' || *end == '\n' ? "" : "…");
}

void report_dump(int fd)
{
    char line[1024];
    int printed = 0, left_out = 0;
    FILE *dump = fdopen(fd, "r");
    if (dump == NULL)
        return;
    rewind(dump);
    while (fgets(line, sizeof line, dump) != NULL)
        if (printed < DUMP_LINES) {
            print_line(line);
            printed++;
        } else
            left_out++;
    if (left_out > 0)
        printf("  ... and %d lines more\n", left_out);
    fclose(dump);
}
