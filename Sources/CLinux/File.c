// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "File.h"
#include "Result.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

int64_t culvert_read(int fd, void *bytes, uint64_t capacity)
{
    ssize_t count = read(fd, bytes, capacity);
    return count < 0 ? -errno : count;
}

int64_t culvert_write(int fd, const void *bytes, uint64_t count)
{
    ssize_t written = write(fd, bytes, count);
    return written < 0 ? -errno : written;
}

long culvert_write_now(int fd, const uint8_t *bytes, size_t length)
{
    if (length > 4096) length = 4096;
    ssize_t written;
    do written = send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (written < 0 && errno == EINTR);
    if (written >= 0) return written;
    if (errno == EAGAIN) return 0;
    if (errno != ENOTSOCK) return -errno;
    // No socket. O_NONBLOCK would change it for everybody who shares it, so it is asked of this one call, which
    // kernels before 6.5 do not know for pipes.
    struct iovec vector = {.iov_base = (void *)bytes, .iov_len = length};
    do written = pwritev2(fd, &vector, 1, -1, RWF_NOWAIT);
    while (written < 0 && errno == EINTR);
    if (written >= 0) return written;
    if (errno == EAGAIN) return 0;
    if (errno != EOPNOTSUPP && errno != ENOSYS && errno != ESPIPE) return -errno;
    // Else ask first. Who shares the pipe could still be faster.
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    if (poll(&ready, 1, 0) <= 0) return 0;
    if (ready.revents & POLLNVAL) return -EBADF;
    do written = write(fd, bytes, length);
    while (written < 0 && errno == EINTR);
    if (written >= 0) return written;
    return errno == EAGAIN ? 0 : -errno;
}

int culvert_file_open(const char *path, struct culvert_file *file)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) return -errno;
    struct stat status;
    if (fstat(fd, &status) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    *file = (struct culvert_file){
        .descriptor = fd, .mode = status.st_mode, .uid = status.st_uid, .size = status.st_size};
    return 0;
}

int culvert_count_entries(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return -errno;
    DIR *folder = fdopendir(copy);
    if (!folder) {
        int error = errno;
        close(copy);
        return -error;
    }
    // The copy shares the place in the folder with what it was made of.
    rewinddir(folder);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(folder));) count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}
