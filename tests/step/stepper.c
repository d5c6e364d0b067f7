/* SPDX-License-Identifier: MIT */
/*
 * stepper.c: proves the contract of the frame chain (machine/arch.h) at every instruction of a program.
 *
 *     stepper [qemu-aarch64 ...] PROGRAM [ROUNDS]
 *
 * What is true is kept apart from what frame records and CFI say: a shadow, an entry for each call that has not
 * returned {return pc, sp after the return, frame pointer at the call}, made by watching calls and returns.
 *   rung_mcall calls fn        the shadow of the goroutine is put aside; that of g0 stands on top of it
 *   m->link's bp turns to 0    what stood below g0's part is gone: the goroutine may be published now
 *   rung_gogo loads the frame pointer: the goroutine's shadow is current
 *   rung_switch loads it, its second change there: the same, and the one that departs is put aside
 *   rung_mstart loads it, its second change there: the shadow is empty, a root
 *   a signal                   two entries: the handler's return, and the interrupted instruction
 *
 * After each instruction:
 *   by CFI              each frame's pc, CFA and frame pointer are the shadow's, to the root
 *   by frame pointers   the pcs are those of the shadow whose frames are set up; only that of the current
 *                       instruction, or an interrupted one, may lack its record (then its caller's pc is
 *                       missing: a window), or a function of a foreign library
 *   records             aligned, rising, on this thread's stacks, or on that of the goroutine it runs
 *   the link            is cut when the goroutine's status changes; what it has saved is the shadow's
 *   returns             come back where they were called, with stack and frame pointer as they were
 *   the process's walk  of what a signal interrupted, by the handler: its pcs are the shadow's, to the root
 */
#include "target.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { DEPTH = 192, GOROUTINES = 4096, PLACES = 1 << 14, WRONG_MOST = 3, ROUTINE_BYTES = 1024 };
enum { G_SP = 0, G_PC = 8, G_BP = 16, M_G = 0, M_LINK = 8 }; /* as in machine/arch.h */
enum kind { PLAIN = 1, CALL, RETURN, JUMP, TRAP }; /* of instructions */

/* ---- what is true ---- */

struct entry {
    uint64_t ret, cfa, fp;
    bool is_interrupted; /* ret is an instruction that a signal interrupted */
    bool is_framed;      /* its function has set up a record */
    uint32_t bare;       /* instructions of its function without */
};

struct shadow {
    struct entry entry[DEPTH];
    int depth;
};

static struct shadow now;
static bool is_open = true; /* until rung_mstart: below lies what was not seen */
static int linked;          /* entries of the goroutine below g0's; 0: not linked */
static uint64_t link_address, m, gogo_g;
static int pointer_changes;      /* of the frame pointer, within rung_gogo, rung_switch or rung_mstart */
static int signals_open;         /* handlers running */
static bool is_published;        /* the goroutine that was left last, by mcall or switch */
static uint64_t left_g;

static struct parked {
    uint64_t g;
    struct shadow shadow;
} *parked[GOROUTINES];

/* What program.c lays open. */
static struct layout {
    uint64_t g0_low, g0_high, signal_low, signal_high, departed, stack_low, stack_high, status, running;
} layout;

/* ---- figures ---- */

enum { MCALL, GOGO, SWITCH, SYSTEMSTACK, START, MSTART, FP_LOAD, ROUTINES };

static struct routine {
    const char *name;
    uint64_t low, size;
    uint64_t steps, windows, signals;
    bool is_seen[ROUTINE_BYTES]; /* by byte: executed */
    bool is_hit[ROUTINE_BYTES];  /* a signal has landed there */
} routines[ROUTINES] = { { .name = "rung_mcall" }, { .name = "rung_gogo" }, { .name = "rung_switch" },
                         { .name = "rung_systemstack" }, { .name = "rung_goroutine_start" },
                         { .name = "rung_mstart" }, { .name = "rung_fp_load" } };

static struct figures {
    uint64_t steps, librung, foreign, wrong;
    uint64_t by_pointers, by_cfi;              /* chains compared */
    uint64_t entry, exit, bare, at_gogo;       /* windows */
    uint64_t interrupted;                      /* chains through a signal's frame */
    uint64_t walks;                            /* of the process's own, from a handler, compared */
    uint64_t signals, cuts, switches, deepest;
} figures;

