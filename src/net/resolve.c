/* SPDX-License-Identifier: MIT */
/*
 * resolve.c: names, and dialling them.
 *
 * getaddrinfo alone knows what names mean on this machine (hosts, nsswitch, mDNS, ...), blocks, and cannot be told to stop. So
 * each question is asked by a thread of its own, which nobody waits for: it calls nothing of rung's, writes its answer into
 * memory that it shares with the question (whoever lets go of that last frees it), and a byte into a pipe. (Its end would not do:
 * who forked meanwhile has it open, too.) A goroutine waits for that, under
 * the root scope, and then closes the channel on which those park who want to know, each under its own scope. Who asks what
 * is being asked already waits for the same answer. Where the root scope has ended, or rung does not run, who asks waits for
 * an answer of his own.
 *
 * A name with several addresses is dialled as RFC 8305 says: families in turn, the next address 250 ms after the last one
 * or as soon as that fails; the first connection wins, and the others are given up.
 *
 * Rejected: a goroutine that blocks in getaddrinfo (given up, it would keep rung_run from ending, for as long as resolv.conf says);
 * getaddrinfo_a (glibc's alone, and its cancelling waits); a resolver of our own (it would know DNS only).
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "net/address.h"
#include "net/fd.h"
#include "net/socket.h"

enum { MOST_ADDRESSES = 32, PORT_TEXT = 32, STACK_BYTES = 512 * 1024 /* modules of nsswitch's run on it */ };
#define NEXT_NS RUNG_MILLISECONDS(250)

/* The thread's that asks, and the question's. */
struct answer {
    char host[sizeof((struct host_port *)0)->host];
    char port[PORT_TEXT];
    uint32_t owners;      /* atomic */
    int told;             /* the thread's: a pipe's end, written to when there is an answer */
    int result;           /* atomic: number of addresses, or -errno; before that the thread's, as are they */
    rung_address addresses[MOST_ADDRESSES];
};

struct question {
    struct link link;     /* while it is being asked; under `asking` */
    uint32_t users;       /* under `asking` */
    rung_chan *is_answered;
    int result;           /* as the answer's; before it is answered the asker's */
    struct answer *answer;
};

static rung_mutex asking;
static struct list questions; /* under asking */

/* ---- asking ---- */

static int as_errno(int error)
{
    switch (error) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return -ENOENT;
    case EAI_AGAIN:
        return -EAGAIN;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_SERVICE:
        return -EINVAL;
    case EAI_SYSTEM:
        return errno != 0 ? -errno : -EIO;
    default:
        return -EIO;
    }
}

static int copy_answer(rung_address *addresses, const struct addrinfo *from)
{
    int count = 0;
    for (; from != NULL && count < MOST_ADDRESSES; from = from->ai_next) {
        rung_address *to = &addresses[count++];
        *to = (rung_address){ .length = from->ai_addrlen };
        memcpy(to->storage, from->ai_addr, from->ai_addrlen);
    }
    return count;
}

/* Blocks. */
static int look_up(const char *host, const char *port, rung_address *addresses)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL; /* else each address comes once for each kind */
    int saved = errno;
    int error = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &found);
    int result = error == 0 ? copy_answer(addresses, found) : as_errno(error);
    if (error == 0)
        freeaddrinfo(found);
    errno = saved;
    return result;
}

static void drop(struct answer *answer)
{
    if (atomic_add_acq_rel(&answer->owners, -1) == 1) /* pairs with itself: the last one comes after the other */
        free(answer);
}

/* On a thread of its own. No rung call here. */
static void answer_question(void *arg)
{
    struct answer *answer = arg;
    int result = look_up(answer->host, answer->port, answer->addresses);
    atomic_store_release(&answer->result, result); /* release: pairs with ask */
    (void)os_write(answer->told, "", 1);
    os_close_fd(answer->told);
    drop(answer);
}

static int start_thread(struct answer *answer, int told)
{
    answer->told = told;
    atomic_add_acq_rel(&answer->owners, 1);
    int error = os_thread_start_masked(answer_question, answer, STACK_BYTES);
    if (error != 0) {
        os_close_fd(told);
        drop(answer);
    }
    return error;
}

static void let_go_locked(struct question *question)
{
    if (--question->users > 0)
        return;
    rung_chan_free(question->is_answered);
    drop(question->answer);
    free(question);
}

static void finish(struct question *question, int result)
{
    rung_mutex_lock(&asking);
    question->result = result;
    list_remove(&questions, &question->link);
    rung_chan_close(question->is_answered);
    let_go_locked(question);
    rung_mutex_unlock(&asking);
}

