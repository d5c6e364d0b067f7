/* SPDX-License-Identifier: MIT */
/* trace.c: `rung trace`: one function for each thing that it does to a trace. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os.h"
#include "base/text.h"
#include "cmd/command.h"
#include "elf/array.h"
#include "observe/naming.h"
#include "observe/reader.h"
#include "observe/salvage.h"

static const char help[] =
    "rung trace record [-o FILE] -- PROGRAM [ARGUMENT]...   runs it, and traces what it does (rung.trace)\n"
    "rung trace salvage FILE -o FILE                        a trace of what RUNG_FLIGHT=FILE left behind\n"
    "rung trace symbolize FILE [-o FILE] [--debug-dir DIR]  functions, files and lines, from debug information by build id\n"
    "rung trace cut --from S --to S FILE -o FILE            the generations between two moments, in seconds from its start\n"
    "rung trace stats FILE                                  events by kind, what blocks, waits and computes most\n"
    "rung trace to perfetto|speedscope FILE -o FILE         for ui.perfetto.dev and speedscope.app\n"
    "`go tool trace FILE` opens a trace itself.\n";

/* ---- progress ---- */

enum { LONG_WORK = 16 << 20 }; /* bytes */
#define PROGRESS_NS INT64_C(100000000)

static struct {
    int64_t next; /* when it is told again */
    bool is_shown;
} progress;

/* How much of long work is done, where somebody looks on. */
static void show_progress(uint64_t done, uint64_t all)
{
    int64_t now = os_now();
    if (all < LONG_WORK || now < progress.next)
        return;
    progress.next = now + PROGRESS_NS;
    progress.is_shown = isatty(STDERR_FILENO);
    if (progress.is_shown)
        fprintf(stderr, "\r%3.0f %%", 100.0 * (double)done / (double)all);
}

/* It is over, or something else is to be said. */
static void hide_progress(void)
{
    if (progress.is_shown)
        fputs("\r     \r", stderr);
    progress.is_shown = false;
}

/* ---- failures ---- */

