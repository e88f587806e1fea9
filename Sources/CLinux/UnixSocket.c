// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "UnixSocket.h"
#include "Result.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int unix_address(const char *path, struct sockaddr_un *address, socklen_t *length)
{
    size_t count = strlen(path);
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (count == 0 || count >= sizeof address->sun_path) return -ENAMETOOLONG;
    memcpy(address->sun_path, path, count);
    *length = offsetof(struct sockaddr_un, sun_path) + count + 1;
    if (path[0] == '@') {
        address->sun_path[0] = 0;
        *length -= 1;
    }
    return 0;
}

int culvert_unix_listen(const char *path, int backlog)
{
    struct sockaddr_un address;
    socklen_t length;
    int error = unix_address(path, &address, &length);
    if (error < 0) return error;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    // bind() gives the file the mode of the socket: at no moment can others connect.
    if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, length) < 0
        || listen(fd, backlog) < 0) {
        error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int culvert_unix_probe(const char *path)
{
    struct sockaddr_un address;
    socklen_t length;
    int error = unix_address(path, &address, &length);
    if (error < 0) return error;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    int outcome = result(connect(fd, (struct sockaddr *)&address, length));
    close(fd);
    // A full backlog means that somebody is there.
    return outcome == -EAGAIN ? 0 : outcome;
}

int culvert_unix_send(const char *path, const char *text, size_t count)
{
    struct sockaddr_un address;
    socklen_t length;
    int error = unix_address(path, &address, &length);
    if (error < 0) return error;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    ssize_t sent =
        sendto(fd, text, count, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address, length);
    error = sent < 0 ? -errno : 0;
    close(fd);
    return error;
}

int culvert_peer_credentials(int fd, struct culvert_credentials *credentials)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return -errno;
    *credentials = (struct culvert_credentials){.pid = peer.pid, .uid = peer.uid, .gid = peer.gid};
    return 0;
}

int culvert_peer_has_group(int fd, uint32_t group)
{
    gid_t few[64];
    gid_t *groups = few;
    socklen_t length = sizeof few;
    int outcome = result(getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length));
    if (outcome == -ERANGE) {
        // The kernel has written how many bytes it takes.
        groups = malloc(length);
        if (!groups) return -ENOMEM;
        outcome = result(getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length));
    }
    if (outcome >= 0) {
        outcome = 0;
        for (size_t place = 0; place < length / sizeof *groups; place++)
            if (groups[place] == group) outcome = 1;
    }
    if (groups != few) free(groups);
    return outcome;
}

int culvert_unix_datagram_socket(void)
{
    return result(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

int culvert_unix_send_from(int fd, const char *path, const void *bytes, size_t count)
{
    struct sockaddr_un address;
    socklen_t length;
    int error = unix_address(path, &address, &length);
    if (error < 0) return error;
    ssize_t sent;
    do sent = sendto(fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address, length);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

int culvert_unix_path(int fd, char *path, size_t capacity)
{
    struct sockaddr_un address = {0};
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) return -errno;
    if (address.sun_family != AF_UNIX) return -EAFNOSUPPORT;
    size_t count = strnlen(address.sun_path, sizeof address.sun_path);
    if (count >= capacity) return -ENAMETOOLONG;
    memcpy(path, address.sun_path, count);
    path[count] = 0;
    return (int)count;
}
