/* SPDX-License-Identifier: MIT */
/* socket.c: sockets: listening, accepting, dialling, options and addresses. */
#include "net/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "net/address.h"
#include "net/fd.h"

#define AGAIN_FIRST RUNG_MILLISECONDS(5) /* after an accept for which there was no descriptor, or no memory */
#define AGAIN_LAST  RUNG_MILLISECONDS(100)

static const rung_socket_options no_options;

/* ---- making one ---- */

static int type_of(enum rung_socket_kind kind)
{
    switch (kind) {
    case RUNG_STREAM:
        return SOCK_STREAM;
    case RUNG_DATAGRAM:
        return SOCK_DGRAM;
    case RUNG_SEQPACKET:
        return SOCK_SEQPACKET;
    }
    return -EINVAL;
}

static int set_flag(int number, int level, int name)
{
    const int on = 1;
    return os_option_set(number, level, name, &on, sizeof on);
}

static bool is_tcp(int family, int type)
{
    return family != AF_UNIX && type == SOCK_STREAM;
}

/* The number of a socket for the address, and what a rung_fd of it is. */
static int socket_for(const rung_address *address, int type, enum fd_kind *kind)
{
    int family = address_family(address);
    int number = type >= 0 ? os_socket(family, type, 0) : type;
    *kind = is_tcp(family, type) ? FD_TCP : FD_SOCKET;
    if (number >= 0 && *kind == FD_TCP) { /* both are inherited by what is accepted */
        (void)set_flag(number, IPPROTO_TCP, TCP_NODELAY);
        (void)set_flag(number, IPPROTO_TCP, TCP_INQ);
    }
    return number;
}

/* ---- listening ---- */

/* Whatever the system's default is (net.ipv6.bindv6only). */
static int take_both_families(int number)
{
    const int off = 0;
    return os_option_set(number, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
}

static int bind_and_listen(int number, const rung_address *address, int type, const rung_socket_options *options)
{
    int error = 0;
    if (is_tcp(address_family(address), type)) /* a Unix socket would ignore it; two datagram sockets could share a port */
        error = set_flag(number, SOL_SOCKET, SO_REUSEADDR);
    if (error == 0 && options->reuse_port)
        error = set_flag(number, SOL_SOCKET, SO_REUSEPORT);
    if (error == 0)
        error = os_bind(number, address->storage, address->length);
    if (error == 0 && type != SOCK_DGRAM)
        error = os_listen(number, options->backlog > 0 ? options->backlog : SOMAXCONN);
    return error;
}

static rung_fd listen_at(const rung_address *address, bool is_any, const rung_socket_options *options)
{
    enum fd_kind kind;
    int type = type_of(options->kind);
    int number = socket_for(address, type, &kind);
    if (number < 0)
        return number;
    int error = is_any && address_family(address) == AF_INET6 ? take_both_families(number) : 0;
    if (error == 0)
        error = bind_and_listen(number, address, type, options);
    if (error == 0)
        return fd_open(number, kind);
    os_close_fd(number);
    return error;
}

rung_fd rung_listen(const char *text, const rung_socket_options *options)
{
    rung_address address;
    if (text == NULL)
        return -EINVAL;
    int error = rung_address_parse(&address, text);
    if (error != 0)
        return error;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    options = options != NULL ? options : &no_options;
    bool is_any = text[0] == ':';
    rung_fd fd = listen_at(&address, is_any, options);
    if (fd == -EAFNOSUPPORT && is_any) { /* a kernel without IPv6 */
        in_port_t port = address_of(&address)->ip6.sin6_port;
        address_in(&address)->ip4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port };
        address.length = sizeof(struct sockaddr_in);
        fd = listen_at(&address, is_any, options);
    }
    leave_m(m);
    return fd;
}

/* ---- accepting ---- */

static bool is_of_connection(int64_t error)
{
    return error == -ECONNABORTED || error == -EPROTO || error == -ENETDOWN || error == -ENOPROTOOPT ||
           error == -EHOSTDOWN || error == -ENONET || error == -EHOSTUNREACH || error == -ENETUNREACH;
}

static bool is_of_limit(int64_t error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
}

static int64_t try_accept(struct descriptor *d, void *arg)
{
    rung_address *peer = arg;
    int number;
    do {
        if (peer != NULL)
            peer->length = sizeof peer->storage;
        number = os_accept(d->number, peer != NULL ? peer->storage : NULL, peer != NULL ? &peer->length : NULL);
    } while (is_of_connection(number));
    return fd_open(number, d->kind);
}

rung_fd rung_accept(rung_fd listener, rung_address *peer)
{
    for (int64_t delay = AGAIN_FIRST;; delay = delay * 2 < AGAIN_LAST ? delay * 2 : AGAIN_LAST) {
        rung_fd fd = fd_do(listener, POLL_READ, try_accept, peer);
        if (likely(!is_of_limit(fd)))
            return fd;
        int ended = rung_sleep(delay);
        if (ended != 0)
            return ended;
    }
}

