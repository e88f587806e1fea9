// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinuxRuntime.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int result(int value) { return value < 0 ? -errno : value; }

// MARK: epoll

int cr_epoll_create(void) { return result(epoll_create1(EPOLL_CLOEXEC)); }

int cr_epoll_watch(int epoll, int descriptor, uint64_t token) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = token};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0) return 0;
    if (errno != EEXIST) return -errno;
    return result(epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event));
}

int cr_epoll_unwatch(int epoll, int descriptor) {
    struct epoll_event event = {0};
    if (epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event) == 0) return 0;
    return errno == ENOENT || errno == EBADF ? 0 : -errno;
}

int cr_epoll_wait(int epoll, uint64_t *tokens, uint32_t *flags, int capacity, int timeout) {
    struct epoll_event events[256];
    if (capacity > 256) capacity = 256;
    int count = epoll_wait(epoll, events, capacity, timeout);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) {
        tokens[i] = events[i].data.u64;
        flags[i] = (events[i].events & EPOLLIN ? 1 : 0) | (events[i].events & (EPOLLHUP | EPOLLERR) ? 2 : 0);
    }
    return count;
}

// MARK: eventfd, signalfd, clocks

int cr_eventfd(void) { return result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

void cr_eventfd_signal(int descriptor) {
    uint64_t one = 1;
    while (write(descriptor, &one, sizeof one) < 0 && errno == EINTR) {}
}

void cr_eventfd_clear(int descriptor) {
    uint64_t count;
    while (read(descriptor, &count, sizeof count) < 0 && errno == EINTR) {}
}

int cr_signalfd(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
    int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (error != 0) return -error;
    return result(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int cr_signalfd_read(int descriptor) {
    struct signalfd_siginfo received;
    ssize_t length;
    do length = read(descriptor, &received, sizeof received);
    while (length < 0 && errno == EINTR);
    return length == sizeof received ? (int)received.ssi_signo : 0;
}

int64_t cr_monotonic_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t cr_realtime_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// MARK: UDP

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t to_kernel(const struct cr_address *address, union any_address *out) {
    memset(out, 0, sizeof *out);
    if (address->is_v6) {
        uint64_t high = htobe64(address->high), low = htobe64(address->low);
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(address->port);
        memcpy(out->v6.sin6_addr.s6_addr, &high, 8);
        memcpy(out->v6.sin6_addr.s6_addr + 8, &low, 8);
        return sizeof out->v6;
    }
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons(address->port);
    out->v4.sin_addr.s_addr = htonl((uint32_t)address->low);
    return sizeof out->v4;
}

static struct cr_address from_v6(const struct in6_addr *address, uint16_t port) {
    uint64_t high, low;
    memcpy(&high, address->s6_addr, 8);
    memcpy(&low, address->s6_addr + 8, 8);
    return (struct cr_address){.high = be64toh(high), .low = be64toh(low), .port = port, .is_v6 = 1};
}

static struct cr_address from_v4(struct in_addr address, uint16_t port) {
    return (struct cr_address){.low = ntohl(address.s_addr), .port = port};
}

static struct cr_address from_kernel(const union any_address *address) {
    if (address->any.sa_family == AF_INET6) return from_v6(&address->v6.sin6_addr, ntohs(address->v6.sin6_port));
    return from_v4(address->v4.sin_addr, ntohs(address->v4.sin_port));
}

int cr_udp_open(const struct cr_address *local, int receive_buffer, int is_encapsulating) {
    union any_address address;
    socklen_t length = to_kernel(local, &address);
    int descriptor = socket(address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    int on = 1, encapsulation = UDP_ENCAP_ESPINUDP;
    int failed = local->is_v6
        ? setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0
            || setsockopt(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) < 0
        : setsockopt(descriptor, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) < 0;
    if (!failed && is_encapsulating)
        failed = setsockopt(descriptor, IPPROTO_UDP, UDP_ENCAP, &encapsulation, sizeof encapsulation) < 0;
    if (!failed) {
        // More than rmem_max needs CAP_NET_ADMIN; what is granted without is fine too.
        if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) < 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        setsockopt(descriptor, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
        failed = bind(descriptor, &address.any, length) < 0;
    }
    if (failed) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

int cr_udp_port(int descriptor) {
    union any_address address;
    socklen_t length = sizeof address;
    if (getsockname(descriptor, &address.any, &length) < 0) return -errno;
    return from_kernel(&address).port;
}

union packet_control {
    struct cmsghdr header;
    uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint32_t)) + 32];
};

struct cr_receiver {
    int count;
    int size;
    uint32_t overflow;
    struct mmsghdr *messages;
    struct iovec *vectors;
    union any_address *peers;
    union packet_control *controls;
    uint8_t *bytes;
};

struct cr_receiver *cr_receiver_create(int count, int size) {
    struct cr_receiver *receiver = calloc(1, sizeof *receiver);
    if (!receiver) return NULL;
    receiver->count = count;
    receiver->size = size;
    receiver->messages = calloc(count, sizeof *receiver->messages);
    receiver->vectors = calloc(count, sizeof *receiver->vectors);
    receiver->peers = calloc(count, sizeof *receiver->peers);
    receiver->controls = calloc(count, sizeof *receiver->controls);
    receiver->bytes = malloc((size_t)count * size);
    if (!receiver->messages || !receiver->vectors || !receiver->peers || !receiver->controls || !receiver->bytes) {
        cr_receiver_destroy(receiver);
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        receiver->vectors[i].iov_base = receiver->bytes + (size_t)i * size;
        receiver->vectors[i].iov_len = size;
        receiver->messages[i].msg_hdr.msg_iov = &receiver->vectors[i];
        receiver->messages[i].msg_hdr.msg_iovlen = 1;
        receiver->messages[i].msg_hdr.msg_name = &receiver->peers[i];
        receiver->messages[i].msg_hdr.msg_control = &receiver->controls[i];
    }
    return receiver;
}

void cr_receiver_destroy(struct cr_receiver *receiver) {
    free(receiver->messages);
    free(receiver->vectors);
    free(receiver->peers);
    free(receiver->controls);
    free(receiver->bytes);
    free(receiver);
}

int cr_receiver_receive(struct cr_receiver *receiver, int descriptor) {
    for (int i = 0; i < receiver->count; i++) {
        receiver->messages[i].msg_hdr.msg_namelen = sizeof(union any_address);
        receiver->messages[i].msg_hdr.msg_controllen = sizeof(union packet_control);
        receiver->messages[i].msg_hdr.msg_flags = 0;
    }
    receiver->overflow = 0;
    int count;
    do count = recvmmsg(descriptor, receiver->messages, receiver->count, MSG_DONTWAIT, NULL);
    while (count < 0 && errno == EINTR);
    if (count < 0) return errno == EAGAIN ? 0 : -errno;
    return count;
}

void cr_receiver_get(struct cr_receiver *receiver, int index, struct cr_datagram *datagram) {
    struct mmsghdr *message = &receiver->messages[index];
    memset(datagram, 0, sizeof *datagram);
    datagram->bytes = receiver->bytes + (size_t)index * receiver->size;
    datagram->length = message->msg_len;
    datagram->is_truncated = (message->msg_hdr.msg_flags & MSG_TRUNC) != 0;
    datagram->peer = from_kernel(&receiver->peers[index]);
    for (struct cmsghdr *control = CMSG_FIRSTHDR(&message->msg_hdr); control;
         control = CMSG_NXTHDR(&message->msg_hdr, control)) {
        if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo packet;
            memcpy(&packet, CMSG_DATA(control), sizeof packet);
            // The address of ours that a broadcast or multicast was meant for is in ipi_spec_dst.
            uint32_t destination = ntohl(packet.ipi_addr.s_addr);
            int is_group = destination >> 28 >= 14;
            datagram->local = from_v4(is_group ? packet.ipi_spec_dst : packet.ipi_addr, 0);
            datagram->has_local = 1;
        } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo packet;
            memcpy(&packet, CMSG_DATA(control), sizeof packet);
            datagram->local = from_v6(&packet.ipi6_addr, 0);
            datagram->has_local = 1;
        } else if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SO_RXQ_OVFL) {
            memcpy(&receiver->overflow, CMSG_DATA(control), sizeof receiver->overflow);
        }
    }
}

