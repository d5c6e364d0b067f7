/* SPDX-License-Identifier: MIT */
/*
 * check.c: all functions of a file, shared out among threads.
 *
 * Recipe. 1. Threads take functions in chunks, by a counter; each writes the verdicts of its own functions, and keeps
 * findings to itself. 2. When all are joined, the jumps that lead into parts split off are sorted, and the parts are
 * done the same way; those that other parts jump into are done once more. 3. Callers of functions that have turned out to have no return are done once more, if the code
 * after the call looked doubtful; a few rounds of that. 4. If the file calls what may park, the callers of those, and
 * theirs, may park too; functions that use thread-locals are done once more, knowing that. 5. Findings are put together.
 */
#include "check/check.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic.h"
#include "elf/array.h"

enum { CHUNK = 64, THREADS_MOST = 16, FUNCTIONS_PER_THREAD = 1000 };

enum phase { WHOLE_FUNCTIONS = 1, PARTS, AGAIN };
enum { NORETURN_ROUNDS = 4, PART_ROUNDS = 8 };

struct worker {
    struct work *work;
    pthread_t thread;
    bool is_started;
    int error;
    struct flow flow;
    struct found { /* findings, each with its function's number */
        uint32_t function;
        struct finding finding;
    } *found;
    size_t found_count, found_room;
};

struct work {
    struct report *report;
    const struct elf_file *file;
    struct note {             /* of each function */
        bool is_endless;      /* has no return */
        bool is_told;         /* ... and its callers have been run again */
        bool uses_thread_local, wants_again;
    } *notes;
    size_t next;              /* atomic: the first function that no thread has taken */
    enum phase phase;
    struct worker workers[THREADS_MOST];
    unsigned worker_count;
};

const char *class_name(enum class class)
{
    static const char *const names[CLASSES] = { "none", "framed", "leaf", "transparent", "clobber", "unknown" };
    return names[class];
}

/* ---- one function ---- */

static enum class class_of(const struct flow *flow)
{
    const struct figures *figures = &flow->figures;
    if (figures->chains[CHAIN_BROKEN] + figures->chains[CHAIN_SPOILED] > 0)
        return CLASS_CLOBBER;
    for (uint32_t i = 0; i < flow->finding_count; i++)
        if (flow->findings[i].kind == FINDING_NOT_RESTORED)
            return CLASS_CLOBBER;
    if (figures->is_undecoded || figures->is_unsettled || figures->instructions == 0)
        return CLASS_UNKNOWN;
    if (figures->chains[CHAIN_MAYBE] > 0)
        return CLASS_UNKNOWN;
    if (figures->calls_caller > 0)
        return CLASS_TRANSPARENT;
    return figures->calls > 0 || figures->chains[CHAIN_WHOLE] + figures->chains[CHAIN_ROOT] > 0 ? CLASS_FRAMED
                                                                                             : CLASS_LEAF;
}

static bool keep_findings(struct worker *worker, uint32_t number)
{
    const struct flow *flow = &worker->flow;
    for (uint32_t i = 0; i < flow->finding_count; i++) {
        if (!array_reserve(&worker->found, &worker->found_room, worker->found_count + 1, sizeof *worker->found))
            return false;
        struct finding finding = flow->findings[i];
        if (finding.kind == FINDING_CLOBBER || finding.kind == FINDING_RECORD)
            finding.other = flow->figures.broken_call;
        worker->found[worker->found_count++] = (struct found){ number, finding };
    }
    return true;
}

static uint32_t bytes_of(const struct elf_file *file, size_t number)
{
    const struct elf_function *function = &file->functions[number];
    uint64_t end = function->end;
    if (number + 1 < file->function_count && file->functions[number + 1].start < end)
        end = file->functions[number + 1].start;
    return end - function->start;
}

static void write_verdict(struct worker *worker, size_t number)
{
    const struct figures *figures = &worker->flow.figures;
    struct verdict *verdict = &worker->work->report->verdicts[number];
    *verdict = (struct verdict){
        .class = class_of(&worker->flow), .bytes = bytes_of(worker->work->file, number), .calls = figures->calls,
        .calls_whole = figures->calls_whole, .calls_caller = figures->calls_caller,
        .calls_broken = figures->calls_broken, .unreached_bytes = figures->unreached_bytes,
        .breaks_at = figures->broken_at,
        .breaks_call = figures->broken_call != UNKNOWN_OFFSET ? figures->broken_call : figures->caller_call,
    };
}