/* ---- dialling ---- */

/*
 * Nobody listens there, but the kernel has given us that very port to dial from: then TCP connects the socket to itself.
 */
static bool is_own_peer(const struct descriptor *d, const rung_address *address)
{
    rung_address own = { .length = sizeof own.storage }, peer = { .length = sizeof peer.storage };
    return d->kind == FD_TCP && os_name_local(d->number, own.storage, &own.length) == 0 &&
           address_of(&own)->ip4.sin_port == address_of(address)->ip4.sin_port && /* IPv6 has it in the same place */
           os_name_peer(d->number, peer.storage, &peer.length) == 0 && own.length == peer.length &&
           memcmp(own.storage, peer.storage, own.length) == 0;
}

/* Steps of a connection: the first call begins it, the later ones ask how it went. */
static int64_t try_connect(struct descriptor *d, void *arg)
{
    const rung_address *address = arg;
    int error = os_connect(d->number, address->storage, address->length);
    if (error == 0 || error == -EISCONN)
        return is_own_peer(d, address) ? -ECONNREFUSED : 0;
    return error == -EINPROGRESS || error == -EALREADY ? -EAGAIN : error;
}

/* A Unix listener whose queue is full says EAGAIN, and nothing can be waited for. */
static int connect_unix(rung_fd fd, const rung_address *address)
{
    for (int64_t delay = RUNG_MICROSECONDS(100);; delay = delay * 2 < AGAIN_FIRST ? delay * 2 : AGAIN_FIRST) {
        struct descriptor *d = netpoll_find(fd);
        int error = os_connect(d->number, address->storage, address->length);
        if (error != -EAGAIN)
            return error;
        error = rung_sleep(delay);
        if (error != 0)
            return error;
    }
}

static int bind_source(int number, const char *source)
{
    rung_address address;
    int error = rung_address_parse(&address, source);
    return error == 0 ? os_bind(number, address.storage, address.length) : error;
}

rung_fd socket_dial(const rung_address *address, const rung_socket_options *options)
{
    enum fd_kind kind;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int number = socket_for(address, type_of(options->kind), &kind);
    int error = number < 0 ? number : options->source != NULL ? bind_source(number, options->source) : 0;
    rung_fd fd = error;
    if (number >= 0 && error != 0)
        os_close_fd(number);
    else if (number >= 0)
        fd = fd_open(number, kind);
    leave_m(m);
    if (fd < 0)
        return fd;
    error = address_family(address) == AF_UNIX ? connect_unix(fd, address)
                                               : (int)fd_do(fd, POLL_WRITE, try_connect, (void *)address);
    if (error == 0)
        return fd;
    rung_close(fd);
    return error;
}

int rung_socket_pair(enum rung_socket_kind kind, rung_fd pair[2])
{
    int type = type_of(kind), numbers[2];
    if (pair == NULL || type < 0)
        return -EINVAL;
    struct m *m = enter();
    if (unlikely(m == NULL))
        return -ENOTRECOVERABLE;
    int error = os_socket_pair(type, numbers);
    if (error == 0)
        error = fd_open_both(numbers, FD_SOCKET, FD_SOCKET, pair);
    leave_m(m);
    return error;
}

/* ---- what is asked of one ---- */

static int64_t shut_down(struct descriptor *d, void *arg)
{
    static const int how[] = { [RUNG_READ] = SHUT_RD, [RUNG_WRITE] = SHUT_WR, [RUNG_READ | RUNG_WRITE] = SHUT_RDWR };
    const int *directions = arg;
    return os_shutdown(d->number, how[*directions]);
}

int rung_shutdown(rung_fd fd, int directions)
{
    if (directions == 0 || (directions & ~(RUNG_READ | RUNG_WRITE)) != 0)
        return -EINVAL;
    return (int)fd_ask(fd, shut_down, &directions);
}

static int64_t name_local(struct descriptor *d, void *arg)
{
    rung_address *address = arg;
    return os_name_local(d->number, address->storage, &address->length);
}

static int64_t name_peer(struct descriptor *d, void *arg)
{
    rung_address *address = arg;
    return os_name_peer(d->number, address->storage, &address->length);
}

int rung_local_address(rung_fd fd, rung_address *address)
{
    if (address == NULL)
        return -EINVAL;
    *address = (rung_address){ .length = sizeof address->storage };
    return (int)fd_ask(fd, name_local, address);
}

int rung_peer_address(rung_fd fd, rung_address *address)
{
    if (address == NULL)
        return -EINVAL;
    *address = (rung_address){ .length = sizeof address->storage };
    return (int)fd_ask(fd, name_peer, address);
}