static int fail(const char *format, ...)
{
    va_list arguments;
    hide_progress();
    va_start(arguments, format);
    fputs("rung trace: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return 1;
}

static int fail_errno(const char *path, int error)
{
    return fail("%s: %s", path, strerror(-error));
}

/* ---- options ---- */

struct options {
    const char *output, *directory;
    double from, to;
    char *words[4];
    int count;
};

static bool not_understood(const char *word)
{
    fail("not understood: %s", word);
    return false;
}

static bool parse_seconds(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && *value == *value; /* no NaN */
}

static bool is_known(const char *const *known, const char *option)
{
    while (*known != NULL && strcmp(*known, option) != 0)
        known++;
    return *known != NULL;
}

/* `known`: the options that this one of the commands has. */
static bool parse(int count, char **arguments, const char *const *known, struct options *options)
{
    *options = (struct options){ .to = 1e18 };
    for (int i = 1; i < count; i++) {
        bool has_value = i + 1 < count && is_known(known, arguments[i]);
        if (strcmp(arguments[i], "-o") == 0 && has_value)
            options->output = arguments[++i];
        else if (strcmp(arguments[i], "--debug-dir") == 0 && has_value)
            options->directory = arguments[++i];
        else if ((strcmp(arguments[i], "--from") == 0 || strcmp(arguments[i], "--to") == 0) && has_value) {
            double *value = arguments[i][2] == 'f' ? &options->from : &options->to;
            if (!parse_seconds(arguments[++i], value))
                return not_understood(arguments[i]);
        } else if (arguments[i][0] == '-' || options->count == 4)
            return not_understood(arguments[i]);
        else
            options->words[options->count++] = arguments[i];
    }
    return true;
}

static int usage(void)
{
    fputs(help, stderr);
    return 2;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat one, two;
    return stat(a, &one) == 0 && stat(b, &two) == 0 && one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

/* Opens the output; "-" and none are stdout. It must not be what is read: that would be empty then. */
static FILE *open_output(const char *path, const char *input)
{
    if (path == NULL || strcmp(path, "-") == 0)
        return stdout;
    if (is_same_file(path, input)) {
        fail("%s: is what is read", path);
        return NULL;
    }
    FILE *out = fopen(path, "wb");
    if (out == NULL)
        fail("%s: %s", path, strerror(errno));
    return out;
}

static int close_output(FILE *out, const char *path)
{
    bool is_bad = ferror(out) != 0;
    int error = out != stdout ? fclose(out) : fflush(stdout);
    if (error != 0 || is_bad)
        return fail("%s: %s", path != NULL ? path : "stdout", strerror(errno));
    return 0;
}

/* ---- record and salvage ---- */

/* The program may go elsewhere before it begins. */
static const char *from_here(const char *path)
{
    static char text[8192];
    char here[4096];
    if (path[0] == '/' || getcwd(here, sizeof here) == NULL)
        return path;
    snprintf(text, sizeof text, "%s/%s", here, path);
    return text;
}

static int record(int count, char **arguments)
{
    const char *output = "rung.trace";
    int at = 1;
    if (at + 1 < count && strcmp(arguments[at], "-o") == 0) {
        output = arguments[at + 1];
        at += 2;
    }
    if (at < count && strcmp(arguments[at], "--") == 0)
        at++;
    if (at >= count)
        return usage();
    if (setenv("RUNG_TRACE", from_here(output), 1) != 0)
        return fail("no memory");
    execvp(arguments[at], arguments + at);
    return fail("%s: %s", arguments[at], strerror(errno));
}

static int write_file(void *arg, const void *bytes, size_t count)
{
    return fwrite(bytes, 1, count, arg) == count ? 0 : -EIO;
}

static int salvage(const struct options *options)
{
    struct salvage result;
    if (options->count != 1 || options->output == NULL)
        return usage();
    FILE *out = open_output(options->output, options->words[0]);
    if (out == NULL)
        return 1;
    FILE *told = out != stdout ? stdout : stderr;
    int error = salvage_file(options->words[0], write_file, out, show_progress, &result);
    int status = close_output(out, options->output);
    hide_progress();
    if (error != 0)
        return result.error[0] != '\0' ? fail("%s: %s", options->words[0], result.error) : fail_errno(options->words[0], error);
    fprintf(told, "%" PRIu64 " generations, %" PRIu64 " buffers, last event at %.6f s\n", result.generations, result.buffers,
            (double)result.last_ns / 1e9);
    return status;
}

/* ---- reading a whole trace ---- */

/* Calls `visit` for each generation. 0, or 1 after a message. */
static int visit_all(const char *path, int (*visit)(const struct trace_file *file, const struct generation *generation,
                                                    void *arg), void *arg)
{
    struct trace_file file;
    struct generation generation;
    size_t at = 0;
    int result, status = 0;
    int error = trace_file_open(&file, path);
    if (error != 0)
        return file.error[0] != '\0' ? fail("%s: %s", path, file.error) : fail_errno(path, error);
    while (status == 0 && (result = trace_next_generation(&file, &at, &generation)) == 1) {
        show_progress(at, file.count);
        status = visit(&file, &generation, arg);
        generation_free(&generation);
    }
    if (status == 0 && result < 0)
        status = result == -1 ? fail("%s: %s", path, file.error) : fail_errno(path, result);
    hide_progress();
    trace_file_close(&file);
    return status;
}

static double seconds(const struct generation *generation, uint64_t ticks)
{
    return (double)ticks / (double)generation->frequency;
}

/* ---- goroutines, by number ---- */

struct goroutine {
    uint64_t id;
    double since;        /* of its state */
    char state;          /* 'r'unnable, 'R'unning, 'b'locked, 's'yscall, 0: unknown */
    char name[96];       /* what it began with */
    char where[96];      /* the user's function that blocked */
    size_t sample;       /* speedscope's, of the block that it is in, plus 1 */
    char reason[24];
};

struct goroutines {
    struct goroutine *slots;
    size_t count, capacity;
    bool has_no_memory;   /* for one that was asked for */
};

static struct goroutine *slot_of(struct goroutine *slots, size_t capacity, uint64_t id)
{
    size_t at = (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 20);
    while (slots[at % capacity].id != 0 && slots[at % capacity].id != id)
        at++;
    return &slots[at % capacity];
}

/* NULL for 0, which is none, and without memory. */
static struct goroutine *goroutine(struct goroutines *all, uint64_t id)
{
    if (id == 0)
        return NULL;
    if (2 * all->count >= all->capacity) {
        size_t capacity = all->capacity != 0 ? 2 * all->capacity : 1024;
        struct goroutine *slots = calloc(capacity, sizeof *slots);
        all->has_no_memory = slots == NULL;
        if (slots == NULL)
            return NULL;
        for (size_t i = 0; i < all->capacity; i++)
            if (all->slots[i].id != 0)
                *slot_of(slots, capacity, all->slots[i].id) = all->slots[i];
        free(all->slots);
        all->slots = slots;
        all->capacity = capacity;
    }
    struct goroutine *found = slot_of(all->slots, all->capacity, id);
    if (found->id == 0) {
        found->id = id;
        all->count++;
    }
    return found;
}

static void copy_function(const struct generation *generation, uint64_t stack, size_t index, char *text, size_t bytes)
{
    struct trace_frame frame;
    text[0] = '\0';
    if (generation_frame(generation, stack, index, &frame))
        snprintf(text, bytes, "%.*s", (int)frame.function_length, frame.function);
}

struct replay {
    struct goroutines goroutines;
    struct goroutines threads; /* by number plus 1, so nobody's is 0: whom each runs, in since */
    double begin, last;       /* of the trace, in seconds */
    bool has_begun;
    void (*on_state)(struct replay *replay, const struct generation *generation, struct goroutine *who, char state,
                     double now, uint64_t by, uint64_t stack);
    void *arg;
};

static uint64_t current_of(struct replay *replay, uint64_t thread)
{
    struct goroutine *slot = goroutine(&replay->threads, thread + 1);
    uint64_t id = 0;
    if (slot != NULL)
        memcpy(&id, &slot->since, sizeof id);
    return id;
}

static void set_current(struct replay *replay, uint64_t thread, uint64_t id)
{
    struct goroutine *slot = goroutine(&replay->threads, thread + 1);
    if (slot != NULL)
        memcpy(&slot->since, &id, sizeof id);
}

static void change(struct replay *replay, const struct generation *generation, uint64_t id, char state, double now,
                   uint64_t by, uint64_t stack)
{
    struct goroutine *who = goroutine(&replay->goroutines, id);
    if (who == NULL)
        return;
    replay->on_state(replay, generation, who, state, now, by, stack);
    who->state = state;
    who->since = now;
}

static void replay_event(struct replay *replay, const struct generation *generation, const struct trace_event *event)
{
    double now = seconds(generation, event->time);
    const uint64_t *a = event->arguments;
    uint64_t current = current_of(replay, event->thread);
    if (!replay->has_begun) {
        replay->has_begun = true;
        replay->begin = now;
    }
    replay->last = now;
    switch (event->kind) {
    case KIND_GO_CREATE: {
        struct goroutine *who = goroutine(&replay->goroutines, a[0]);
        if (who != NULL)
            copy_function(generation, a[1], 0, who->name, sizeof who->name);
        change(replay, generation, a[0], 'r', now, current, a[2]);
        break;
    }
    case KIND_GO_START:
        set_current(replay, event->thread, a[0]);
        change(replay, generation, a[0], 'R', now, 0, 0);
        break;
    case KIND_GO_DESTROY:
        change(replay, generation, current, 'd', now, 0, 0);
        set_current(replay, event->thread, 0);
        break;
    case KIND_GO_STOP:
    case KIND_GO_BLOCK: {
        struct goroutine *who = goroutine(&replay->goroutines, current);
        const struct string_entry *reason = generation_string(generation, a[0]);
        if (who != NULL)
            snprintf(who->reason, sizeof who->reason, "%.*s", (int)reason->length, reason->text);
        change(replay, generation, current, event->kind == KIND_GO_STOP ? 'r' : 'b', now, current, a[1]);
        set_current(replay, event->thread, 0);
        break;
    }
    case KIND_GO_UNBLOCK: change(replay, generation, a[0], 'r', now, current, a[2]); break;
    case KIND_SYSCALL_BEGIN: change(replay, generation, current, 's', now, 0, a[1]); break;
    case KIND_SYSCALL_END: change(replay, generation, current, 'R', now, 0, 0); break;
    case KIND_SYSCALL_END_BLOCKED:
        change(replay, generation, current, 'r', now, 0, 0);
        set_current(replay, event->thread, 0);
        break;
    case KIND_GO_STATUS:
    case KIND_GO_STATUS_STACK: {
        static const char states[] = { 0, 'r', 'R', 's', 'b' };
        struct goroutine *who = goroutine(&replay->goroutines, a[0]);
        if (a[2] < 5 && who != NULL && who->state == 0)
            change(replay, generation, a[0], states[a[2]], now, 0, event->kind == KIND_GO_STATUS_STACK ? a[3] : 0);
        if (a[2] == 2 || a[2] == 3)
            set_current(replay, a[1], a[0]);
        break;
    }
    default: break;
    }
}

/* 0, or 1 after a message. */
static int replay_generation(struct replay *replay, const struct generation *generation)
{
    for (size_t i = 0; i < generation->count; i++)
        replay_event(replay, generation, &generation->events[i]);
    return replay->goroutines.has_no_memory || replay->threads.has_no_memory ? fail("no memory") : 0;
}

static void replay_free(struct replay *replay)
{
    free(replay->goroutines.slots);
    free(replay->threads.slots);
}

/* ---- stats ---- */

/* How often something was met, and for how long. */
struct tally {
    char what[128];
    double total;
    uint64_t count;
};

struct delay {
    uint64_t id;
    double begin, length;
    char name[96];
};

enum { TALLIES = 4096, SHOWN = 10 };

struct stats {
    struct replay replay;
    uint64_t kinds[KINDS], events, samples, generations, bytes;
    double last;
    struct tally *blockers, *functions; /* TALLIES each: hash tables */
    struct delay delays[SHOWN];
};

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 14695981039346656037u;
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 1099511628211u;
    return hash;
}

/* What finds no place any more is not counted. */
static void tally_add(struct tally *tallies, const char *what, double length)
{
    uint64_t hash = hash_of(what);
    for (size_t i = 0; i < TALLIES; i++) {
        struct tally *tally = &tallies[(hash + i) % TALLIES];
        if (tally->count != 0 && strcmp(tally->what, what) != 0)
            continue;
        snprintf(tally->what, sizeof tally->what, "%s", what);
        tally->total += length;
        tally->count++;
        return;
    }
}

/* Who was blocked as the trace began has none. */
static const char *reason_of(const struct goroutine *who)
{
    return who->reason[0] != '\0' ? who->reason : "blocked";
}

static void add_blocker(struct stats *stats, const struct goroutine *who, double length)
{
    char what[128];
    snprintf(what, sizeof what, "%s in %s", reason_of(who), who->where[0] != '\0' ? who->where : "?");
    tally_add(stats->blockers, what, length);
}

static void add_samples(struct stats *stats, const struct generation *generation)
{
    char function[128];
    for (size_t i = 0; i < generation->sample_count; i++) {
        copy_function(generation, generation->samples[i].stack, 0, function, sizeof function);
        tally_add(stats->functions, function[0] != '\0' ? function : "?", 1);
    }
    stats->samples += generation->sample_count;
}

static void add_delay(struct stats *stats, const struct goroutine *who, double begin, double length)
{
    int at = SHOWN;
    while (at > 0 && stats->delays[at - 1].length < length)
        at--;
    if (at == SHOWN)
        return;
    memmove(&stats->delays[at + 1], &stats->delays[at], (size_t)(SHOWN - 1 - at) * sizeof stats->delays[0]);
    stats->delays[at] = (struct delay){ who->id, begin, length, "" };
    snprintf(stats->delays[at].name, sizeof stats->delays[at].name, "%s", who->name[0] != '\0' ? who->name : "?");
}

static void stats_state(struct replay *replay, const struct generation *generation, struct goroutine *who, char state,
                        double now, uint64_t by, uint64_t stack)
{
    struct stats *stats = replay->arg;
    (void)by;
    if (who->state == 'b' && state == 'r')
        add_blocker(stats, who, now - who->since);
    if (who->state == 'r' && state == 'R')
        add_delay(stats, who, who->since - replay->begin, now - who->since);
    if (state == 'b')
        copy_function(generation, stack, 1, who->where, sizeof who->where);
}

static int stats_generation(const struct trace_file *file, const struct generation *generation, void *arg)
{
    struct stats *stats = arg;
    (void)file;
    stats->generations++;
    stats->events += generation->count;
    stats->bytes += generation->end - generation->begin;
    for (size_t i = 0; i < generation->count; i++)
        stats->kinds[generation->events[i].kind]++;
    if (generation->count > 0)
        stats->last = seconds(generation, generation->events[generation->count - 1].time);
    add_samples(stats, generation);
    return replay_generation(&stats->replay, generation);
}

/* Those that are none come last. */
static int by_total(const void *a, const void *b)
{
    const struct tally *left = a, *right = b;
    if (left->total != right->total)
        return left->total > right->total ? -1 : 1;
    return left->count > right->count ? -1 : left->count < right->count;
}

static void print_samples(struct stats *stats)
{
    if (stats->samples == 0)
        return;
    qsort(stats->functions, TALLIES, sizeof stats->functions[0], by_total);
    printf("\n samples      %%  on the CPU in\n");
    for (int i = 0; i < SHOWN && stats->functions[i].count != 0; i++)
        printf("%8" PRIu64 " %6.1f  %s\n", stats->functions[i].count,
               100 * (double)stats->functions[i].count / (double)stats->samples, stats->functions[i].what);
}

static void print_stats(struct stats *stats)
{
    printf("%" PRIu64 " events of %zu goroutines in %" PRIu64 " generations and %.3f s, %.1f bytes each\n\n", stats->events,
           stats->replay.goroutines.count, stats->generations, stats->last - stats->replay.begin,
           stats->events > 0 ? (double)stats->bytes / (double)stats->events : 0);
    for (int kind = 0; kind < KINDS; kind++)
        if (stats->kinds[kind] != 0)
            printf("%12" PRIu64 "  %s\n", stats->kinds[kind], trace_kind_name(kind));
    if (stats->samples != 0)
        printf("%12" PRIu64 "  CPUSample\n", stats->samples);
    qsort(stats->blockers, TALLIES, sizeof stats->blockers[0], by_total);
    printf("\n   blocked s     times  for what, where\n");
    for (int i = 0; i < SHOWN && stats->blockers[i].count != 0; i++)
        printf("%12.6f %9" PRIu64 "  %s\n", stats->blockers[i].total, stats->blockers[i].count, stats->blockers[i].what);
    printf("\nlongest waits for a turn\n     for us   at s       goroutine\n");
    for (int i = 0; i < SHOWN && stats->delays[i].id != 0; i++)
        printf("%11.1f   %.6f   %" PRIu64 " %s\n", stats->delays[i].length * 1e6, stats->delays[i].begin,
               stats->delays[i].id, stats->delays[i].name);
    print_samples(stats);
}

static int show_stats(const struct options *options)
{
    if (options->count != 1)
        return usage();
    struct stats *stats = calloc(1, sizeof *stats);
    if (stats != NULL) {
        stats->blockers = calloc(TALLIES, sizeof *stats->blockers);
        stats->functions = calloc(TALLIES, sizeof *stats->functions);
    }
    if (stats == NULL || stats->blockers == NULL || stats->functions == NULL)
        return fail("no memory");
    stats->replay.on_state = stats_state;
    stats->replay.arg = stats;
    int status = visit_all(options->words[0], stats_generation, stats);
    if (status == 0)
        print_stats(stats);
    replay_free(&stats->replay);
    free(stats->functions);
    free(stats->blockers);
    free(stats);
    return status;
}

/* ---- cut ---- */

struct cut {
    FILE *out;
    double from, to, begin;
    bool has_begun;
    uint64_t generations;
};

static int cut_generation(const struct trace_file *file, const struct generation *generation, void *arg)
{
    struct cut *cut = arg;
    if (generation->count == 0)
        return 0;
    double first = seconds(generation, generation->events[0].time);
    double last = seconds(generation, generation->events[generation->count - 1].time);
    if (!cut->has_begun) {
        cut->has_begun = true;
        cut->begin = first;
    }
    if (last < cut->begin + cut->from || first > cut->begin + cut->to)
        return 0;
    if (cut->generations++ == 0)
        fwrite(file->bytes, 1, 16, cut->out);
    fwrite(file->bytes + generation->begin, 1, generation->end - generation->begin, cut->out);
    return 0;
}

static int cut_trace(const struct options *options)
{
    if (options->count != 1 || options->output == NULL || options->from > options->to)
        return usage();
    struct cut cut = { .out = open_output(options->output, options->words[0]), .from = options->from, .to = options->to };
    if (cut.out == NULL)
        return 1;
    int status = visit_all(options->words[0], cut_generation, &cut);
    int closed = close_output(cut.out, options->output);
    if (status == 0 && cut.generations == 0)
        return fail("%s: nothing happens between %g and %g s", options->words[0], options->from, options->to);
    return status != 0 ? status : closed;
}

/* ---- symbolize ---- */

static int learn_generation(const struct trace_file *file, const struct generation *generation, void *naming)
{
    (void)file;
    return naming_learn(naming, generation) == 0 ? 0 : fail("no memory");
}

struct symbolize {
    struct naming *naming;
    const char *input, *output;
    FILE *out;
    bool has_begun;
};

/* The version is known with the first generation. */
static int name_generation(const struct trace_file *file, const struct generation *generation, void *arg)
{
    struct symbolize *symbolize = arg;
    struct trace_file again = *file; /* what reading it again may say is not the visit's */
    int error = symbolize->has_begun ? 0 : naming_begin(symbolize->naming, file->version, write_file, symbolize->out);
    symbolize->has_begun = true;
    if (error == -ENODATA)
        return fail("%s: does not tell what was loaded: only traces of rung do, with a generation that is whole", symbolize->input);
    if (error == 0)
        error = naming_write(symbolize->naming, &again, generation);
    return error != 0 ? fail_errno(symbolize->output, error) : 0;
}

static void tell_missing(const char *sentence)
{
    hide_progress();
    fprintf(stderr, "rung trace: %s\n", sentence);
}

static int symbolize_to(const char *input, const char *output, const char *directory)
{
    uint64_t asked = 0, named = 0;
    struct symbolize symbolize = { .naming = naming_open(directory), .input = input, .output = output };
    if (symbolize.naming == NULL)
        return fail("no memory");
    int status = visit_all(input, learn_generation, symbolize.naming);
    if (status == 0 && (symbolize.out = open_output(output, input)) == NULL)
        status = 1;
    if (status == 0)
        status = visit_all(input, name_generation, &symbolize);
    naming_counts(symbolize.naming, &asked, &named);
    int error = naming_close(symbolize.naming, tell_missing);
    if (symbolize.out != NULL && close_output(symbolize.out, output) != 0)
        status = 1;
    else if (status == 0 && error != 0)
        status = fail_errno(output, error);
    if (status == 0 && symbolize.out != stdout)
        printf("%" PRIu64 " of %" PRIu64 " places have a file and a line\n", named, asked);
    return status;
}

/* Without an output the trace itself is made anew. */
static int symbolize(const struct options *options)
{
    char path[4096];
    if (options->count != 1)
        return usage();
    if (options->output != NULL && !is_same_file(options->words[0], options->output))
        return symbolize_to(options->words[0], options->output, options->directory);
    if ((size_t)snprintf(path, sizeof path, "%s.symbolized", options->words[0]) >= sizeof path)
        return fail("%s: %s", options->words[0], strerror(ENAMETOOLONG));
    int status = symbolize_to(options->words[0], path, options->directory);
    if (status == 0 && rename(path, options->words[0]) != 0)
        status = fail("%s: %s", options->words[0], strerror(errno));
    if (status != 0)
        (void)unlink(path); /* or it was never there */
    return status;
}

/* ---- to perfetto, to speedscope ---- */

/* What is no UTF-8, or was cut within a character, becomes '?'. */
static void put_json(FILE *out, const char *text)
{
    size_t left = strlen(text), bytes;
    fputc('"', out);
    for (; left > 0; text += bytes, left -= bytes) {
        bytes = text_character(text, left);
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        if (bytes == 1 && *text < 0x20)
            fprintf(out, "\\u%04x", *text);
        else
            fwrite(bytes > 0 ? text : "?", 1, bytes > 0 ? bytes : 1, out);
        bytes += bytes == 0;
    }
    fputc('"', out);
}

struct export {
    struct replay replay;
    FILE *out;
    uint64_t flows, rows;
};

static const char *state_name(const struct goroutine *who)
{
    return who->state == 'R' ? "running" : who->state == 'r' ? "runnable" : who->state == 's' ? "system call" : reason_of(who);
}

/* A state that is over is a slice on the goroutine's track; who wakes it, the beginning of an arrow. */
static void perfetto_state(struct replay *replay, const struct generation *generation, struct goroutine *who, char state,
                           double now, uint64_t by, uint64_t stack)
{
    struct export *export = replay->arg;
    (void)generation;
    (void)stack;
    double begin = who->since - replay->begin, end = now - replay->begin;
    if (who->state != 0 && who->state != 'd') {
        fprintf(export->out, ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":%" PRIu64 ",\"ts\":%.3f,\"dur\":%.3f,\"name\":", who->id,
                begin * 1e6, (end - begin) * 1e6);
        put_json(export->out, state_name(who));
        fputc('}', export->out);
    } else {
        fprintf(export->out, ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%" PRIu64 ",\"name\":\"thread_name\",\"args\":{\"name\":",
                who->id);
        put_json(export->out, who->name[0] != '\0' ? who->name : "goroutine");
        fputs("}}", export->out);
    }
    if (who->state == 'b' && state == 'r' && by != 0) {
        export->flows++;
        fprintf(export->out, ",\n{\"ph\":\"s\",\"pid\":1,\"tid\":%" PRIu64 ",\"ts\":%.3f,\"id\":%" PRIu64
                ",\"name\":\"wake\",\"cat\":\"wake\"},\n{\"ph\":\"f\",\"bp\":\"e\",\"pid\":1,\"tid\":%" PRIu64
                ",\"ts\":%.3f,\"id\":%" PRIu64 ",\"name\":\"wake\",\"cat\":\"wake\"}",
                by, end * 1e6, export->flows, who->id, end * 1e6, export->flows);
    }
}

static int export_generation(const struct trace_file *file, const struct generation *generation, void *arg)
{
    struct export *export = arg;
    (void)file;
    return replay_generation(&export->replay, generation);
}

/* What each is in at the end of the trace lasts up to there. */
static void end_slices(struct replay *replay)
{
    for (size_t i = 0; i < replay->goroutines.capacity; i++) {
        struct goroutine *who = &replay->goroutines.slots[i];
        if (who->id != 0 && who->state != 0)
            perfetto_state(replay, NULL, who, 0, replay->last, 0, 0);
    }
}

static int to_perfetto(const char *path, FILE *out)
{
    struct export export = { .out = out };
    export.replay.on_state = perfetto_state;
    export.replay.arg = &export;
    fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":"
          "{\"name\":\"goroutines\"}}", out);
    int status = visit_all(path, export_generation, &export);
    end_slices(&export.replay);
    fputs("\n]}\n", out);
    replay_free(&export.replay);
    return status;
}