static uint64_t walker, walk; /* rung_backtrace_context, and where program.c keeps what it found */
static struct registers here, at_signal; /* now, and where the last signal landed */

static struct routine *routine_of(uint64_t pc)
{
    for (int i = 0; i < ROUTINES; i++)
        if (pc - routines[i].low < routines[i].size)
            return &routines[i];
    return NULL;
}

/* ---- telling ---- */

static void print_shadow(void)
{
    fprintf(stderr, "    true:  %s", program_function(here.r[cpu.pc]));
    for (int i = now.depth; i-- > 0;)
        fprintf(stderr, " < %s%s", program_function(now.entry[i].ret),
                linked != 0 && i == linked - 1 ? " (goroutine)" : "");
    fprintf(stderr, is_open ? " < ...\n" : " < root\n");
}

static void print_walk(const char *how, const uint64_t *pcs, int count)
{
    fprintf(stderr, "    %s", how);
    for (int i = 0; i < count; i++)
        fprintf(stderr, "%s%s", i == 0 ? " " : " < ", program_function(pcs[i]));
    fputc('\n', stderr);
}

__attribute__((format(printf, 1, 2))) static void wrong(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "wrong: step %llu, at %s, sp %llx, fp %llx: ", (unsigned long long)figures.steps,
            program_function(here.r[cpu.pc]), (unsigned long long)here.r[cpu.sp],
            (unsigned long long)here.r[cpu.fp]);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    print_shadow();
    if (++figures.wrong == WRONG_MOST)
        fail("%d wrong chains, and no more looked for", WRONG_MOST);
}

/* ---- instructions ---- */

/* Length 0: that of the step. */
static enum kind decode_x86(const uint8_t *code, int *length)
{
    int i = 0;
    *length = 0;
    while (code[i] == 0xf2 || code[i] == 0xf3 || code[i] == 0x2e || code[i] == 0x3e || code[i] == 0x66 ||
           (code[i] & 0xf0) == 0x40)
        i++;
    uint8_t opcode = code[i], operand = code[i + 1];
    int field = operand >> 3 & 7;
    if (opcode == 0xe8 || (opcode == 0xff && field == 2))
        return *length = opcode == 0xe8 ? i + 5 : 0, CALL;
    if (opcode == 0xc3)
        return *length = i + 1, RETURN;
    if (opcode == 0xff && field == 4)
        return *length = operand >= 0xc0 ? i + 2 : 0, JUMP;
    if (opcode == 0xeb || (opcode & 0xf0) == 0x70)
        return *length = i + 2, JUMP;
    if (opcode == 0xe9)
        return *length = i + 5, JUMP;
    if (opcode == 0x0f && (operand & 0xf0) == 0x80)
        return *length = i + 6, JUMP;
    return opcode == 0x0f && operand == 0x05 ? TRAP : PLAIN;
}

static enum kind decode_arm(uint32_t code)
{
    if ((code & 0xfc000000) == 0x94000000 || (code & 0xfffffc1f) == 0xd63f0000)
        return CALL;
    if ((code & 0xfffffc1f) == 0xd65f0000)
        return RETURN;
    if ((code & 0xfffffc1f) == 0xd61f0000 || (code & 0xfc000000) == 0x14000000)
        return JUMP;
    return code == 0xd4000001 ? TRAP : PLAIN;
}

static struct place {
    uint64_t pc;
    enum kind kind;
    int length;
} places[PLACES];

static const struct place *place_of(uint64_t pc)
{
    struct place *place = &places[(pc ^ pc >> 14) % PLACES];
    uint8_t code[16] = { 0 };
    if (place->pc == pc)
        return place;
    if (!target_read(pc, code, sizeof code) && !target_read(pc, code, 4))
        fail("no code at 0x%llx", (unsigned long long)pc);
    *place = (struct place){ pc, PLAIN, 4 };
    uint32_t word;
    memcpy(&word, code, sizeof word);
    place->kind = cpu.is_arm ? decode_arm(word) : decode_x86(code, &place->length);
    return place;
}

/* ---- keeping the shadow ---- */

static uint64_t word_at_sp(void)
{
    return target_word(here.r[cpu.sp]);
}

static void push(uint64_t ret, uint64_t cfa, uint64_t fp)
{
    if (now.depth == DEPTH)
        fail("more than %d calls deep", DEPTH);
    now.entry[now.depth++] = (struct entry){ .ret = ret, .cfa = cfa, .fp = fp };
    if ((uint64_t)now.depth > figures.deepest)
        figures.deepest = (uint64_t)now.depth;
}