const struct incoming *check_entries(const struct report *report, const struct elf_function *function, size_t *count)
{
    *count = 0;
    if (!(function->flags & FUNCTION_IS_PART) || report->incoming_count == 0)
        return NULL;
    size_t first = array_from(report->incoming, report->incoming_count, sizeof *report->incoming, function->start);
    while (first + *count < report->incoming_count && report->incoming[first + *count].target < function->end)
        ++*count;
    return report->incoming + first;
}

static bool is_wanted(const struct work *work, size_t number)
{
    bool is_part = (work->file->functions[number].flags & FUNCTION_IS_PART) != 0;
    if (work->phase == AGAIN)
        return work->notes[number].wants_again;
    return work->phase == PARTS ? is_part : !is_part;
}

static int check_function(struct worker *worker, size_t number)
{
    struct work *work = worker->work;
    const struct elf_function *function = &work->file->functions[number];
    size_t entry_count;
    const struct incoming *entries = check_entries(work->report, function, &entry_count);
    int error = flow_run(&worker->flow, function, entries, entry_count);
    if (error != 0)
        return error;
    const struct figures *figures = &worker->flow.figures;
    write_verdict(worker, number);
    work->notes[number].is_endless = !figures->returns && figures->instructions > 0 && !figures->is_unsettled;
    work->notes[number].uses_thread_local = figures->uses_thread_local && figures->calls > 0;
    return keep_findings(worker, number) ? 0 : -ENOMEM;
}

/* ---- threads ---- */

static void *run_worker(void *argument)
{
    struct worker *worker = argument;
    struct work *work = worker->work;
    while (worker->error == 0) {
        size_t from = atomic_add_relaxed(&work->next, CHUNK), to = from + CHUNK;
        if (from >= work->file->function_count)
            break;
        if (to > work->file->function_count)
            to = work->file->function_count;
        for (size_t i = from; i < to && worker->error == 0; i++)
            if (is_wanted(work, i))
                worker->error = check_function(worker, i);
    }
    return NULL;
}

/* The first worker is this thread; one that cannot be started is done without. */
static int run_phase(struct work *work, enum phase phase)
{
    work->phase = phase;
    work->next = 0;
    for (unsigned i = 1; i < work->worker_count; i++)
        work->workers[i].is_started = pthread_create(&work->workers[i].thread, NULL, run_worker, &work->workers[i]) == 0;
    run_worker(&work->workers[0]);
    int error = work->workers[0].error;
    for (unsigned i = 1; i < work->worker_count; i++) {
        if (work->workers[i].is_started)
            pthread_join(work->workers[i].thread, NULL);
        if (work->workers[i].error != 0)
            error = work->workers[i].error;
    }
    return error;
}

/* ---- between phases ---- */

static bool has_entry(const struct report *report, size_t count, const struct incoming *new)
{
    uint8_t sp = report->cpu->sp, fp = report->cpu->fp;
    size_t i = array_from(report->incoming, count, sizeof *new, new->target);
    for (; i < count && report->incoming[i].target == new->target; i++)
        if (report->incoming[i].state.registers[sp] == new->state.registers[sp] &&
            report->incoming[i].state.registers[fp] == new->state.registers[fp])
            return true;
    return false;
}

/*
 * Puts the jumps into parts that have been seen since together with those before. A part that is entered with a stack
 * or frame pointer that it had not been entered with is to be run; `wanted` counts these entries.
 */
static int gather_incoming(struct work *work, size_t *wanted)
{
    struct report *report = work->report;
    size_t before = report->incoming_count;
    for (unsigned i = 0; i < work->worker_count; i++) {
        struct flow *flow = &work->workers[i].flow;
        if (!array_reserve(&report->incoming, &report->incoming_room, report->incoming_count + flow->incoming_count,
                           sizeof *report->incoming))
            return -ENOMEM;
        for (size_t j = 0; j < flow->incoming_count; j++)
            if (!has_entry(report, before, &flow->incoming[j])) {
                report->incoming[report->incoming_count++] = flow->incoming[j];
                work->notes[elf_function_at(work->file, flow->incoming[j].target) - work->file->functions].wants_again = true;
            }
        flow->incoming_count = 0;
    }
    *wanted = report->incoming_count - before;
    array_sort(report->incoming, report->incoming_count, sizeof *report->incoming);
    return 0;
}

/* The pairs of all workers, by callee: malloc'ed. */
static struct pair *gather_pairs(const struct work *work, bool wants_doubts, size_t *count)
{
    size_t total = 0;
    for (unsigned i = 0; i < work->worker_count; i++)
        total += wants_doubts ? work->workers[i].flow.doubts.count : work->workers[i].flow.edges.count;
    struct pair *all = malloc((total + 1) * sizeof *all);
    *count = 0;
    for (unsigned i = 0; all != NULL && i < work->worker_count; i++) {
        const struct flow *flow = &work->workers[i].flow;
        const struct pairs *pairs = wants_doubts ? &flow->doubts : &flow->edges;
        if (pairs->count > 0)
            memcpy(all + *count, pairs->items, pairs->count * sizeof *all);
        *count += pairs->count;
    }
    if (all != NULL)
        array_sort(all, *count, sizeof *all);
    return all;
}