/* Each time that a goroutine was blocked is a sample: its stack, weighed by how long. Frames are named where they stand. */
struct speedscope {
    struct replay replay;
    char **frames;
    size_t frame_count, frame_capacity;
    size_t *slots, slot_count; /* a hash table: numbers of frames, plus 1 */
    char *samples;
    FILE *sample_text;
    double *weights, total;
    size_t rows, row_capacity;
    bool has_no_memory;
};

/* Where the name stands, or is to stand. */
static size_t *frame_slot(const struct speedscope *scope, const char *text)
{
    uint64_t slot = hash_of(text);
    for (size_t number; (number = scope->slots[slot % scope->slot_count]) != 0; slot++)
        if (strcmp(scope->frames[number - 1], text) == 0)
            break;
    return &scope->slots[slot % scope->slot_count];
}

static bool grow_slots(struct speedscope *scope)
{
    size_t count = scope->slot_count != 0 ? 2 * scope->slot_count : 1024;
    size_t *slots = calloc(count, sizeof *slots);
    if (slots == NULL)
        return false;
    free(scope->slots);
    scope->slots = slots;
    scope->slot_count = count;
    for (size_t i = 0; i < scope->frame_count; i++)
        *frame_slot(scope, scope->frames[i]) = i + 1;
    return true;
}