static struct entry *top_entry(void)
{
    if (now.depth == 0)
        fail("a return at %s, where nothing was called", program_function(here.r[cpu.pc]));
    return &now.entry[now.depth - 1];
}

static void pop(const char *what)
{
    struct entry *top = top_entry();
    if (here.r[cpu.pc] != top->ret || here.r[cpu.sp] != top->cfa || here.r[cpu.fp] != top->fp)
        wrong("%s goes to %s with sp %llx, fp %llx", what, program_function(top->ret),
              (unsigned long long)top->cfa, (unsigned long long)top->fp);
    if (top->is_framed)
        figures.entry += top->bare;
    else
        figures.bare += top->bare;
    now.depth--;
}

static struct parked **parked_at(uint64_t g)
{
    for (unsigned i = 0, at = (unsigned)(g >> 7); i < GOROUTINES; i++, at++)
        if (parked[at % GOROUTINES] == NULL || parked[at % GOROUTINES]->g == g)
            return &parked[at % GOROUTINES];
    fail("more than %d goroutines", GOROUTINES);
}

static bool was_cut; /* a link that was never made cannot be cut */

static bool link_is_cut(void)
{
    return target_word(link_address) == 0;
}

static bool is_g0_root(uint64_t pc)
{
    return strncmp(program_function(pc), "rung_g0_root", 12) == 0;
}

/* g is left, with the lowest `depth` entries. */
static void put_aside(uint64_t g, int depth)
{
    struct parked **slot = parked_at(g);
    if (*slot == NULL)
        *slot = calloc(1, sizeof **slot);
    (*slot)->g = g;
    memcpy((*slot)->shadow.entry, now.entry, (size_t)depth * sizeof *now.entry);
    (*slot)->shadow.depth = depth;
    left_g = g;
    is_published = false;
    figures.switches++;
}

/* rung_mcall has called fn, whose return address is on top. */
static void left_by_mcall(void)
{
    linked = now.depth - 1;
    was_cut = link_is_cut();
    put_aside(target_word(m + M_G), linked);
}

static void switched_by_gogo(void)
{
    struct parked **slot = parked_at(gogo_g);
    uint64_t pc = target_word(gogo_g + G_PC);
    linked = 0;
    now.depth = 0;
    if (routine_of(pc) == &routines[START])
        push(pc, target_word(gogo_g + G_SP), target_word(gogo_g + G_BP));
    else if (*slot != NULL)
        now = (*slot)->shadow;
    else
        wrong("goes on with a goroutine that never was left");
}

static void watch_pointer(const struct registers *before, const struct routine *routine)
{
    if (before->r[cpu.fp] == here.r[cpu.fp])
        return;
    pointer_changes++;
    if (routine == &routines[GOGO] && pointer_changes == 1) {
        switched_by_gogo();
    } else if (routine == &routines[SWITCH] && pointer_changes == 2) {
        put_aside(target_word(m + layout.departed), now.depth);
        switched_by_gogo();
    } else if (routine == &routines[MSTART] && pointer_changes == 2) {
        link_address = target_word(m + M_LINK);
        was_cut = link_is_cut();
        now.depth = 0;
        is_open = false;
    }
}

static void watch_entry(const struct routine *routine)
{
    pointer_changes = 0;
    if (routine == &routines[GOGO])
        gogo_g = here.r[0];
    else if (routine == &routines[SWITCH])
        gogo_g = target_word(m + M_G);
}

static void watch_jump(const struct registers *before)
{
    const struct routine *from = routine_of(before->r[cpu.pc]), *to = routine_of(here.r[cpu.pc]);
    if (from == to)
        return;
    if (from == &routines[SWITCH] && to == &routines[MCALL])
        return; /* on its behalf */
    if (from == &routines[GOGO] || from == &routines[SWITCH])
        pop("gogo");
    else if (from == &routines[START] && cpu.is_arm)
        push(here.r[ARM_LR], here.r[cpu.sp], here.r[cpu.fp]);
    else if (from == &routines[START] || to == &routines[MCALL] || to == &routines[SWITCH]) /* x86-64: push and jump */
        push(word_at_sp(), here.r[cpu.sp] + 8, here.r[cpu.fp]);
}

