/* SPDX-License-Identifier: MIT */
/* file.h: what stream.c leaves to file.c: the transfers that block. Each as its public namesake. */
#ifndef RUNG_FILE_H
#define RUNG_FILE_H

#include <rung_net.h>

int64_t file_read(rung_fd file, void *bytes, size_t count);
int64_t file_readv(rung_fd file, const struct iovec *parts, int count);
int64_t file_write(rung_fd file, const void *bytes, size_t count, bool is_full);
int64_t file_writev(rung_fd file, const struct iovec *parts, int count, bool is_full);

#endif
