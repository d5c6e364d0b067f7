/* SPDX-License-Identifier: MIT */
/* address.h: addresses of sockets, inside the library. */
#ifndef RUNG_ADDRESS_H
#define RUNG_ADDRESS_H

#include <netinet/in.h>
#include <rung_net.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/base.h"

struct host_port {
    char host[256];     /* a DNS name has at most 253 */
    const char *port;   /* within the text */
    bool is_bracketed;  /* so it can only be IPv6 */
};

/* "host:port" or "[host]:port". -EINVAL, -ENAMETOOLONG. */
int address_split(const char *text, struct host_port *out);

/* A port: decimal, 0 to 65535, and nothing behind it; -EINVAL else. */
int address_port(const char *text);

/* As rung_address_parse; *address is written in any case. */
int address_parse(rung_address *address, const char *text);

/* What `storage` holds. */
union socket_address {
    struct sockaddr any;
    struct sockaddr_in ip4;
    struct sockaddr_in6 ip6;
    struct sockaddr_un local;
} __attribute__((__may_alias__));

static always_inline union socket_address *address_in(rung_address *address)
{
    return (union socket_address *)address->storage;
}

static always_inline const union socket_address *address_of(const rung_address *address)
{
    return (const union socket_address *)address->storage;
}

static always_inline int address_family(const rung_address *address)
{
    return address_of(address)->any.sa_family;
}

#endif