static void watch_link(void)
{
    if (linked == 0)
        return;
    bool is_cut = link_is_cut();
    if (is_cut && !was_cut) {
        memmove(now.entry, now.entry + linked, (size_t)(now.depth - linked) * sizeof *now.entry);
        now.depth -= linked;
        linked = 0;
        figures.cuts++;
    }
    was_cut = is_cut;
}

static void mark_seen(const struct registers *before)
{
    struct routine *routine = routine_of(before->r[cpu.pc]);
    const struct place *place = place_of(before->r[cpu.pc]);
    uint64_t start = before->r[cpu.pc] - routine->low;
    uint64_t length = place->length != 0 ? (uint64_t)place->length
                      : place->kind == CALL ? word_at_sp() - before->r[cpu.pc]
                                            : here.r[cpu.pc] - before->r[cpu.pc];
    for (uint64_t i = start; i < start + length && i < routine->size; i++)
        routine->is_seen[i] = true;
}

static void follow(const struct registers *before);

/*
 * A system call, which may be the return from a handler. qemu's stub shows the program only after one more
 * instruction: that is followed from what the registers must have been before it.
 */
static void watch_trap(const struct registers *before)
{
    struct registers after = here, next = *before;
    if (now.depth > 0 && top_entry()->is_interrupted) {
        if (cpu.is_arm)
            here = next = at_signal;
        pop("the return from a signal");
        here = after;
        signals_open--;
    } else {
        next.r[cpu.pc] += 4;
    }
    if (cpu.is_arm && here.r[cpu.pc] != next.r[cpu.pc])
        follow(&next);
}

static void follow(const struct registers *before)
{
    const struct place *place = place_of(before->r[cpu.pc]);
    const struct routine *from = routine_of(before->r[cpu.pc]), *to = routine_of(here.r[cpu.pc]);
    if (from != NULL)
        mark_seen(before);
    if (place->kind == CALL)
        push(cpu.is_arm ? before->r[cpu.pc] + 4 : word_at_sp(), before->r[cpu.sp], before->r[cpu.fp]);
    else if (place->kind == RETURN)
        pop("a return");
    else if (place->kind == JUMP)
        watch_jump(before);
    else if (place->kind == TRAP)
        watch_trap(before);
    if (from == &routines[MCALL] && place->kind == CALL && signals_open == 0)
        left_by_mcall();
    if (from != NULL && from == to)
        watch_pointer(before, from);
    else if (to != NULL && here.r[cpu.pc] == to->low)
        watch_entry(to);
    watch_link();
}

/* The handler is about to run its first instructions; `before` is where the signal landed. */
static void interrupted(const struct registers *before)
{
    uint64_t handler = program_symbol("step_handler", NULL);
    if (here.r[cpu.pc] - handler > 4)
        fail("a signal at %s goes to %s", program_function(before->r[cpu.pc]), program_function(here.r[cpu.pc]));
    struct routine *routine = routine_of(before->r[cpu.pc]);
    if (routine != NULL)
        routine->signals++;
    at_signal = *before;
    push(before->r[cpu.pc], before->r[cpu.sp], before->r[cpu.fp]);
    top_entry()->is_interrupted = true;
    top_entry()->is_framed = true;
    if (cpu.is_arm)
        push(here.r[ARM_LR], here.r[cpu.sp], here.r[cpu.fp]);
    else
        push(word_at_sp(), here.r[cpu.sp] + 8, here.r[cpu.fp]);
    figures.signals++;
    signals_open++;
}

/* ---- checks ---- */

static uint64_t m_word(uint64_t offset)
{
    return target_word(m + offset);
}

static bool is_running(uint64_t g)
{
    return (uint32_t)target_word(g + layout.status) == layout.running;
}

static bool is_within(uint64_t address, uint64_t low, uint64_t high)
{
    return address >= low && address + 16 <= high;
}

static bool is_on_stack(uint64_t address, uint64_t g)
{
    return g != 0 && is_within(address, target_word(g + layout.stack_low), target_word(g + layout.stack_high));
}

