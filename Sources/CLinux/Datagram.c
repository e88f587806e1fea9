// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "Datagram.h"
#include "Result.h"

#include <endian.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static void read_v6(const struct in6_addr *from, struct culvert_address *to)
{
    uint64_t halves[2];
    memcpy(halves, from, sizeof halves);
    to->high = be64toh(halves[0]);
    to->low = be64toh(halves[1]);
    to->family = 6;
}

static void write_v6(const struct culvert_address *from, struct in6_addr *to)
{
    const uint64_t halves[2] = {htobe64(from->high), htobe64(from->low)};
    memcpy(to, halves, sizeof halves);
}

static void read_address(const union any_address *from, struct culvert_address *to)
{
    memset(to, 0, sizeof *to);
    if (from->any.sa_family == AF_INET) {
        to->family = 4;
        to->low = ntohl(from->v4.sin_addr.s_addr);
        to->port = ntohs(from->v4.sin_port);
    } else if (from->any.sa_family == AF_INET6) {
        read_v6(&from->v6.sin6_addr, to);
        to->port = ntohs(from->v6.sin6_port);
    }
}

static socklen_t write_address(const struct culvert_address *from, union any_address *to)
{
    memset(to, 0, sizeof *to);
    if (from->family == 4) {
        to->v4.sin_family = AF_INET;
        to->v4.sin_addr.s_addr = htonl((uint32_t)from->low);
        to->v4.sin_port = htons(from->port);
        return sizeof to->v4;
    }
    to->v6.sin6_family = AF_INET6;
    write_v6(from, &to->v6.sin6_addr);
    to->v6.sin6_port = htons(from->port);
    return sizeof to->v6;
}

static int option(int fd, int level, int name, int value)
{
    return result(setsockopt(fd, level, name, &value, sizeof value));
}

int culvert_udp_socket(int family)
{
    int fd = socket(family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    int error = family == 6 ? option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) : 0;
    if (error == 0) return fd;
    close(fd);
    return error;
}

int culvert_bind(int fd, const struct culvert_address *local)
{
    union any_address address;
    socklen_t length = write_address(local, &address);
    return result(bind(fd, &address.any, length));
}

int culvert_connect(int fd, const struct culvert_address *peer)
{
    union any_address address;
    socklen_t length = write_address(peer, &address);
    return result(connect(fd, &address.any, length));
}

int culvert_receive_buffer(int fd, int bytes)
{
    int error = option(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes);
    return error == 0 ? 0 : option(fd, SOL_SOCKET, SO_RCVBUF, bytes);
}

int culvert_reuse_address(int fd) { return option(fd, SOL_SOCKET, SO_REUSEADDR, 1); }

int culvert_allow_fragments(int fd, int family)
{
    return family == 6 ? option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT)
                       : option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
}

int culvert_forbid_fragments(int fd, int family)
{
    return family == 6 ? option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE)
                       : option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
}

int culvert_path_mtu(int fd, int family)
{
    int mtu = 0;
    socklen_t length = sizeof mtu;
    if (getsockopt(fd, family == 6 ? IPPROTO_IPV6 : IPPROTO_IP, family == 6 ? IPV6_MTU : IP_MTU, &mtu, &length) < 0)
        return -errno;
    return mtu;
}

int culvert_omit_checksum(int fd) { return option(fd, SOL_SOCKET, SO_NO_CHECK, 1); }

int64_t culvert_recvfrom(int fd, void *bytes, uint64_t capacity, struct culvert_address *peer)
{
    union any_address address = {0};
    socklen_t length = sizeof address;
    ssize_t received = recvfrom(fd, bytes, capacity, MSG_DONTWAIT | MSG_TRUNC, &address.any, &length);
    if (received < 0) return -errno;
    read_address(&address, peer);
    return received;
}

int64_t culvert_sendto(int fd, const void *bytes, uint64_t count, const struct culvert_address *peer)
{
    union any_address address;
    socklen_t length = peer ? write_address(peer, &address) : 0;
    ssize_t sent = sendto(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL, peer ? &address.any : NULL, length);
    return sent < 0 ? -errno : sent;
}

