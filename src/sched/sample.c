/* SPDX-License-Identifier: MIT */
/*
 * sample.c: CPU samples in a trace: where each m is, whenever it has used so much CPU time.
 *
 * Each m has a timer of its own, of its thread's CPU time; its signal comes to that thread, and the handler writes down what it
 * interrupted. That may be recording itself: so it writes as another tracer (m->sampler), with a section of its
 * own, into buffers of its own; and whole stacks, since the tables may just be changing. wire.c numbers them.
 *
 * Where there are samples the program has agreed to signals. So sysmon asks by one, too, for the stack of who does not call
 * rung, as it takes the processor (trace_taken): unless that sleeps in a system call that a signal would end.
 *
 * A sample that finds no buffer is just not there: it is no change of state.
 *
 * The handler stays once it is there: a signal may still be on its way when its timer is gone.
 */
#include <errno.h>
#include <signal.h>

#include "machine/unwind.h"
#include "sched/tracer.h"
#include <rung.h>
#include <rung_debug.h>

/* The goroutine that m runs; 0 on its way from one to another. */
static uint64_t running_goroutine(struct m *m)
{
    const struct g *g = m_g(m);
    return g != NULL && m->departed == NULL && atomic_load_relaxed(&g->m) == m ? g->id : 0;
}

static void write_sample(struct m *m, uint32_t generation, const void *context)
{
    struct tracer *tracer = &m->sampler;
    struct trace_buffer **place = &tracer->events[generation & 1], *buffer = *place;
    const struct p *p = atomic_load_relaxed(&m->p);
    size_t depth = rung_backtrace_context(context, tracer->pcs, UNWIND_DEPTH_MAX);
    size_t bytes = sizeof(struct trace_record) + (1 + depth) * sizeof(uint64_t);
    if (depth == 0)
        return;
    tracer->thread = (uint64_t)m->tid;
    set_now(tracer, event_now());
    if (buffer == NULL || buffer->used + bytes > BYTES)
        buffer = buffer_next(tracer, place, generation, TRACE_SAMPLES);
    if (buffer == NULL)
        return;
    struct trace_record *record = (struct trace_record *)(buffer->bytes + buffer->used);
    *record = (struct trace_record){ .hash = tracer->now, .kind = TRACE_SAMPLE, .count = (uint16_t)(1 + depth) };
    record->id = p != NULL ? p->number : TRACE_NO_PROC;
    record->words[0] = running_goroutine(m);
    for (size_t i = 0; i < depth; i++)
        record->words[1 + i] = tracer->pcs[i] + (i == 0); /* as a return address: it is looked up by one less */
    atomic_store_release(&buffer->used, buffer->used + (uint32_t)bytes); /* release: as emit's */
}

/* ---- asking ---- */

enum { ANSWER_NS = 5000000 };

/* sysmon's question. */
static struct {
    struct m *asked;     /* atomic: sysmon sets it; who takes it away, by compare-and-swap, decides whether there is an answer */
    uint32_t is_given;   /* atomic */
    size_t depth;
    uintptr_t pcs[UNWIND_DEPTH_MAX];
} answer;

static void give_answer(struct m *m, const void *context)
{
    struct m *asked = m;
    if (!atomic_cas_acq_rel(&answer.asked, &asked, NULL)) /* pairs with sample_ask */
        return;
    answer.depth = rung_backtrace_context(context, answer.pcs, UNWIND_DEPTH_MAX);
    if (answer.depth > 0)
        answer.pcs[0]++;
    atomic_store_release(&answer.is_given, 1); /* release: pairs with sample_ask */
}

size_t sample_ask(struct m *m, const uintptr_t **pcs)
{
    struct m *asked = m;
    if (atomic_load_relaxed(&m->sample_hz) == 0 || !os_thread_may_be_signalled(m->tid))
        return 0;
    atomic_store_relaxed(&answer.is_given, 0);
    atomic_store_release(&answer.asked, m); /* release: pairs with give_answer */
    int64_t until = os_thread_signal(m->tid, SIGPROF) == 0 ? os_now() + ANSWER_NS : 0;
    for (uint32_t i = 0; !atomic_load_acquire(&answer.is_given); i++) { /* acquire: pairs with give_answer */
        if (os_now() >= until && atomic_cas_acq_rel(&answer.asked, &asked, NULL)) /* pairs with give_answer */
            return 0;
        asked = m;
        os_thread_wait(i);
    }
    *pcs = answer.pcs;
    return answer.depth;
}

/* ---- the handler ---- */

static void on_prof(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number;
    int saved = errno;
    struct m *m = machine_m();
    if (info->si_code != SI_TIMER && m != NULL)
        give_answer(m, context);
    else if (info->si_code == SI_TIMER && m != NULL && !m->is_thread) {
        if (!m->sampler.is_registered)
            tracer_register(&m->sampler, NULL);
        uint32_t generation = section_open(&m->sampler);
        if (generation != 0)
            write_sample(m, generation, context);
        section_close(&m->sampler);
    }
    errno = saved;
}

int sample_prepare(void)
{
    struct sigaction now;
    if (sigaction(SIGPROF, NULL, &now) != 0)
        return -errno;
    if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == on_prof)
        return 0;
    if ((now.sa_flags & SA_SIGINFO) != 0 || (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN))
        return -EBUSY;
    struct sigaction action = { .sa_sigaction = on_prof, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK };
    sigfillset(&action.sa_mask);
    return sigaction(SIGPROF, &action, NULL) == 0 ? 0 : -errno;
}

void sample_threads(uint32_t hz)
{
    for (struct m *m = atomic_load_acquire(&sched.all_ms); m != NULL; m = m->next_all) {
        int tid = atomic_load_relaxed(&m->tid); /* 0: it has yet to start; the next time, then */
        if (m->sample_hz == hz || tid == 0)
            continue;
        if (m->sample_hz != 0)
            os_cpu_timer_close(m->sample_timer);
        m->sample_timer = hz != 0 ? os_cpu_timer_open(tid, RUNG_SECONDS(1) / hz, SIGPROF) : -1;
        atomic_store_relaxed(&m->sample_hz, m->sample_timer >= 0 ? hz : 0);
    }
}