/* Whether a record may lie there: clause 2. From one goroutine to another this thread owns two: the one that it is on. */
static const char *misplaced(uint64_t record)
{
    uint64_t g = m_word(M_G), departed = m_word(layout.departed);
    if (is_on_stack(signals_open > 0 ? at_signal.r[cpu.fp] : here.r[cpu.fp], departed))
        g = departed;
    if (is_within(record, m_word(layout.signal_low), m_word(layout.signal_high)) && signals_open > 0)
        return NULL;
    if (is_within(record, m_word(layout.g0_low), m_word(layout.g0_high)))
        return NULL;
    if (!is_on_stack(record, g))
        return "lies on no stack of this thread";
    return is_running(g) ? NULL : "lies on the stack of a goroutine that others may run";
}

/* The classic walk. Gives back the number of pcs, or -1 after telling what is wrong. */
static int walk_records(uint64_t *pcs)
{
    uint64_t fp = here.r[cpu.fp], last = 0;
    int count = 0;
    pcs[count++] = here.r[cpu.pc];
    for (;;) {
        uint64_t record[2];
        const char *fault = fp % 8 != 0 ? "is not aligned" : fp <= last ? "does not rise" : misplaced(fp);
        if (fault == NULL && !target_read(fp, record, sizeof record))
            fault = "cannot be read";
        if (fault == NULL && count == DEPTH)
            fault = "is one too many";
        if (fault != NULL) {
            wrong("the record at %llx %s", (unsigned long long)fp, fault);
            print_walk("by frame pointers:", pcs, count);
            return -1;
        }
        if (record[0] == 0 && (record[1] == 0 || is_g0_root(record[1] - 1)))
            return count;
        pcs[count++] = record[1];
        last = fp;
        fp = record[0];
    }
}

static bool is_foreign_below(void)
{
    for (int i = 0; i < now.depth; i++)
        if (!program_has(now.entry[i].ret) && !(i > 0 && now.entry[i - 1].is_interrupted))
            return true;
    return false;
}

/* A window is told from a function that never has a record when it returns. */
static void count_window(struct routine *routine)
{
    struct entry *top = top_entry();
    if (routine != NULL)
        routine->windows++;
    if ((routine == &routines[GOGO] && pointer_changes >= 1) || (routine == &routines[SWITCH] && pointer_changes >= 2))
        figures.at_gogo++;
    else if (top->is_framed)
        figures.exit++;
    else
        top->bare++;
}

/* The pcs that frame records ought to give: of each call whose function has set up its record. */
static void check_records(struct routine *routine)
{
    uint64_t pcs[DEPTH], fp = here.r[cpu.fp];
    int count = walk_records(pcs), at = 1;
    figures.by_pointers++;
    for (int i = now.depth; i-- > 0 && count > 0; fp = now.entry[i].fp) {
        const struct entry *entry = &now.entry[i];
        if (fp != entry->fp) {
            bool is_any = cpu.is_arm && entry->is_interrupted; /* the kernel's record there holds the lr */
            if (at == count || (pcs[at] != entry->ret && !is_any)) {
                wrong("frame pointers give %s where %s is", at == count ? "the root" : program_function(pcs[at]),
                      program_function(entry->ret));
                print_walk("by frame pointers:", pcs, count);
                return;
            }
            at++;
            if (i == now.depth - 1)
                now.entry[i].is_framed = true;
        } else if (i == now.depth - 1) {
            count_window(routine);
        } else if (!entry->is_interrupted && !now.entry[i + 1].is_interrupted) {
            wrong("a call from %s has no frame record", program_function(entry->ret));
        }
    }
    if (count > 0 && at != count) {
        wrong("frame pointers go on to %s after the root", program_function(pcs[at]));
        print_walk("by frame pointers:", pcs, count);
    }
    figures.interrupted += signals_open > 0;
}