/* ---- options ---- */

static const struct option {
    int level, name;
    int level6, name6; /* the same of IPv6; 0: there is none of its own */
} options_of[] = {
    [RUNG_NO_DELAY] = { IPPROTO_TCP, TCP_NODELAY, 0, 0 },
    [RUNG_CORK] = { IPPROTO_TCP, TCP_CORK, 0, 0 },
    [RUNG_KEEP_ALIVE] = { SOL_SOCKET, SO_KEEPALIVE, 0, 0 },
    [RUNG_SEND_BUFFER] = { SOL_SOCKET, SO_SNDBUF, 0, 0 },
    [RUNG_RECEIVE_BUFFER] = { SOL_SOCKET, SO_RCVBUF, 0, 0 },
    [RUNG_LINGER] = { SOL_SOCKET, SO_LINGER, 0, 0 },
    [RUNG_BROADCAST] = { SOL_SOCKET, SO_BROADCAST, 0, 0 },
    [RUNG_USER_TIMEOUT] = { IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 0 },
    [RUNG_DEFER_ACCEPT] = { IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, 0 },
    [RUNG_HOPS] = { IPPROTO_IP, IP_TTL, IPPROTO_IPV6, IPV6_UNICAST_HOPS },
    [RUNG_TRAFFIC_CLASS] = { IPPROTO_IP, IP_TOS, IPPROTO_IPV6, IPV6_TCLASS },
};

struct option_call {
    enum rung_option option;
    int value;
};

static bool is_ip6(int number)
{
    rung_address address = { .length = sizeof address.storage };
    return os_name_local(number, address.storage, &address.length) == 0 && address_family(&address) == AF_INET6;
}

/* Where the option lies, for this socket. */
static void find_option(int number, enum rung_option option, int *level, int *name)
{
    const struct option *of = &options_of[option];
    bool has_own = of->level6 != 0 && is_ip6(number);
    *level = has_own ? of->level6 : of->level;
    *name = has_own ? of->name6 : of->name;
}

static int set_linger(int number, int seconds)
{
    struct linger linger = { .l_onoff = seconds >= 0, .l_linger = seconds >= 0 ? seconds : 0 };
    return os_option_set(number, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

/* Asks after so many seconds of silence, and as many again between the questions. */
static int set_keep_alive(int number, int seconds)
{
    int on = seconds > 0;
    int error = seconds < 0 ? -EINVAL : os_option_set(number, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    if (error == 0 && on)
        error = os_option_set(number, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
    if (error == 0 && on)
        error = os_option_set(number, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
    return error;
}

static int64_t set_option(struct descriptor *d, void *arg)
{
    struct option_call *call = arg;
    int level, name;
    if (call->option == RUNG_LINGER)
        return set_linger(d->number, call->value);
    if (call->option == RUNG_KEEP_ALIVE)
        return set_keep_alive(d->number, call->value);
    find_option(d->number, call->option, &level, &name);
    return os_option_set(d->number, level, name, &call->value, sizeof call->value);
}

static int64_t get_option(struct descriptor *d, void *arg)
{
    struct option_call *call = arg;
    struct linger linger = { 0, 0 };
    uint32_t length = sizeof call->value;
    int level, name;
    if (call->option == RUNG_LINGER) {
        length = sizeof linger;
        int error = os_option_get(d->number, SOL_SOCKET, SO_LINGER, &linger, &length);
        call->value = linger.l_onoff ? linger.l_linger : -1;
        return error;
    }
    find_option(d->number, call->option, &level, &name);
    int error = os_option_get(d->number, level, name, &call->value, &length);
    if (error == 0 && call->option == RUNG_KEEP_ALIVE && call->value != 0)
        error = os_option_get(d->number, IPPROTO_TCP, TCP_KEEPIDLE, &call->value, &length);
    return error;
}

/* TCP's options asked of another socket are unknown to it, and IP's of a Unix socket. */
static int as_documented(int64_t error)
{
    return error == -ENOPROTOOPT ? -EOPNOTSUPP : (int)error;
}

static bool is_known(enum rung_option option)
{
    return (int)option >= RUNG_NO_DELAY && (size_t)option < array_length(options_of);
}

int rung_option_set(rung_fd fd, enum rung_option option, int value)
{
    struct option_call call = { option, value };
    return is_known(option) ? as_documented(fd_ask(fd, set_option, &call)) : -EINVAL;
}

int rung_option_get(rung_fd fd, enum rung_option option, int *value)
{
    struct option_call call = { option, 0 };
    if (value == NULL || !is_known(option))
        return -EINVAL;
    int error = as_documented(fd_ask(fd, get_option, &call));
    if (error == 0)
        *value = call.value;
    return error;
}
