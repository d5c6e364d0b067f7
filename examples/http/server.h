/* SPDX-License-Identifier: MIT */
/* server.h: what the files of the HTTP server share. main.c starts and stops it, connection.c reads requests, response.c answers. */
#ifndef SERVER_H
#define SERVER_H

#include <http_parser.h>
#include <rung_net.h>
#include <stdatomic.h>

enum {
    MOST_HEADER = 16 * 1024, /* bytes of a request's line and headers */
    PIECE = 2 * 1024,        /* that are read at a time: what an idle connection keeps on its stack */
    MOST_TARGET = 4 * 1024,  /* bytes of its target */
    MOST_ROOT = 4 * 1024,    /* bytes of the served folder's name */
    MOST_REPLY = 4 * 1024,   /* bytes of a head, and of a body that goes in one packet with it */
    SENT_AT_ONCE = 1 << 20,  /* bytes of a file */
    LOG_LINE = 512,
};
#define HEADER_NS RUNG_SECONDS(10) /* for a request to arrive, once it has begun */
#define IDLE_NS   RUNG_SECONDS(60) /* between two requests */
#define LAST_NS   RUNG_SECONDS(2)  /* for the client to see an error, and say no more */
#define STALL_NS  RUNG_SECONDS(30) /* for the client to take so much of a response as is sent at once */

struct server {
    const char *root;        /* the folder that is served */
    const char *hello;       /* if not NULL: the answer to everything */
    rung_chan *log;          /* of char[LOG_LINE]; NULL: no log */
    atomic_bool is_stopping; /* no new requests are wanted */
};

/* One request, as the parser found it, and the room for its answer: on the heap, so that who is idle keeps none of it. */
struct request {
    enum http_method method;
    size_t target_length;
    size_t range_length;
    size_t header_bytes;
    int hosts;               /* how many fields named Host */
    int error;               /* a status, if what came is no request; else 0 */
    bool is_in_value;        /* the parser is in a header's value, not in its name */
    bool is_complete;
    bool keeps_alive;
    bool is_old;             /* HTTP/1.0, which closes unless both sides say other */
    size_t field_length;
    char field[8];           /* the name of the header that is being read, if it has room */
    char range[64];
    char target[MOST_TARGET];
    char path[MOST_ROOT + MOST_TARGET];
    char reply[MOST_REPLY];
};

struct connection {
    const struct server *server;
    rung_fd fd;
    char peer[RUNG_ADDRESS_TEXT];
};

/*
 * A goroutine: serves requests until either side has had enough. `arg` is a struct connection. Once its scope has ended a request
 * that has begun is answered, within the times above, and no other one.
 */
int serve_connection(void *arg);

/* Answers one request. Gives back the bytes of the body, or -errno when the connection is of no use any more. */
int64_t respond(const struct connection *connection, struct request *request, int *status);

#endif