/* Starts the thread, and parks until it has answered. */
static int await_answer(struct answer *answer)
{
    rung_fd ends[2];
    char byte;
    int result = rung_pipe(ends);
    if (result == 0) {
        result = start_thread(answer, rung_fd_release(ends[1]));
        if (result == 0)
            result = (int)rung_read(ends[0], &byte, 1);
        rung_close(ends[0]);
    }
    return result >= 0 ? atomic_load_acquire(&answer->result) : result; /* acquire: pairs with answer_question */
}

static int ask(void *arg)
{
    struct question *question = arg;
    finish(question, await_answer(question->answer));
    return 0;
}

static struct question *find_locked(const char *host, const char *port)
{
    for (struct link *link = questions.first; link != NULL; link = link->next) {
        struct question *question = container_of(link, struct question, link);
        if (strcmp(question->answer->host, host) == 0 && strcmp(question->answer->port, port) == 0)
            return question;
    }
    return NULL;
}

static struct answer *answer_new(const char *host, const char *port)
{
    struct answer *answer = calloc(1, sizeof *answer);
    if (answer == NULL)
        return NULL;
    strcpy(answer->host, host);
    strcpy(answer->port, port);
    answer->owners = 1;
    return answer;
}

static struct question *question_new(const char *host, const char *port)
{
    struct question *question = calloc(1, sizeof *question);
    struct answer *answer = answer_new(host, port);
    if (question == NULL || answer == NULL) {
        free(question);
        free(answer);
        return NULL;
    }
    question->answer = answer;
    question->users = 1; /* the asker's */
    return question;
}

/* A new question, which a goroutine is asking by now. */
static int start_locked(const char *host, const char *port, struct question **made)
{
    const rung_go_options options = { .name = "name look-up" };
    struct question *question = question_new(host, port);
    if (question == NULL)
        return -ENOMEM;
    int error = rung_chan_open(&question->is_answered, 0, 0);
    if (error == 0)
        error = rung_go_with(&options, ask, question);
    if (error != 0) {
        let_go_locked(question);
        return error;
    }
    list_push_last(&questions, &question->link);
    *made = question;
    return 0;
}

static int copy_result(const struct answer *answer, int result, rung_address *addresses)
{
    memcpy(addresses, answer->addresses, result > 0 ? (size_t)result * sizeof *addresses : 0);
    return result;
}

/* -ESRCH, or -ECANCELED although the own scope has not ended: there is no goroutine that asks for all. */
static int ask_with_others(const char *host, const char *port, rung_address *addresses)
{
    struct question *question;
    rung_mutex_lock(&asking);
    question = find_locked(host, port);
    int error = question == NULL ? start_locked(host, port, &question) : 0;
    if (error == 0)
        question->users++;
    rung_mutex_unlock(&asking);
    if (error != 0)
        return error;
    int result = rung_recv(question->is_answered, NULL);
    if (result == 0)
        result = copy_result(question->answer, question->result, addresses);
    rung_mutex_lock(&asking);
    let_go_locked(question);
    rung_mutex_unlock(&asking);
    return result;
}

static int ask_alone(const char *host, const char *port, rung_address *addresses)
{
    struct answer *answer = answer_new(host, port);
    if (answer == NULL)
        return -ENOMEM;
    int result = copy_result(answer, await_answer(answer), addresses);
    drop(answer);
    return result;
}

/* Gives back how many there are, at most MOST_ADDRESSES, or -errno. */
static int resolve(const char *host, const char *port, rung_address *addresses)
{
    int result = ask_with_others(host, port, addresses);
    bool is_alone = result == -ESRCH || (result == -ECANCELED && rung_scope_error() == 0);
    return is_alone ? ask_alone(host, port, addresses) : result;
}

/* glibc skips blanks and a sign, and takes 65616 for 80: what looks like a number has to be a port's. */
static bool is_port(const char *text)
{
    bool is_number = text[strspn(text, "0123456789")] == '\0';
    return is_number ? address_port(text) >= 0 : isalnum((unsigned char)text[0]) != 0;
}

/* A numeric address needs nobody to be asked; but nothing is done where the scope has ended. */
static int resolve_text(const char *text, rung_address *addresses)
{
    struct host_port split;
    int error = rung_scope_error();
    if (error != 0)
        return error;
    error = text[0] != ':' ? rung_address_parse(&addresses[0], text) : -EINVAL;
    if (error != -EINVAL || strncmp(text, "unix:", 5) == 0)
        return error == 0 ? 1 : error;
    error = address_split(text, &split);
    if (error != 0)
        return error;
    if (split.is_bracketed || !is_port(split.port))
        return -EINVAL;
    if (strlen(split.port) >= PORT_TEXT)
        return -ENAMETOOLONG;
    return resolve(split.host, split.port, addresses);
}