static void check_cfi(void)
{
    struct registers frame = here;
    bool is_exact = true, is_signal = false;
    figures.by_cfi++;
    for (int i = now.depth; i-- > 0;) {
        const struct entry *entry = &now.entry[i];
        uint64_t pc = frame.r[cpu.pc];
        int found = frame_next(&frame, is_exact, &is_signal);
        if (found <= 0) {
            wrong("CFI %s at %s, called from %s", found == 0 ? "ends" : "knows nothing", program_function(pc),
                  program_function(entry->ret));
            return;
        }
        if (frame.r[cpu.pc] != entry->ret || frame.r[cpu.sp] != entry->cfa || frame.r[cpu.fp] != entry->fp) {
            wrong("CFI at %s gives %s, sp %llx, fp %llx; true is %s, sp %llx, fp %llx", program_function(pc),
                  program_function(frame.r[cpu.pc]), (unsigned long long)frame.r[cpu.sp],
                  (unsigned long long)frame.r[cpu.fp], program_function(entry->ret),
                  (unsigned long long)entry->cfa, (unsigned long long)entry->fp);
            return;
        }
        is_exact = entry->is_interrupted;
    }
    uint64_t pc = frame.r[cpu.pc];
    int found = is_open ? 0 : frame_next(&frame, is_exact, &is_signal);
    if (found > 0 && was_cut && is_g0_root(frame.r[cpu.pc] - 1))
        found = frame_next(&frame, false, &is_signal);
    if (found < 0)
        wrong("CFI knows nothing at %s%s, which is a root", program_function(pc), is_exact ? "" : " - 1");
    else if (found > 0)
        wrong("CFI does not end at %s, but goes on to %s", program_function(pc), program_function(frame.r[cpu.pc]));
}

/* Clauses 4 and 6, at the moment when others may reach the goroutine that was left. */
static void check_publication(void)
{
    if (left_g == 0 || is_published || is_running(left_g))
        return;
    is_published = true;
    if (linked != 0)
        wrong("the goroutine is published, and g0 is still linked to it");
    const struct parked *left = *parked_at(left_g);
    const struct entry *entry = &left->shadow.entry[left->shadow.depth - 1];
    uint64_t sp = target_word(left_g + G_SP), pc = target_word(left_g + G_PC), bp = target_word(left_g + G_BP);
    if (sp != entry->cfa || pc != entry->ret || bp != entry->fp)
        wrong("saved is {sp %llx, pc %s, bp %llx}, true is {%llx, %s, %llx}", (unsigned long long)sp,
              program_function(pc), (unsigned long long)bp, (unsigned long long)entry->cfa,
              program_function(entry->ret), (unsigned long long)entry->fp);
}

/* A handler is about to call rung_backtrace_context, whose own thousand instructions are not stepped. */
static void check_walk(void)
{
    target_skip_to(top_entry()->ret);
    target_registers(&here);
    pop("a walk's return");
    uint64_t found[DEPTH], count = here.r[cpu.result];
    int below = now.depth - 1;
    while (!now.entry[below].is_interrupted)
        below--;
    if (is_open)
        return;
    figures.walks++;
    for (uint64_t i = 0; i < count; i++)
        found[i] = target_word(walk + 8 * i);
    bool has_root = count == (uint64_t)below + 2 && is_g0_root(found[count - 1] - 1);
    bool is_true = count == (uint64_t)below + 1 + has_root && found[0] == at_signal.r[cpu.pc];
    for (int i = 0; i < below && is_true; i++)
        is_true = found[1 + i] == now.entry[below - 1 - i].ret;
    if (!is_true) {
        wrong("the process's own walk of what the signal interrupted is another");
        print_walk("by rung_backtrace_context:", found, (int)count);
    }
}

static void check(void)
{
    uint64_t pc = here.r[cpu.pc];
    struct routine *routine = routine_of(pc);
    figures.steps++;
    if (routine != NULL)
        routine->steps++;
    else if (program_has(pc))
        figures.librung++;
    else
        figures.foreign++;
    check_publication();
    check_cfi();
    if (!is_open && program_has(pc) && !is_foreign_below())
        check_records(routine);
}

/* ---- stepping ---- */

/* A signal, or 0: one that walks at every instruction of the machine layer at first, and now and then one everywhere. */
static int wanted_signal(struct routine *routine)
{
    uint64_t pc = here.r[cpu.pc];
    if (signals_open > 0 || !program_has(pc) || (is_open ? routine == NULL : is_foreign_below()))
        return 0;
    if (routine != NULL && !routine->is_hit[pc - routine->low]) {
        routine->is_hit[pc - routine->low] = true;
        return SIGUSR2;
    }
    return figures.steps % 101 == 0 ? (figures.steps % 5 == 0 ? SIGUSR2 : SIGUSR1) : 0;
}

static void step_once(void)
{
    struct registers before = here;
    int signal = wanted_signal(routine_of(here.r[cpu.pc]));
    target_step(signal);
    target_registers(&here);
    if (signal != 0) {
        interrupted(&before);
    } else {
        follow(&before);
    }
    check();
    if (here.r[cpu.pc] == walker)
        check_walk();
}