/* 0 without memory, too, of which has_no_memory tells. */
static size_t frame_number(struct speedscope *scope, const struct trace_frame *frame)
{
    char text[512];
    snprintf(text, sizeof text, "%.*s", (int)frame->function_length, frame->function);
    bool has_room = (2 * scope->frame_count < scope->slot_count || grow_slots(scope)) &&
                    array_reserve(&scope->frames, &scope->frame_capacity, scope->frame_count + 1, sizeof *scope->frames);
    size_t *slot = has_room ? frame_slot(scope, text) : NULL;
    char *copy = slot != NULL && *slot == 0 ? strdup(text) : NULL;
    scope->has_no_memory |= slot == NULL || (*slot == 0 && copy == NULL);
    if (copy != NULL) {
        scope->frames[scope->frame_count++] = copy;
        *slot = scope->frame_count;
    }
    return slot != NULL && *slot != 0 ? *slot - 1 : 0;
}

static bool add_row(struct speedscope *scope)
{
    if (!array_reserve(&scope->weights, &scope->row_capacity, scope->rows + 1, sizeof *scope->weights)) {
        scope->has_no_memory = true;
        return false;
    }
    scope->weights[scope->rows++] = 0;
    return true;
}

/* The stack of a block is written at once, root first, its weight known at the wake; of who is not woken it stays 0. */
static void speedscope_state(struct replay *replay, const struct generation *generation, struct goroutine *who, char state,
                             double now, uint64_t by, uint64_t stack)
{
    struct speedscope *scope = replay->arg;
    struct trace_frame frame;
    (void)by;
    if (who->state == 'b' && state != 'b' && who->sample != 0) {
        scope->weights[who->sample - 1] = now - who->since;
        scope->total += now - who->since;
    }
    who->sample = 0;
    size_t depth = 0;
    while (state == 'b' && depth < UINT8_MAX && generation_frame(generation, stack, depth, &frame))
        depth++;
    if (depth == 0 || !add_row(scope))
        return;
    who->sample = scope->rows;
    fputs(scope->rows > 1 ? ",[" : "[", scope->sample_text);
    for (size_t i = depth; i > 0 && generation_frame(generation, stack, i - 1, &frame); i--)
        fprintf(scope->sample_text, "%s%zu", i < depth ? "," : "", frame_number(scope, &frame));
    fputc(']', scope->sample_text);
}