/* Runs the functions whose notes want it once more; their findings before are dropped. */
static int run_again(struct work *work)
{
    for (unsigned i = 0; i < work->worker_count; i++) {
        struct worker *worker = &work->workers[i];
        size_t kept = 0;
        for (size_t j = 0; j < worker->found_count; j++)
            if (!work->notes[worker->found[j].function].wants_again)
                worker->found[kept++] = worker->found[j];
        worker->found_count = kept;
    }
    int error = run_phase(work, AGAIN);
    for (size_t i = 0; i < work->file->function_count; i++)
        work->notes[i].wants_again = false;
    return error;
}

/* Parts are entered from functions, and from other parts. Those that nothing was seen to enter are run first, too. */
static int check_parts(struct work *work)
{
    size_t wanted;
    int error = gather_incoming(work, &wanted);
    if (error == 0)
        error = run_phase(work, PARTS);
    for (size_t i = 0; i < work->file->function_count; i++)
        work->notes[i].wants_again = false;
    for (int round = 0; error == 0 && round < PART_ROUNDS; round++) {
        error = gather_incoming(work, &wanted);
        if (error != 0 || wanted == 0)
            break;
        error = run_again(work);
    }
    return error;
}

static struct note *note_of(const struct work *work, uint64_t start)
{
    const struct elf_function *function = elf_function_from(work->file, start);
    return function == NULL ? NULL : &work->notes[function - work->file->functions];
}

/* A function returns, too, if a part that it jumps to does: goes back to it, mostly. */
static void ask_parts(struct work *work, const struct pair *doubts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct elf_function *part = elf_function_from(work->file, doubts[i].callee);
        struct note *caller = note_of(work, doubts[i].caller);
        if (part != NULL && caller != NULL && part->flags & FUNCTION_IS_PART &&
            !work->notes[part - work->file->functions].is_endless)
            caller->is_endless = false;
    }
}

/* Who calls a function without a return, and was thought to go on after it, is run again, which may make it one too. */
static int check_endless(struct work *work)
{
    int error = 0;
    for (int round = 0; error == 0 && round < NORETURN_ROUNDS; round++) {
        size_t count, wanted = 0;
        struct pair *doubts = gather_pairs(work, true, &count);
        if (doubts == NULL)
            return -ENOMEM;
        ask_parts(work, doubts, count);
        for (size_t i = 0; error == 0 && i < count; i++) {
            struct note *note = note_of(work, doubts[i].callee), *caller = note_of(work, doubts[i].caller);
            if (caller == NULL || note == NULL || !note->is_endless || note->is_told)
                continue;
            wanted++;
            caller->wants_again = true;
            if (i + 1 < count && doubts[i + 1].callee == doubts[i].callee)
                continue;
            note->is_told = true;
            error = calls_add(&work->report->calls, doubts[i].callee, CALLEE_NORETURN);
        }
        free(doubts);
        if (wanted == 0)
            break;
        calls_sort(&work->report->calls);
        for (unsigned i = 0; i < work->worker_count; i++) /* those of the others have been looked at, and stay */
            work->workers[i].flow.wants_edges = false;
        error = error == 0 ? run_again(work) : error;
    }
    return error;
}

/* Marks, from those that park by name, all that call them, and so on. The list of addresses is the queue. */
static int spread_parking(struct work *work, const struct pair *edges, size_t edge_count)
{
    struct calls *calls = &work->report->calls;
    uint8_t *is_marked = calloc(work->file->function_count + 1, 1);
    int error = is_marked == NULL ? -ENOMEM : 0;
    for (size_t i = 0; error == 0 && i < calls->count; i++) {
        struct callee_at callee = calls->known[i];
        if (!(callee.what & CALLEE_PARKS))
            continue;
        size_t j = array_from(edges, edge_count, sizeof *edges, callee.address);
        for (; error == 0 && j < edge_count && edges[j].callee == callee.address; j++) {
            const struct elf_function *caller = elf_function_from(work->file, edges[j].caller);
            if (caller == NULL || is_marked[caller - work->file->functions])
                continue;
            is_marked[caller - work->file->functions] = 1;
            error = calls_add(calls, caller->start, CALLEE_PARKS);
        }
    }
    free(is_marked);
    calls_sort(calls);
    return error;
}

