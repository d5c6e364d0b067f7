/* SPDX-License-Identifier: MIT */
/* Regular files and directories: by position and by offset, sent to sockets; and threads blocked in them have a bound. */
#include "net.h"

#include <fcntl.h>

static char folder[64], path[96];

static void read_and_write(void)
{
    char bytes[32];
    struct iovec parts[2] = { { "01234", 5 }, { "56789", 5 } }, room[2] = { { bytes, 4 }, { bytes + 4, 28 } };
    rung_fd file = rung_file_open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    EXPECT(file >= 0);
    EXPECT_EQ(rung_file_open(path, O_RDWR | O_CREAT | O_EXCL, 0600), -EEXIST);
    EXPECT_EQ(rung_writev_full(file, parts, 2), 10);
    EXPECT_EQ(rung_writev(file, parts, 2), 10);
    EXPECT_EQ(rung_write(file, "ab", 2), 2);
    EXPECT_EQ(rung_write_full(file, "cd", 2), 2);
    EXPECT_EQ(rung_file_size(file), 24);
    EXPECT_EQ(rung_file_sync(file), 0);
    EXPECT_EQ(rung_read(file, bytes, 1), 0); /* the position is at the end */
    EXPECT_EQ(rung_read_at(file, bytes, 32, 8), 16);
    EXPECT(memcmp(bytes, "890123456789abcd", 16) == 0);
    EXPECT_EQ(rung_read_at(file, bytes, 4, 1), 4);
    EXPECT_EQ(rung_read_at(file, bytes, 4, 100), 0);
    EXPECT_EQ(rung_read_at(file, bytes, 4, -1), -EINVAL);
    EXPECT_EQ(rung_write_at(file, "XY", 2, 22), 2);
    EXPECT_EQ(rung_write_at(file, "XY", 2, -2), -EINVAL);
    EXPECT_EQ(rung_fd_wait(file, RUNG_READ | RUNG_WRITE), RUNG_READ | RUNG_WRITE);
    EXPECT_EQ(rung_close(file), 0);
    EXPECT_EQ(rung_read_at(file, bytes, 1, 0), -EBADF);
    EXPECT_EQ(rung_write_at(file, bytes, 1, 0), -EBADF);
    EXPECT_EQ(rung_file_sync(file), -EBADF);
    EXPECT_EQ(rung_file_size(file), -EBADF);
    file = rung_file_open(path, O_RDONLY, 0);
    EXPECT_EQ(rung_readv(file, room, 2), 24);
    EXPECT(memcmp(bytes, "01234567890123456789abXY", 24) == 0);
    EXPECT_EQ(rung_write(file, "x", 1), -EBADF);
    EXPECT_EQ(rung_close(file), 0);
    file = rung_file_open(path, O_RDONLY, 0);
    EXPECT_EQ(rung_read_full(file, bytes, 32), 24);
    EXPECT_EQ(rung_accept(file, NULL), -ENOTSOCK);
    EXPECT_EQ(rung_close(file), 0);
    EXPECT_EQ(rung_file_open("/no/such/file", O_RDONLY, 0), -ENOENT);
    EXPECT_EQ(rung_file_open(folder, O_RDONLY, 0), -EISDIR);
    EXPECT_EQ(rung_file_open(NULL, O_RDONLY, 0), -EINVAL);
    rung_scope scope;
    rung_scope_open(&scope, 0);
    EXPECT_EQ(rung_file_open(path, O_RDONLY, 0), -ETIMEDOUT);
    rung_scope_close(&scope);
}

static rung_fd pair[2];

static int send_it(void *arg)
{
    rung_fd file = *(rung_fd *)arg;
    EXPECT_EQ(rung_send_file(pair[0], file, 100, 5000000), 3000000 - 100); /* to its end */
    return rung_shutdown(pair[0], RUNG_WRITE);
}

static void send_files(void)
{
    rung_fd file = rung_file_open(path, O_RDWR | O_TRUNC, 0);
    char bytes[1000];
    for (int i = 0; i < 3000; i++) {
        memset(bytes, i % 251, sizeof bytes);
        EXPECT_EQ(rung_write_full(file, bytes, sizeof bytes), sizeof bytes);
    }
    connect_pair(pair);
    go(send_it, &file);
    int64_t got, at = 100;
    while ((got = rung_read(pair[1], bytes, sizeof bytes)) > 0)
        for (int64_t i = 0; i < got; i++, at++)
            EXPECT_EQ((unsigned char)bytes[i], at / 1000 % 251);
    EXPECT_EQ(at, 3000000);
    EXPECT_EQ(rung_send_file(pair[0], file, 0, 10), -EPIPE); /* and no SIGPIPE */
    EXPECT_EQ(rung_send_file(pair[1], pair[0], 0, 10), -ESPIPE); /* no file */
    close_pair(pair);
    EXPECT_EQ(rung_send_file(pair[0], file, 0, 10), -EBADF);
    EXPECT_EQ(rung_close(file), 0);
}

static void directories(void)
{
    rung_directory *directory;
    const char *name;
    char other[128];
    for (int i = 0; i < 100; i++) {
        snprintf(other, sizeof other, "%s/%d", folder, i);
        EXPECT_EQ(rung_close(rung_file_open(other, O_WRONLY | O_CREAT, 0600)), 0);
    }
    EXPECT_EQ(rung_directory_open(&directory, folder), 0);
    int count = 0, result;
    while ((result = rung_directory_next(directory, &name)) == 1) {
        count++;
        EXPECT(strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
        snprintf(other, sizeof other, "%s/%s", folder, name);
        EXPECT_EQ(unlink(other), 0);
    }
    EXPECT_EQ(result, 0);
    EXPECT_EQ(count, 101);
    rung_directory_close(directory);
    rung_directory_close(NULL);
    EXPECT_EQ(rung_directory_open(&directory, "/no/such/directory"), -ENOENT);
    EXPECT_EQ(rung_directory_open(&directory, NULL), -EINVAL);
    EXPECT_EQ(rung_directory_open(NULL, folder), -EINVAL);
}

static void limits(void)
{
    EXPECT_EQ(rung_file_limit(-1), -EINVAL);
    EXPECT_EQ(rung_file_limit(100000), -EINVAL);
    int before = rung_file_limit(0);
    EXPECT_EQ(rung_file_limit(2), before);
    EXPECT_EQ(rung_file_limit(3), 2);
    EXPECT_EQ(rung_file_limit(before), 3);
}

static int app(void *arg)
{
    strcpy(folder, "/tmp/rung-files-XXXXXX");
    EXPECT(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/file", folder);
    read_and_write();
    if (arg == NULL)
        send_files();
    directories();
    limits();
    EXPECT_EQ(rmdir(folder), 0);
    return 0;
}

int main(void)
{
    app("without rung_run");
    run_on(1, app, NULL);
    run_on(2, app, NULL);
    return 0;
}