/* ---- telling the whole ---- */

/* Of ud2, brk #1 and nop: those are not meant to be executed. */
static uint64_t length_of_filler(uint64_t pc)
{
    uint64_t code = target_word(pc);
    if (cpu.is_arm)
        return (uint32_t)code == 0xd4200020 || (uint32_t)code == 0xd503201f ? 4 : 0;
    return (code & 0xffff) == 0x0b0f ? 2 : (code & 0xff) == 0x90;
}

static uint64_t never_executed(const struct routine *routine)
{
    uint64_t missed = 0;
    for (uint64_t i = 0; i < routine->size;) {
        uint64_t filler = length_of_filler(routine->low + i);
        if (!routine->is_seen[i] && filler == 0 && missed++ == 0)
            fprintf(stderr, "never executed: %s\n", program_function(routine->low + i));
        i += routine->is_seen[i] || filler == 0 ? 1 : filler;
    }
    return missed;
}

static uint64_t report(void)
{
    uint64_t missed = 0;
    printf("%llu instructions stepped: %llu in librung and the program, %llu in libraries\n",
           (unsigned long long)figures.steps, (unsigned long long)figures.librung,
           (unsigned long long)figures.foreign);
    for (int i = 0; i < ROUTINES; i++) {
        const struct routine *routine = &routines[i];
        uint64_t bytes = never_executed(routine);
        missed += bytes;
        printf("  %-20s %8llu steps, %6llu in a window, %5llu signals, %llu bytes never executed\n", routine->name,
               (unsigned long long)routine->steps, (unsigned long long)routine->windows,
               (unsigned long long)routine->signals, (unsigned long long)bytes);
    }
    printf("%llu chains by CFI, %llu by frame pointers (%llu through a signal's frame), %llu by the process; at most %llu deep\n",
           (unsigned long long)figures.by_cfi, (unsigned long long)figures.by_pointers,
           (unsigned long long)figures.interrupted, (unsigned long long)figures.walks,
           (unsigned long long)figures.deepest);
    printf("windows, where frame pointers miss the caller: %llu at entry, %llu at exit, %llu in frameless leaves, "
           "%llu at gogo's end\n", (unsigned long long)figures.entry, (unsigned long long)figures.exit,
           (unsigned long long)figures.bare, (unsigned long long)figures.at_gogo);
    printf("%llu switches, %llu links cut, %llu signals; %llu chains wrong\n", (unsigned long long)figures.switches,
           (unsigned long long)figures.cuts, (unsigned long long)figures.signals, (unsigned long long)figures.wrong);
    return missed;
}

static void begin(char **arguments, const char *path)
{
    program_open(path);
    target_start(arguments);
    for (int i = 0; i < ROUTINES; i++) {
        routines[i].low = program_symbol(routines[i].name, &routines[i].size);
        if (routines[i].low == 0 || routines[i].size > ROUTINE_BYTES)
            fail("%s is not in the program", routines[i].name);
    }
    target_run_to(routines[MSTART].low);
    target_freeze_others();
    target_registers(&here);
    if (!target_read(program_symbol("step_layout", NULL), &layout, sizeof layout))
        fail("step_layout cannot be read");
    walker = program_symbol("rung_backtrace_context", NULL);
    walk = program_symbol("step_walk", NULL);
    m = here.r[cpu.arg0];
    if (cpu.is_arm)
        push(here.r[ARM_LR], here.r[cpu.sp], here.r[cpu.fp]);
    else
        push(word_at_sp(), here.r[cpu.sp] + 8, here.r[cpu.fp]);
}

int main(int count, char **arguments)
{
    int program = 1;
    while (program < count && (strstr(arguments[program], "qemu") != NULL || arguments[program][0] == '-' ||
                               arguments[program - 1][0] == '-'))
        program++;
    if (program >= count)
        fail("usage: stepper [qemu-aarch64 -L DIRECTORY] PROGRAM [ROUNDS]");
    setvbuf(stdout, NULL, _IOLBF, 0);
    begin(arguments + 1, arguments[program]);
    uint64_t end = program_symbol("step_end", NULL);
    while (here.r[cpu.pc] != end)
        step_once();
    uint64_t missed = report();
    int status = target_finish();
    if (status != 0)
        fail("the program ended with status 0x%x", status);
    return figures.wrong == 0 && missed == 0 ? 0 : 1;
}