int rung_resolve(const char *text, rung_address *addresses, int capacity)
{
    rung_address found[MOST_ADDRESSES];
    if (text == NULL || capacity <= 0 || addresses == NULL)
        return -EINVAL;
    int count = resolve_text(text, found);
    if (count > capacity)
        count = capacity;
    for (int i = 0; i < count; i++)
        addresses[i] = found[i];
    return count;
}

/* ---- dialling ---- */

/* Forgets those of another family than the address to dial from: they could not be dialled. If there are no others, bind says so. */
static int keep_family_of(const char *source, rung_address *addresses, int count)
{
    rung_address from;
    int kept = 0;
    if (source == NULL || rung_address_parse(&from, source) != 0)
        return count;
    for (int i = 0; i < count; i++)
        if (address_family(&addresses[i]) == address_family(&from))
            addresses[kept++] = addresses[i];
    return kept > 0 ? kept : count;
}

struct race {
    const rung_socket_options *options;
    rung_chan *results; /* of rung_fd: each attempt sends one; there is room for all */
    rung_group group;
};

struct attempt {
    struct race *race;
    rung_address address;
};

static int run_attempt(void *arg)
{
    struct attempt *attempt = arg;
    rung_fd fd = socket_dial(&attempt->address, attempt->race->options);
    (void)rung_try_send(attempt->race->results, &fd);
    return 0;
}

/* Whether an attempt has a result; else it is time for the next one, or the scope has ended. */
static bool await_result(struct race *race, bool has_next, rung_fd *result)
{
    rung_scope scope;
    rung_scope_open(&scope, has_next ? NEXT_NS : RUNG_FOREVER);
    bool has_come = rung_recv(race->results, result) == 1;
    rung_scope_close(&scope);
    return has_come;
}

/* The first connection, or the first error. */
static rung_fd run_race(struct race *race, const rung_address *addresses, int count)
{
    rung_fd first_error = 0, result;
    int started = 0, running = 0;
    while (started < count || running > 0) {
        if (started < count) {
            struct attempt attempt = { race, addresses[started++] };
            const rung_go_options options = { .group = &race->group, .copy = &attempt, .copy_size = sizeof attempt };
            int error = rung_go_with(&options, run_attempt, NULL);
            if (error != 0)
                return error;
            running++;
        }
        bool has_come = await_result(race, started < count, &result);
        if (has_come && result >= 0)
            return result;
        int ended = rung_scope_error();
        if (ended != 0)
            return ended;
        if (has_come) {
            running--;
            first_error = first_error != 0 ? first_error : result;
        }
    }
    return first_error;
}

static rung_fd dial_in_turn(const rung_address *addresses, int count, const rung_socket_options *options)
{
    rung_fd first_error = -ENOENT;
    for (int i = 0; i < count; i++) {
        rung_fd fd = socket_dial(&addresses[i], options);
        if (fd >= 0 || rung_scope_error() != 0)
            return fd;
        first_error = i == 0 ? fd : first_error;
    }
    return first_error;
}

static rung_fd dial_any(const rung_address *addresses, int count, const rung_socket_options *options)
{
    struct race race = { .options = options };
    if (count == 1 || options->kind != RUNG_STREAM)
        return dial_in_turn(addresses, count, options);
    int error = rung_chan_open(&race.results, sizeof(rung_fd), (size_t)count);
    if (error != 0)
        return error;
    rung_group_open(&race.group, RUNG_FOREVER);
    rung_fd winner = run_race(&race, addresses, count), loser;
    rung_group_cancel(&race.group);
    (void)rung_group_wait(&race.group);
    while (rung_try_recv(race.results, &loser) == 1)
        if (loser >= 0)
            rung_close(loser);
    rung_chan_free(race.results);
    return winner == -ESRCH ? dial_in_turn(addresses, count, options) : winner;
}

/* The families in turn, beginning with that of the first; within each the order stays. */
static void interleave(rung_address *addresses, int count)
{
    for (int i = 1; i < count; i++) {
        int at = i;
        while (at < count && address_family(&addresses[at]) == address_family(&addresses[i - 1]))
            at++;
        if (at == count)
            return;
        rung_address moved = addresses[at];
        memmove(&addresses[i + 1], &addresses[i], (size_t)(at - i) * sizeof moved);
        addresses[i] = moved;
    }
}

rung_fd rung_dial(const char *text, const rung_socket_options *options)
{
    static const rung_socket_options no_options;
    rung_address addresses[MOST_ADDRESSES];
    if (text == NULL)
        return -EINVAL;
    options = options != NULL ? options : &no_options;
    int count = resolve_text(text, addresses);
    if (count < 0)
        return count;
    count = keep_family_of(options->source, addresses, count);
    interleave(addresses, count);
    return dial_any(addresses, count, options);
}