static int check_parking(struct work *work)
{
    size_t count;
    if (!work->report->calls.has_parking)
        return 0;
    struct pair *edges = gather_pairs(work, false, &count);
    int error = edges == NULL ? -ENOMEM : spread_parking(work, edges, count);
    free(edges);
    for (unsigned i = 0; i < work->worker_count; i++)
        work->workers[i].flow.wants_edges = false;
    for (size_t i = 0; i < work->file->function_count; i++)
        work->notes[i].wants_again = work->notes[i].uses_thread_local;
    return error == 0 ? run_again(work) : error;
}

/* ---- putting it together ---- */

static int found_order(const void *a, const void *b)
{
    const struct found *left = a, *right = b;
    if (left->function != right->function)
        return left->function < right->function ? -1 : 1;
    return left->finding.offset < right->finding.offset ? -1 : left->finding.offset > right->finding.offset;
}

static int gather_findings(struct work *work)
{
    struct report *report = work->report;
    size_t total = 0;
    for (unsigned i = 0; i < work->worker_count; i++)
        total += work->workers[i].found_count;
    struct found *all = malloc((total + 1) * sizeof *all);
    report->findings = malloc((total + 1) * sizeof *report->findings);
    if (all == NULL || report->findings == NULL) {
        free(all);
        return -ENOMEM;
    }
    size_t count = 0;
    for (unsigned i = 0; i < work->worker_count; i++) {
        struct worker *worker = &work->workers[i];
        if (worker->found_count > 0)
            memcpy(all + count, worker->found, worker->found_count * sizeof *all);
        count += worker->found_count;
    }
    if (total > 0)
        qsort(all, total, sizeof *all, found_order);
    for (size_t i = 0; i < total; i++) {
        struct verdict *verdict = &report->verdicts[all[i].function];
        if (verdict->finding_count == 0)
            verdict->first_finding = i;
        verdict->finding_count++;
        report->findings[i] = all[i].finding;
    }
    report->finding_count = total;
    free(all);
    for (size_t i = 0; i < work->file->function_count; i++)
        report->unreached_bytes += report->verdicts[i].unreached_bytes;
    return 0;
}

static unsigned thread_count(const struct elf_file *file, unsigned threads)
{
    if (threads == 0) {
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        threads = cpus > 1 ? cpus : 1;
    }
    size_t useful = file->function_count / FUNCTIONS_PER_THREAD + 1;
    if (threads > useful)
        threads = useful;
    return threads > THREADS_MOST ? THREADS_MOST : threads;
}

static int run_all(struct work *work)
{
    int error = calls_read(&work->report->calls, work->file);
    for (unsigned i = 0; error == 0 && i < work->worker_count; i++) {
        struct worker *worker = &work->workers[i];
        worker->work = work;
        worker->flow.wants_edges = work->report->calls.has_parking;
        if (!flow_open(&worker->flow, work->file, work->report->cpu, &work->report->calls))
            error = -ENOMEM;
        worker->flow.wants_edges = work->report->calls.has_parking;
    }
    if (error == 0)
        error = run_phase(work, WHOLE_FUNCTIONS);
    if (error == 0)
        error = check_parts(work);
    if (error == 0)
        error = check_endless(work);
    if (error == 0)
        error = check_parking(work);
    return error == 0 ? gather_findings(work) : error;
}

int check_file(struct report *report, const struct elf_file *file, unsigned threads)
{
    struct work *work = calloc(1, sizeof *work);
    memset(report, 0, sizeof *report);
    report->file = file;
    report->cpu = cpu_of_machine(file->machine);
    report->verdicts = calloc(file->function_count + 1, sizeof *report->verdicts);
    int error = -ENOMEM;
    if (work != NULL && report->verdicts != NULL) {
        work->report = report;
        work->file = file;
        work->worker_count = thread_count(file, threads);
        work->notes = calloc(file->function_count + 1, sizeof *work->notes);
        error = work->notes != NULL ? run_all(work) : -ENOMEM;
        report->decoder = work->workers[0].flow.decoder;
        work->workers[0].flow.decoder = NULL;
        for (unsigned i = 0; i < work->worker_count; i++) {
            flow_close(&work->workers[i].flow);
            free(work->workers[i].found);
        }
        free(work->notes);
    }
    free(work);
    if (error != 0)
        check_release(report);
    return error;
}

void check_release(struct report *report)
{
    calls_release(&report->calls);
    decoder_close(report->decoder);
    free(report->incoming);
    free(report->verdicts);
    free(report->findings);
    report->verdicts = NULL;
    report->findings = NULL;
    report->incoming = NULL;
    report->decoder = NULL;
}
