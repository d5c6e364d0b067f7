/* SPDX-License-Identifier: MIT */
/*
 * 13_echo.c: a TCP echo: a goroutine for each connection, and straight-line code in each.
 *
 * With an address it serves there until it is killed: `13_echo 127.0.0.1:7000`. Without one it talks to itself.
 */
#include <rung_net.h>
#include <stdio.h>
#include <string.h>

static int serve(void *arg)
{
    rung_fd fd = *(rung_fd *)arg; /* this goroutine's own copy */
    char bytes[2048];
    int64_t got;
    while ((got = rung_read(fd, bytes, sizeof bytes)) > 0)
        if (rung_write_full(fd, bytes, (size_t)got) < 0)
            break;
    return rung_close(fd);
}

static int accept_all(void *arg)
{
    rung_fd listener = *(rung_fd *)arg, fd;
    while ((fd = rung_accept(listener, NULL)) >= 0)
        if (rung_go_copy(serve, &fd, sizeof fd) < 0)
            rung_close(fd);
    return (int)fd;
}

static int talk(const char *address)
{
    char answer[6] = "";
    rung_fd fd = rung_dial(address, NULL);
    if (fd < 0)
        return (int)fd;
    rung_write_full(fd, "hello", 5);
    rung_read_full(fd, answer, 5);
    printf("the echo of hello is %s\n", answer);
    return rung_close(fd);
}

static int app(void *arg)
{
    const char *wanted = arg;
    char text[RUNG_ADDRESS_TEXT];
    rung_address address;
    rung_fd listener = rung_listen(wanted != NULL ? wanted : "127.0.0.1:0", NULL);
    if (listener < 0)
        return fprintf(stderr, "13_echo: %s: %s\n", wanted, strerror((int)-listener)), (int)listener;
    rung_local_address(listener, &address);
    rung_address_format(&address, text, sizeof text);
    if (wanted != NULL)
        return accept_all(&listener);
    rung_go(accept_all, &listener);
    int error = talk(text);
    rung_close(listener); /* which ends accept_all */
    return error;
}

int main(int argc, char **argv)
{
    return rung_run(app, argc > 1 ? argv[1] : NULL) < 0;
}