int culvert_tcp_listen(const struct culvert_address *local, int backlog)
{
    int fd = socket(local->family == 6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    int error = local->family == 6 ? option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) : 0;
    if (error == 0) error = culvert_reuse_address(fd);
    if (error == 0) error = culvert_bind(fd, local);
    if (error == 0) error = result(listen(fd, backlog));
    if (error == 0) return fd;
    close(fd);
    return error;
}

static int dress(int fd, int family, int receive_buffer, int is_encapsulating)
{
    int error = family == 6 ? option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    if (error == 0 && is_encapsulating) error = option(fd, IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP);
    if (error < 0) return error;
    culvert_receive_buffer(fd, receive_buffer);
    option(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
    return 0;
}

int culvert_udp_adopt(int fd, int family, int receive_buffer, int is_encapsulating)
{
    return dress(fd, family, receive_buffer, is_encapsulating);
}

int culvert_socket_local(int fd, struct culvert_address *local)
{
    // Longer than any address of IP: what else it may be is cut.
    union any_address bound = {0};
    socklen_t length = sizeof bound;
    if (getsockname(fd, &bound.any, &length) < 0) return -errno;
    read_address(&bound, local);
    return 0;
}

int culvert_socket_is_dual(int fd)
{
    int is_v6_only = 0;
    socklen_t length = sizeof is_v6_only;
    if (getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &is_v6_only, &length) < 0) return -errno;
    return is_v6_only == 0;
}

int culvert_udp_open(const struct culvert_address *local, int receive_buffer, int is_encapsulating)
{
    int fd = culvert_udp_socket(local->family);
    if (fd < 0) return fd;
    int error = dress(fd, local->family, receive_buffer, is_encapsulating);
    if (error == 0) error = culvert_bind(fd, local);
    if (error == 0) return fd;
    close(fd);
    return error;
}

int culvert_udp_port(int fd)
{
    union any_address bound;
    socklen_t length = sizeof bound;
    if (getsockname(fd, &bound.any, &length) < 0) return -errno;
    struct culvert_address local;
    read_address(&bound, &local);
    return local.port;
}

union packet_control {
    struct cmsghdr header;
    uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint32_t)) + 32];
};

// What recvmmsg and sendmmsg work on, and the room for it.
struct batch {
    struct mmsghdr *messages;
    struct iovec *vectors;
    union any_address *peers;
    union packet_control *controls;
    uint8_t *bytes;
};

static void batch_free(struct batch *batch)
{
    free(batch->messages);
    free(batch->vectors);
    free(batch->peers);
    free(batch->controls);
    free(batch->bytes);
}

// Room for so many messages, with so many bytes altogether; false, and nothing allocated, if there is no memory.
static bool batch_allocate(struct batch *batch, int count, size_t size)
{
    batch->messages = calloc(count, sizeof *batch->messages);
    batch->vectors = calloc(count, sizeof *batch->vectors);
    batch->peers = calloc(count, sizeof *batch->peers);
    batch->controls = calloc(count, sizeof *batch->controls);
    batch->bytes = malloc(size);
    if (batch->messages && batch->vectors && batch->peers && batch->controls && batch->bytes) return true;
    batch_free(batch);
    return false;
}

struct culvert_receiver {
    int count;
    int size;
    uint32_t overflow;
    struct batch batch;
};

struct culvert_receiver *culvert_receiver_create(int count, int size)
{
    struct culvert_receiver *receiver = calloc(1, sizeof *receiver);
    if (!receiver) return NULL;
    receiver->count = count;
    receiver->size = size;
    if (!batch_allocate(&receiver->batch, count, (size_t)count * size)) {
        free(receiver);
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        receiver->batch.vectors[i].iov_base = receiver->batch.bytes + (size_t)i * size;
        receiver->batch.vectors[i].iov_len = size;
        receiver->batch.messages[i].msg_hdr.msg_iov = &receiver->batch.vectors[i];
        receiver->batch.messages[i].msg_hdr.msg_iovlen = 1;
        receiver->batch.messages[i].msg_hdr.msg_name = &receiver->batch.peers[i];
        receiver->batch.messages[i].msg_hdr.msg_control = &receiver->batch.controls[i];
    }
    return receiver;
}

void culvert_receiver_destroy(struct culvert_receiver *receiver)
{
    batch_free(&receiver->batch);
    free(receiver);
}

