/* SPDX-License-Identifier: MIT */
/*
 * main.c: the demo. It indexes a tree of files on goroutines, then on one, and shows what it saw.
 *
 *   demo [--seconds S] [DIR]
 *
 * Read next: job.h (what is done), pipeline.c (how), profile.c (how it watches itself).
 *
 * Ctrl-C: main blocks SIGINT before it starts the runtime, whose threads inherit that; so only the
 * listener, a plain thread, takes the signal, and sends it on as an item of a channel.
 */
#define _GNU_SOURCE 1
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "job.h"
#include "profile.h"
#include "report.h"
#ifdef DEMO_SERVES
#include "serve.h"
#endif

struct demo {
    const char *directory;
    int64_t timeout_ns; /* of each of the jobs */
    sigset_t signals;
    rung_chan *interrupts; /* of nothing, capacity 1 */
    struct job warm_up, pipeline, single;
};

/* The first signal asks; if the program sits in a read that does not end, a later one forces. */
static void *listen_to_signals(void *arg)
{
    struct demo *demo = arg;
    int signal;
    for (int64_t asked = 0;;) {
        if (sigwait(&demo->signals, &signal) != 0)
            continue;
        if (asked != 0 && rung_now() - asked > RUNG_SECONDS(1))
            _exit(130);
        asked = asked != 0 ? asked : rung_now();
        rung_try_send(demo->interrupts, NULL);
    }
    return NULL;
}

static void prepare(const struct demo *demo, struct job *job, const char *title)
{
    job->title = title;
    job->directory = demo->directory;
    job->timeout_ns = demo->timeout_ns;
    job->interrupts = demo->interrupts;
    job->expected_bytes = atomic_load(&demo->warm_up.bytes);
    job->dump_fd = -1;
}

/* A job cut short by its deadline still says how fast it was; any other error ends the demo. */
static bool is_over(const struct job *job)
{
    return job->is_interrupted || (job->error < 0 && job->error != -ETIMEDOUT);
}

static int app(void *arg)
{
    struct demo *demo = arg;
    prepare(demo, &demo->warm_up, "filling the cache");
    demo->warm_up.is_warming = true;
    pipeline_run(&demo->warm_up);
    if (is_over(&demo->warm_up))
        return demo->warm_up.error;

    prepare(demo, &demo->pipeline, "many goroutines");
    demo->pipeline.dump_fd = memfd_create("demo-dump", MFD_CLOEXEC);
    int error = profile_start();
    if (error < 0)
        fprintf(stderr, "demo: no profile: %s\n", strerror(-error));
    pipeline_run(&demo->pipeline);
    profile_stop();
    if (is_over(&demo->pipeline))
        return demo->pipeline.error;

    prepare(demo, &demo->single, "one goroutine");
    return single_run(&demo->single);
}

static void report(struct demo *demo)
{
    struct job *last = demo->pipeline.took_ns != 0 ? &demo->pipeline : &demo->warm_up;
    printf("\n  rung demo: %s\n", demo->directory);
    if (last == &demo->pipeline) {
        report_identifiers(last);
        report_speed(last, &demo->single);
        profile_print();
        report_heading("what the goroutines did, half-way");
        report_dump(last->dump_fd);
    }
    last->is_interrupted |= demo->single.is_interrupted;
    report_troubles(last);
}

static int run(struct demo *demo)
{
    pthread_t listener;
    int error = rung_chan_open(&demo->interrupts, 0, 1);
    if (error < 0)
        return error;
    sigemptyset(&demo->signals);
    sigaddset(&demo->signals, SIGINT);
    sigaddset(&demo->signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &demo->signals, NULL);
    error = -pthread_create(&listener, NULL, listen_to_signals, demo);
    if (error == 0) {
        error = rung_run(app, demo);
        pthread_cancel(listener); /* it is in sigwait, which is made for that */
        pthread_join(listener, NULL);
    }
    rung_chan_free(demo->interrupts);
    return error;
}

static void parse(struct demo *demo, int argc, char **argv)
{
    static const struct option options[] = { { "seconds", required_argument, NULL, 's' },
                                             { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    double seconds = 60;
    char *end;
    int option;
    while ((option = getopt_long(argc, argv, "s:h", options, NULL)) == 's') {
        seconds = strtod(optarg, &end);
        if (*end != '\0' || !(seconds > 0 && seconds < 1e9))
            option = '?';
        if (option == '?')
            break;
    }
    if (option != -1 || argc - optind > 1) {
        fprintf(option == 'h' ? stdout : stderr,
                "usage: demo [--seconds S] [DIR]\n"
                "Counts the C identifiers in the files of DIR (/usr/include), for at most S (60)\n"
                "seconds, on many goroutines and then on one; Ctrl-C ends it early.\n");
        exit(option == 'h' ? 0 : 2);
    }
    demo->timeout_ns = (int64_t)(seconds * 1e9);
    demo->directory = optind < argc ? argv[optind] : "/usr/include";
}

int main(int argc, char **argv)
{
    static struct demo demo;
    parse(&demo, argc, argv);
    DIR *directory = opendir(demo.directory);
    if (directory == NULL) {
        fprintf(stderr, "demo: %s: %s\n", demo.directory, strerror(errno));
        return 1;
    }
    closedir(directory);
    int error = run(&demo);
    bool is_interrupted =
        demo.warm_up.is_interrupted || demo.pipeline.is_interrupted || demo.single.is_interrupted;
    if (error < 0 && error != -ETIMEDOUT && !is_interrupted) {
        fprintf(stderr, "demo: %s\n", strerror(-error));
        return 1;
    }
    report(&demo);
#ifdef DEMO_SERVES
    pthread_sigmask(SIG_UNBLOCK, &demo.signals, NULL); /* from here on they come through a channel */
    if (error == 0 && !is_interrupted) {
        error = serve_tree(demo.directory, demo.timeout_ns, &is_interrupted);
        if (error < 0)
            fprintf(stderr, "demo: the HTTP server: %s\n", strerror(-error));
    }
#endif
    counts_free(&demo.pipeline.counts);
    counts_free(&demo.single.counts);
    return is_interrupted ? 130 : 0;
}