uint32_t cr_receiver_overflow(const struct cr_receiver *receiver) { return receiver->overflow; }

struct cr_sender {
    int capacity;
    int count;
    size_t size;
    size_t used;
    struct mmsghdr *messages;
    struct iovec *vectors;
    union any_address *peers;
    union packet_control *controls;
    uint8_t *bytes;
};

struct cr_sender *cr_sender_create(int count, size_t size) {
    struct cr_sender *sender = calloc(1, sizeof *sender);
    if (!sender) return NULL;
    sender->capacity = count;
    sender->size = size;
    sender->messages = calloc(count, sizeof *sender->messages);
    sender->vectors = calloc(count, sizeof *sender->vectors);
    sender->peers = calloc(count, sizeof *sender->peers);
    sender->controls = calloc(count, sizeof *sender->controls);
    sender->bytes = malloc(size);
    if (!sender->messages || !sender->vectors || !sender->peers || !sender->controls || !sender->bytes) {
        cr_sender_destroy(sender);
        return NULL;
    }
    return sender;
}

void cr_sender_destroy(struct cr_sender *sender) {
    free(sender->messages);
    free(sender->vectors);
    free(sender->peers);
    free(sender->controls);
    free(sender->bytes);
    free(sender);
}

int cr_sender_append(
    struct cr_sender *sender,
    const uint8_t *bytes,
    size_t length,
    const struct cr_address *peer,
    const struct cr_address *local
) {
    if (length > sender->size) return -EMSGSIZE;
    if (sender->count == sender->capacity || length > sender->size - sender->used) return -ENOBUFS;
    int i = sender->count++;
    struct msghdr *header = &sender->messages[i].msg_hdr;
    memset(header, 0, sizeof *header);
    if (length > 0) memcpy(sender->bytes + sender->used, bytes, length);
    sender->vectors[i] = (struct iovec){.iov_base = sender->bytes + sender->used, .iov_len = length};
    sender->used += length;
    header->msg_iov = &sender->vectors[i];
    header->msg_iovlen = 1;
    header->msg_namelen = to_kernel(peer, &sender->peers[i]);
    header->msg_name = &sender->peers[i];

    union any_address source;
    to_kernel(local, &source);
    union packet_control *space = &sender->controls[i];
    memset(space, 0, sizeof *space);
    header->msg_control = space;
    if (local->is_v6) {
        struct in6_pktinfo packet = {.ipi6_addr = source.v6.sin6_addr};
        header->msg_controllen = CMSG_SPACE(sizeof packet);
        space->header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof packet), .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO};
        memcpy(CMSG_DATA(&space->header), &packet, sizeof packet);
    } else {
        struct in_pktinfo packet = {.ipi_spec_dst = source.v4.sin_addr};
        header->msg_controllen = CMSG_SPACE(sizeof packet);
        space->header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof packet), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
        memcpy(CMSG_DATA(&space->header), &packet, sizeof packet);
    }
    return sender->count;
}