int culvert_receiver_receive(struct culvert_receiver *receiver, int fd)
{
    for (int i = 0; i < receiver->count; i++) {
        receiver->batch.messages[i].msg_hdr.msg_namelen = sizeof(union any_address);
        receiver->batch.messages[i].msg_hdr.msg_controllen = sizeof(union packet_control);
        receiver->batch.messages[i].msg_hdr.msg_flags = 0;
    }
    receiver->overflow = 0;
    int count;
    do count = recvmmsg(fd, receiver->batch.messages, receiver->count, MSG_DONTWAIT, NULL);
    while (count < 0 && errno == EINTR);
    if (count < 0) return errno == EAGAIN ? 0 : -errno;
    return count;
}

void culvert_receiver_get(struct culvert_receiver *receiver, int index, struct culvert_datagram *datagram)
{
    struct mmsghdr *message = &receiver->batch.messages[index];
    memset(datagram, 0, sizeof *datagram);
    datagram->bytes = receiver->batch.bytes + (size_t)index * receiver->size;
    datagram->length = message->msg_len;
    datagram->is_truncated = (message->msg_hdr.msg_flags & MSG_TRUNC) != 0;
    read_address(&receiver->batch.peers[index], &datagram->peer);
    for (struct cmsghdr *control = CMSG_FIRSTHDR(&message->msg_hdr); control;
         control = CMSG_NXTHDR(&message->msg_hdr, control)) {
        if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo packet;
            memcpy(&packet, CMSG_DATA(control), sizeof packet);
            // The address of ours that a broadcast or multicast was meant for is in ipi_spec_dst.
            uint32_t destination = ntohl(packet.ipi_addr.s_addr);
            int is_group = destination >> 28 >= 14;
            datagram->local.family = 4;
            datagram->local.low = is_group ? ntohl(packet.ipi_spec_dst.s_addr) : destination;
        } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo packet;
            memcpy(&packet, CMSG_DATA(control), sizeof packet);
            read_v6(&packet.ipi6_addr, &datagram->local);
        } else if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SO_RXQ_OVFL) {
            memcpy(&receiver->overflow, CMSG_DATA(control), sizeof receiver->overflow);
        }
    }
}

uint32_t culvert_receiver_overflow(const struct culvert_receiver *receiver) { return receiver->overflow; }

struct culvert_sender {
    int capacity;
    int count;
    size_t size;
    size_t used;
    struct batch batch;
};

struct culvert_sender *culvert_sender_create(int count, size_t size)
{
    struct culvert_sender *sender = calloc(1, sizeof *sender);
    if (!sender) return NULL;
    sender->capacity = count;
    sender->size = size;
    if (!batch_allocate(&sender->batch, count, size)) {
        free(sender);
        return NULL;
    }
    return sender;
}

void culvert_sender_destroy(struct culvert_sender *sender)
{
    batch_free(&sender->batch);
    free(sender);
}

int culvert_sender_append(
    struct culvert_sender *sender,
    const uint8_t *bytes,
    size_t length,
    const struct culvert_address *peer,
    const struct culvert_address *local
)
{
    if (length > sender->size) return -EMSGSIZE;
    if (sender->count == sender->capacity || length > sender->size - sender->used) return -ENOBUFS;
    int i = sender->count++;
    struct msghdr *header = &sender->batch.messages[i].msg_hdr;
    memset(header, 0, sizeof *header);
    if (length > 0) memcpy(sender->batch.bytes + sender->used, bytes, length);
    sender->batch.vectors[i] = (struct iovec){.iov_base = sender->batch.bytes + sender->used, .iov_len = length};
    sender->used += length;
    header->msg_iov = &sender->batch.vectors[i];
    header->msg_iovlen = 1;
    header->msg_namelen = write_address(peer, &sender->batch.peers[i]);
    header->msg_name = &sender->batch.peers[i];

    union any_address source;
    write_address(local, &source);
    union packet_control *space = &sender->batch.controls[i];
    memset(space, 0, sizeof *space);
    header->msg_control = space;
    if (local->family == 6) {
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

struct culvert_sent culvert_sender_send(struct culvert_sender *sender, int fd)
{
    struct culvert_sent outcome = {0};
    int next = 0;
    while (next < sender->count) {
        int sent = sendmmsg(fd, sender->batch.messages + next, sender->count - next, MSG_DONTWAIT | MSG_NOSIGNAL);
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