static int speedscope_generation(const struct trace_file *file, const struct generation *generation, void *arg)
{
    struct speedscope *scope = arg;
    (void)file;
    return replay_generation(&scope->replay, generation);
}

static void put_speedscope(struct speedscope *scope, FILE *out)
{
    fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\"shared\":{\"frames\":[", out);
    for (size_t i = 0; i < scope->frame_count; i++) {
        fputs(i > 0 ? ",{\"name\":" : "{\"name\":", out);
        put_json(out, scope->frames[i]);
        fputc('}', out);
    }
    fprintf(out, "]},\"profiles\":[{\"type\":\"sampled\",\"name\":\"blocked\",\"unit\":\"seconds\",\"startValue\":0,"
            "\"endValue\":%.9f,\"samples\":[%s],\"weights\":[", scope->total, scope->samples);
    for (size_t i = 0; i < scope->rows; i++)
        fprintf(out, "%s%.9f", i > 0 ? "," : "", scope->weights[i]);
    fputs("]}]}\n", out);
}

static int to_speedscope(const char *path, FILE *out)
{
    struct speedscope scope = { .rows = 0 };
    size_t sample_bytes;
    scope.replay.on_state = speedscope_state;
    scope.replay.arg = &scope;
    scope.sample_text = open_memstream(&scope.samples, &sample_bytes);
    if (scope.sample_text == NULL)
        return fail("no memory");
    int status = visit_all(path, speedscope_generation, &scope);
    if (fclose(scope.sample_text) != 0 || scope.has_no_memory)
        status = fail("no memory");
    if (status == 0)
        put_speedscope(&scope, out);
    for (size_t i = 0; i < scope.frame_count; i++)
        free(scope.frames[i]);
    free(scope.slots);
    free(scope.samples);
    free(scope.weights);
    free(scope.frames);
    replay_free(&scope.replay);
    return status;
}

