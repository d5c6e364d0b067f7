/* SPDX-License-Identifier: MIT */
/*
 * main.c: a chat: what one says all others hear. `chat ADDRESS`, and then `nc HOST PORT` for each who takes part.
 *
 * The first line is one's name, for which there are 10 s. Each who takes part has two goroutines: one reads his lines and gives them to everybody's
 * channel, one writes what is in his own. A channel that is full belongs to somebody too slow: he misses lines, not the others.
 */
#include <rung_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 512, NAME = 24, WAITING_LINES = 64 };
#define NAME_NS RUNG_SECONDS(10)

struct person {
    struct person *next;
    rung_fd fd;
    rung_chan *heard; /* of char[LINE] */
    char name[NAME];
};

static rung_mutex room_lock;
static struct person *room; /* under room_lock */

static void say(const struct person *from, const char *format, const char *text)
{
    char line[LINE] = "";
    snprintf(line, sizeof line, format, from->name, text);
    rung_mutex_lock(&room_lock);
    for (struct person *person = room; person != NULL; person = person->next)
        if (person != from)
            (void)rung_try_send(person->heard, line);
    rung_mutex_unlock(&room_lock);
}

static void enter_room(struct person *person)
{
    rung_mutex_lock(&room_lock);
    person->next = room;
    room = person;
    rung_mutex_unlock(&room_lock);
}

static void leave_room(struct person *person)
{
    rung_mutex_lock(&room_lock);
    struct person **at = &room;
    while (*at != person)
        at = &(*at)->next;
    *at = person->next;
    rung_mutex_unlock(&room_lock);
}

static int write_heard(void *arg)
{
    struct person *person = arg;
    char line[LINE];
    while (rung_recv(person->heard, line) == 1)
        if (rung_write_full(person->fd, line, strnlen(line, sizeof line)) < 0)
            break;
    return 0;
}

/* Without its end: a newline, or a carriage return and a newline. False: he has left, or said too much at once. */
static bool read_line(rung_reader *reader, char *text, size_t capacity)
{
    char *line;
    int64_t length = rung_reader_line(reader, &line);
    if (length <= 0)
        return false;
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
        length--;
    snprintf(text, capacity, "%.*s", (int)length, line);
    return true;
}

static bool read_name(rung_reader *reader, struct person *person)
{
    rung_scope scope;
    rung_scope_open(&scope, NAME_NS);
    bool has_name = read_line(reader, person->name, sizeof person->name);
    rung_scope_close(&scope);
    return has_name;
}

static int take_part(void *arg)
{
    struct person person = { .fd = *(rung_fd *)arg };
    char bytes[LINE - NAME - 8], text[LINE];
    rung_reader reader;
    rung_group group;
    rung_reader_open(&reader, person.fd, bytes, sizeof bytes);
    if (!read_name(&reader, &person) || rung_chan_open(&person.heard, LINE, WAITING_LINES) < 0)
        return rung_close(person.fd);
    enter_room(&person);
    say(&person, "%s comes%s\n", "");
    rung_group_open(&group, RUNG_FOREVER);
    rung_group_go(&group, write_heard, &person);
    while (read_line(&reader, text, sizeof text))
        say(&person, "%s: %s\n", text);
    leave_room(&person);
    say(&person, "%s leaves%s\n", "");
    rung_group_cancel(&group);
    rung_group_wait(&group);
    rung_chan_free(person.heard);
    return rung_close(person.fd);
}

static int app(void *arg)
{
    char text[RUNG_ADDRESS_TEXT];
    rung_address bound;
    rung_fd listener = rung_listen(arg, NULL), fd;
    if (listener < 0) {
        fprintf(stderr, "chat: %s: %s\n", (char *)arg, strerror((int)-listener));
        return (int)listener;
    }
    if (rung_local_address(listener, &bound) == 0 && rung_address_format(&bound, text, sizeof text) > 0)
        fprintf(stderr, "chat: listening at %s\n", text);
    while ((fd = rung_accept(listener, NULL)) >= 0)
        if (rung_go_copy(take_part, &fd, sizeof fd) < 0)
            rung_close(fd);
    return (int)fd;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: chat ADDRESS\n");
        return 2;
    }
    return rung_run(app, argv[1]) < 0;
}
