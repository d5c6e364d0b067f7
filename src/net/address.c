/* SPDX-License-Identifier: MIT */
/* address.c: addresses of sockets as text, both ways. Numeric ones only: names are resolve.c's. */
#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

_Static_assert(sizeof(struct sockaddr_storage) <= sizeof((rung_address *)0)->storage, "rung_net.h: rung_address");
_Static_assert(INET6_ADDRSTRLEN + IF_NAMESIZE + 10 <= RUNG_ADDRESS_TEXT, "rung_net.h: RUNG_ADDRESS_TEXT");
_Static_assert(sizeof((struct sockaddr_un *)0)->sun_path + 6 <= RUNG_ADDRESS_TEXT, "rung_net.h: RUNG_ADDRESS_TEXT");

/* ---- reading ---- */

static int parse_unix(rung_address *address, const char *name)
{
    struct sockaddr_un *to = &address_in(address)->local;
    size_t length = strlen(name);
    bool is_abstract = name[0] == '@';
    if (length == 0)
        return -EINVAL;
    if (length + !is_abstract > sizeof to->sun_path) /* a path ends in a zero, an abstract name begins with it */
        return -ENAMETOOLONG;
    to->sun_family = AF_UNIX;
    memcpy(to->sun_path, name, length);
    if (is_abstract)
        to->sun_path[0] = '\0';
    address->length = (uint32_t)(offsetof(struct sockaddr_un, sun_path) + length + !is_abstract);
    return 0;
}

int address_port(const char *text)
{
    int port = 0, digits = 0;
    for (; *text >= '0' && *text <= '9' && port <= 65535; text++, digits++)
        port = port * 10 + (*text - '0');
    return digits > 0 && *text == '\0' && port <= 65535 ? port : -EINVAL;
}

int address_split(const char *text, struct host_port *out)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL)
        return -EINVAL;
    const char *host = text, *end = colon;
    out->is_bracketed = host[0] == '[';
    if (out->is_bracketed) {
        host++;
        if (end == host || *--end != ']')
            return -EINVAL;
    } else if (memchr(host, ':', (size_t)(end - host)) != NULL) {
        return -EINVAL;
    }
    if ((size_t)(end - host) >= sizeof out->host)
        return -ENAMETOOLONG;
    memcpy(out->host, host, (size_t)(end - host));
    out->host[end - host] = '\0';
    out->port = colon + 1;
    return 0;
}

static int parse_ip6(rung_address *address, char *host, int port)
{
    struct sockaddr_in6 *to = &address_in(address)->ip6;
    char *scope = strchr(host, '%');
    if (scope != NULL)
        *scope++ = '\0';
    if (inet_pton(AF_INET6, host, &to->sin6_addr) != 1)
        return -EINVAL;
    if (scope != NULL) {
        int number = address_port(scope);
        to->sin6_scope_id = number > 0 ? (uint32_t)number : if_nametoindex(scope);
        if (to->sin6_scope_id == 0)
            return -ENODEV;
    }
    to->sin6_family = AF_INET6;
    to->sin6_port = htons((uint16_t)port);
    address->length = sizeof *to;
    return 0;
}

static int parse_ip4(rung_address *address, const char *host, int port)
{
    struct sockaddr_in *to = &address_in(address)->ip4;
    if (inet_pton(AF_INET, host, &to->sin_addr) != 1)
        return -EINVAL;
    to->sin_family = AF_INET;
    to->sin_port = htons((uint16_t)port);
    address->length = sizeof *to;
    return 0;
}

int address_parse(rung_address *address, const char *text)
{
    struct host_port split;
    memset(address, 0, sizeof *address);
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(address, text + 5);
    int error = address_split(text, &split);
    int port = error == 0 ? address_port(split.port) : error;
    if (port < 0)
        return port;
    if (split.is_bracketed)
        return parse_ip6(address, split.host, port);
    if (split.host[0] == '\0') {
        char any[] = "::";
        return parse_ip6(address, any, port);
    }
    return parse_ip4(address, split.host, port);
}

int rung_address_parse(rung_address *address, const char *text)
{
    if (address == NULL || text == NULL)
        return -EINVAL;
    rung_address parsed;
    int saved = errno; /* if_nametoindex's */
    int error = address_parse(&parsed, text);
    errno = saved;
    if (error == 0)
        *address = parsed;
    return error;
}

/* ---- writing ---- */

static int format_unix(const rung_address *address, char *text, size_t capacity)
{
    const struct sockaddr_un *from = &address_of(address)->local;
    int length = (int)address->length - (int)offsetof(struct sockaddr_un, sun_path);
    if (length <= 0)
        return snprintf(text, capacity, "unix:");
    if (from->sun_path[0] == '\0')
        return snprintf(text, capacity, "unix:@%.*s", length - 1, from->sun_path + 1);
    return snprintf(text, capacity, "unix:%.*s", length, from->sun_path);
}

static int format_ip6(const rung_address *address, char *text, size_t capacity)
{
    const struct sockaddr_in6 *from = &address_of(address)->ip6;
    char host[INET6_ADDRSTRLEN], scope[IF_NAMESIZE + 1] = "";
    inet_ntop(AF_INET6, &from->sin6_addr, host, sizeof host);
    if (from->sin6_scope_id != 0) {
        scope[0] = '%';
        if (if_indextoname(from->sin6_scope_id, scope + 1) == NULL)
            snprintf(scope, sizeof scope, "%%%u", from->sin6_scope_id);
    }
    return snprintf(text, capacity, "[%s%s]:%u", host, scope, (unsigned)ntohs(from->sin6_port));
}

static int format_ip4(const rung_address *address, char *text, size_t capacity)
{
    const struct sockaddr_in *from = &address_of(address)->ip4;
    char host[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &from->sin_addr, host, sizeof host);
    return snprintf(text, capacity, "%s:%u", host, (unsigned)ntohs(from->sin_port));
}

int rung_address_format(const rung_address *address, char *text, size_t capacity)
{
    if (address == NULL || (text == NULL && capacity > 0))
        return -EINVAL;
    int length, saved = errno;
    switch (address_family(address)) {
    case AF_UNIX:
        length = format_unix(address, text, capacity);
        break;
    case AF_INET:
        length = format_ip4(address, text, capacity);
        break;
    case AF_INET6:
        length = format_ip6(address, text, capacity);
        break;
    default:
        length = -EAFNOSUPPORT;
    }
    errno = saved;
    return length >= 0 && (size_t)length >= capacity ? -ENOSPC : length;
}
