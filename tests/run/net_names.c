/* SPDX-License-Identifier: MIT */
/* Names: localhost is found, nonsense is refused; equal questions are shared; one may be given up; dialling by name. */
#include "net.h"

static rung_address first;
static rung_fd listener;

static int ask(void *arg)
{
    rung_address addresses[8];
    (void)arg;
    EXPECT(rung_resolve("localhost:80", addresses, 8) >= 1);
    EXPECT(memcmp(&addresses[0], &first, sizeof first) == 0);
    return 0;
}

static void bad_names(void)
{
    static char longest[10240];
    rung_address address;
    memset(longest, 'a', sizeof longest - 1);
    EXPECT_EQ(rung_resolve(longest, &address, 1), -EINVAL);
    memcpy(longest + sizeof longest - 4, ":80", 4);
    EXPECT_EQ(rung_resolve(longest, &address, 1), -ENAMETOOLONG);
    EXPECT_EQ(rung_dial(longest, NULL), -ENAMETOOLONG);
    EXPECT_EQ(rung_resolve("", &address, 1), -EINVAL);
    EXPECT_EQ(rung_resolve("localhost", &address, 1), -EINVAL);
    EXPECT_EQ(rung_resolve("localhost:", &address, 1), -EINVAL);
    EXPECT_EQ(rung_resolve("[localhost]:80", &address, 1), -EINVAL);
    EXPECT_EQ(rung_resolve("localhost:no-such-service", &address, 1), -EINVAL);
    static const char *const bad_ports[] = { "65536", "65616", "4294967376", " 80", "+80", "-1", "-80", "" };
    for (size_t i = 0; i < sizeof bad_ports / sizeof *bad_ports; i++)
        for (int is_numeric = 0; is_numeric < 2; is_numeric++) {
            char text[64];
            snprintf(text, sizeof text, "%s:%s", is_numeric ? "127.0.0.1" : "localhost", bad_ports[i]);
            EXPECT_EQ(rung_resolve(text, &address, 1), -EINVAL);
            EXPECT_EQ(rung_dial(text, NULL), -EINVAL);
        }
    EXPECT_EQ(rung_resolve("localhost:80", &address, 0), -EINVAL);
    EXPECT_EQ(rung_resolve("localhost:80", NULL, 1), -EINVAL);
    EXPECT_EQ(rung_resolve(NULL, &address, 1), -EINVAL);
    EXPECT_EQ(rung_resolve("127.0.0.1:80", &address, 1), 1);
    EXPECT_EQ(rung_resolve("unix:@x", &address, 1), 1);
    static char label[80]; /* longer than a label can be: so nobody is asked outside of this machine */
    memset(label, 'x', 70);
    strcpy(label + 70, ":80");
    int error = rung_resolve(label, &address, 1);
    EXPECT(error == -ENOENT || error == -EAGAIN || error == -EIO);
}

static int echo_once(void *arg)
{
    char byte;
    rung_fd fd = rung_accept(listener, NULL);
    (void)arg;
    EXPECT_EQ(rung_read(fd, &byte, 1), 1);
    EXPECT_EQ(rung_write(fd, &byte, 1), 1);
    return rung_close(fd);
}

/* The listener has one family only: whichever address comes first, the other is tried. */
static void dial_by_name(void)
{
    char text[RUNG_ADDRESS_TEXT], name[64], byte = 'q';
    listener = listen_somewhere(text);
    snprintf(name, sizeof name, "localhost%s", strrchr(text, ':'));
    go(echo_once, NULL);
    rung_fd fd = rung_dial(name, NULL);
    EXPECT(fd >= 0);
    EXPECT_EQ(rung_write(fd, &byte, 1), 1);
    EXPECT_EQ(rung_read(fd, &byte, 1), 1);
    EXPECT_EQ(rung_close(fd), 0);
    EXPECT_EQ(rung_close(listener), 0);
    EXPECT_EQ(rung_dial("localhost:1", NULL), -ECONNREFUSED); /* the listener's port may be somebody else's by now */
}

/* Of a name's addresses those are left out that cannot be dialled from the own one. */
static void dial_from(void)
{
    rung_socket_options options = { .source = "127.0.0.1:0" };
    EXPECT_EQ(rung_dial(":1", &options), -ECONNREFUSED);
    EXPECT_EQ(rung_dial("localhost:1", &options), -ECONNREFUSED);
}

/* Who cleans up after rung_run's function has returned finds names, too. */
static int clean_up(void *arg)
{
    rung_address address;
    rung_scope shield;
    (void)arg;
    EXPECT_EQ(rung_sleep(RUNG_FOREVER), -ECANCELED);
    EXPECT_EQ(rung_resolve("127.0.0.1:80", &address, 1), -ECANCELED);
    rung_shield_open(&shield, RUNG_FOREVER);
    EXPECT_EQ(rung_resolve("localhost:80", &address, 1), 1);
    EXPECT_EQ(rung_dial("localhost:1", NULL), -ECONNREFUSED);
    return rung_scope_close(&shield);
}

static int app(void *arg)
{
    rung_group group;
    rung_scope scope;
    rung_address address;
    (void)arg;
    EXPECT(rung_resolve("localhost:80", &first, 1) == 1);
    rung_group_open(&group, RUNG_FOREVER);
    for (int i = 0; i < 100; i++)
        group_go(&group, ask, NULL);
    EXPECT_EQ(rung_group_wait(&group), 0);
    bad_names();
    dial_by_name();
    dial_from();
    go(clean_up, NULL);
    rung_scope_open(&scope, 0);
    EXPECT_EQ(rung_resolve("localhost:80", &address, 1), -ETIMEDOUT);
    rung_scope_close(&scope);
    rung_scope_open(&scope, 1000); /* perhaps while it is asked, perhaps not */
    int result = rung_resolve("localhost:81", &address, 1);
    EXPECT(result == 1 || result == -ETIMEDOUT);
    rung_scope_close(&scope);
    return 0;
}

int main(void)
{
    EXPECT_EQ(rung_resolve("localhost:80", &first, 1), 1); /* without rung_run */
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
