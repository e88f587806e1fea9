// SPDX-License-Identifier: Apache-2.0
// What the event loop needs of Linux and Swift cannot import: epoll and its relatives, batches of
// datagrams with their packet information, socket addresses of the Unix family.
// Every function that can fail returns the negated errno value.
#pragma once
#include <stddef.h>
#include <stdint.h>

// epoll, level-triggered, for reading only.
int cr_epoll_create(void);
// Watching what is watched already replaces the token.
int cr_epoll_watch(int epoll, int descriptor, uint64_t token);
// A descriptor that is closed or not watched is no error.
int cr_epoll_unwatch(int epoll, int descriptor);
// Bits of `flags`: 1 readable, 2 hung up or in error. `timeout` is in milliseconds, -1 for ever.
// An interruption counts as nothing ready.
int cr_epoll_wait(int epoll, uint64_t *tokens, uint32_t *flags, int capacity, int timeout);

int cr_eventfd(void);
void cr_eventfd_signal(int descriptor);
void cr_eventfd_clear(int descriptor);

// Blocks the signals in the calling thread and the threads it starts later; they arrive on the
// returned descriptor.
int cr_signalfd(const int *signals, int count);
// The number of a signal that came; 0 if none did.
int cr_signalfd_read(int descriptor);

int64_t cr_monotonic_nanoseconds(void);
int64_t cr_realtime_milliseconds(void);

// An IP address and port in host order; an IPv4 address lies in the lower half of `low`.
struct cr_address {
    uint64_t high;
    uint64_t low;
    uint16_t port;
    uint8_t is_v6;
};

// A UDP socket, non-blocking, bound, that reports the destination address of every datagram.
// IPv6 sockets take IPv6 only. `is_encapsulating` makes the kernel take ESP in UDP (RFC 3948) out of it.
int cr_udp_open(const struct cr_address *local, int receive_buffer, int is_encapsulating);
// The port the socket is bound to.
int cr_udp_port(int descriptor);

struct cr_datagram {
    const uint8_t *bytes;
    uint32_t length;
    uint8_t is_truncated;
    uint8_t has_local;
    struct cr_address peer;
    // The destination address as it stood in the packet; without port.
    struct cr_address local;
};

struct cr_receiver;
struct cr_receiver *cr_receiver_create(int count, int size);
void cr_receiver_destroy(struct cr_receiver *receiver);
// How many datagrams came; 0 if none waits.
int cr_receiver_receive(struct cr_receiver *receiver, int descriptor);
void cr_receiver_get(struct cr_receiver *receiver, int index, struct cr_datagram *datagram);
// Datagrams the kernel threw away on this socket for want of buffer, counted modulo 2^32.
uint32_t cr_receiver_overflow(const struct cr_receiver *receiver);

struct cr_sender;
struct cr_sender *cr_sender_create(int count, size_t size);
void cr_sender_destroy(struct cr_sender *sender);
// Copies one datagram into the batch. `local` is its source address. -ENOBUFS: send first.
int cr_sender_append(
    struct cr_sender *sender,
    const uint8_t *bytes,
    size_t length,
    const struct cr_address *peer,
    const struct cr_address *local
);
struct cr_sent {
    uint32_t sent;
    // For want of buffer.
    uint32_t dropped;
    // Refused by the kernel: no route, say. `error` is the last reason.
    uint32_t failed;
    int error;
};
// Sends the batch and empties it.
struct cr_sent cr_sender_send(struct cr_sender *sender, int descriptor);

// Unix sockets. A path that begins with '@' is in the abstract namespace.
int cr_unix_listen(const char *path, int backlog);
// 0 if somebody listens there.
int cr_unix_probe(const char *path);
int cr_unix_send(const char *path, const char *text, size_t length);

struct cr_credentials {
    int32_t pid;
    uint32_t uid;
    uint32_t gid;
};
extern const int cr_so_peercred;

// Writes without waiting, whatever the descriptor is: the bytes taken, 0 if none could be.
// At most 4,096 bytes, so that a pipe takes all or nothing.
long cr_write_now(int descriptor, const uint8_t *bytes, size_t length);

// No core dumps, no ptrace by others.
int cr_forbid_dumps(void);
// Raises the limit of open files as far as allowed; the limit then in force.
long cr_raise_file_limit(long wanted);

// Opens a file for reading, never waiting for a pipe's other end. Owner and mode are those of what was opened,
// not of what the path meant a moment before.
struct cr_file {
    int descriptor;
    uint32_t mode;
    uint32_t uid;
    int64_t size;
};
int cr_file_open(const char *path, struct cr_file *file);
