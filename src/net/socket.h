/* SPDX-License-Identifier: MIT */
/* socket.h: connecting, once it is known where to. */
#ifndef RUNG_SOCKET_H
#define RUNG_SOCKET_H

#include <rung_net.h>

/* Parks until connected, under the scope. A rung_fd, or -errno. */
rung_fd socket_dial(const rung_address *address, const rung_socket_options *options);

#endif