static int convert(const struct options *options)
{
    if (options->count != 2)
        return usage();
    int (*to)(const char *path, FILE *out) = strcmp(options->words[0], "perfetto") == 0     ? to_perfetto
                                             : strcmp(options->words[0], "speedscope") == 0 ? to_speedscope
                                                                                            : NULL;
    if (to == NULL) {
        not_understood(options->words[0]);
        return usage();
    }
    FILE *out = open_output(options->output, options->words[1]);
    if (out == NULL)
        return 1;
    int status = to(options->words[1], out);
    int closed = close_output(out, options->output);
    return status != 0 ? status : closed;
}

static const struct {
    const char *name;
    int (*run)(const struct options *options);
    const char *options[4]; /* NULL-terminated */
} commands[] = {
    { "salvage", salvage, { "-o" } },
    { "symbolize", symbolize, { "-o", "--debug-dir" } },
    { "cut", cut_trace, { "-o", "--from", "--to" } },
    { "stats", show_stats, { NULL } },
    { "to", convert, { "-o" } },
};

int command_trace(int count, char **arguments)
{
    struct options options;
    if (count < 2)
        return usage();
    if (strcmp(arguments[1], "--help") == 0 || (count > 2 && strcmp(arguments[2], "--help") == 0)) {
        fputs(help, stdout);
        return 0;
    }
    if (strcmp(arguments[1], "record") == 0)
        return record(count - 1, arguments + 1);
    for (size_t i = 0; i < array_length(commands); i++)
        if (strcmp(arguments[1], commands[i].name) == 0)
            return parse(count - 1, arguments + 1, commands[i].options, &options) ? commands[i].run(&options) : usage();
    not_understood(arguments[1]);
    return usage();
}