struct cr_sent cr_sender_send(struct cr_sender *sender, int descriptor) {
    struct cr_sent outcome = {0};
    int next = 0;
    while (next < sender->count) {
        int sent = sendmmsg(descriptor, sender->messages + next, sender->count - next, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            next += sent;
            outcome.sent += sent;
        } else if (sent < 0 && errno == EINTR) {
            continue;
        } else if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
            outcome.dropped += sender->count - next;
            break;
        } else {
            // The first of the rest is at fault; those behind it may be fine.
            outcome.error = errno;
            outcome.failed++;
            next++;
        }
    }
    sender->count = 0;
    sender->used = 0;
    return outcome;
}

// MARK: Unix sockets

static int unix_address(const char *path, struct sockaddr_un *address, socklen_t *length) {
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

int cr_unix_listen(const char *path, int backlog) {
    struct sockaddr_un address;
    socklen_t length;
    int error = unix_address(path, &address, &length);
    if (error < 0) return error;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    // bind() gives the file the mode of the socket: at no moment can others connect.
    if (fchmod(descriptor, 0600) < 0 || bind(descriptor, (struct sockaddr *)&address, length) < 0
        || listen(descriptor, backlog) < 0) {
        error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

int cr_unix_probe(const char *path) {
    struct sockaddr_un address;
    socklen_t length;
    int error = unix_address(path, &address, &length);
    if (error < 0) return error;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    int outcome = result(connect(descriptor, (struct sockaddr *)&address, length));
    close(descriptor);
    // A full backlog means that somebody is there.
    return outcome == -EAGAIN ? 0 : outcome;
}

int cr_unix_send(const char *path, const char *text, size_t count) {
    struct sockaddr_un address;
    socklen_t length;
    int error = unix_address(path, &address, &length);
    if (error < 0) return error;
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    ssize_t sent =
        sendto(descriptor, text, count, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address, length);
    error = sent < 0 ? -errno : 0;
    close(descriptor);
    return error;
}

const int cr_so_peercred = SO_PEERCRED;

// MARK: Logs

long cr_write_now(int descriptor, const uint8_t *bytes, size_t length) {
    if (length > 4096) length = 4096;
    ssize_t written;
    do written = send(descriptor, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (written < 0 && errno == EINTR);
    if (written >= 0) return written;
    if (errno == EAGAIN) return 0;
    if (errno != ENOTSOCK) return -errno;
    // No socket. O_NONBLOCK would change it for everybody who shares it, so ask first.
    struct pollfd ready = {.fd = descriptor, .events = POLLOUT};
    if (poll(&ready, 1, 0) <= 0) return 0;
    if (ready.revents & POLLNVAL) return -EBADF;
    do written = write(descriptor, bytes, length);
    while (written < 0 && errno == EINTR);
    if (written >= 0) return written;
    return errno == EAGAIN ? 0 : -errno;
}

// MARK: The process

int cr_forbid_dumps(void) {
    struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return -errno;
    return result(setrlimit(RLIMIT_CORE, &none));
}

long cr_raise_file_limit(long wanted) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    rlim_t hard = limit.rlim_max;
    if ((rlim_t)wanted > limit.rlim_cur) {
        limit.rlim_cur = (rlim_t)wanted;
        if (limit.rlim_max < (rlim_t)wanted) limit.rlim_max = (rlim_t)wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
            limit.rlim_max = hard;
            limit.rlim_cur = hard < (rlim_t)wanted ? hard : (rlim_t)wanted;
            setrlimit(RLIMIT_NOFILE, &limit);
        }
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    return (long)limit.rlim_cur;
}

int cr_file_open(const char *path, struct cr_file *file) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0) return -errno;
    struct stat status;
    if (fstat(descriptor, &status) < 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    *file = (struct cr_file){
        .descriptor = descriptor, .mode = status.st_mode, .uid = status.st_uid, .size = status.st_size};
    return 0;
}
