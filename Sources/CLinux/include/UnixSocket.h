// SPDX-License-Identifier: Apache-2.0
// Unix sockets. A path that begins with '@' is in the abstract namespace.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// A nonblocking, close-on-exec stream socket that listens at `path`; only our user can connect. Returns the
/// descriptor.
int culvert_unix_listen(const char *path, int backlog);
/// 0 if somebody listens there.
int culvert_unix_probe(const char *path);
/// Sends one datagram without waiting. 0 if it was sent.
int culvert_unix_send(const char *path, const char *text, size_t length);

/// The path a Unix socket is bound to; its length, or what went wrong.
int culvert_unix_path(int fd, char *path, size_t capacity);

/// A close-on-exec datagram socket without an address.
int culvert_unix_datagram_socket(void);
/// Sends one datagram to who listens at `path`, without waiting. 0 if it was sent.
int culvert_unix_send_from(int fd, const char *path, const void *bytes, size_t length);

/// Who is at the other end, as it was when it connected.
struct culvert_credentials {
    int32_t pid;
    uint32_t uid;
    uint32_t gid;
};
/// 0 if the kernel knows.
int culvert_peer_credentials(int fd, struct culvert_credentials *credentials);
/// 1 if the other end has this group beside its own, 0 if not.
int culvert_peer_has_group(int fd, uint32_t group);
