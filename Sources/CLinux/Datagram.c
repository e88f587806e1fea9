// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "Datagram.h"

#include <endian.h>
#include <errno.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/// Room for the larger of the two packet infos.
union control_buffer {
    struct cmsghdr alignment;
    char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static int result(int value) { return value < 0 ? -errno : value; }

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

static socklen_t write_address(const struct culvert_address *from, uint32_t scope, union any_address *to)
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
    if (from->high >> 54 == 0xFE80 >> 6) to->v6.sin6_scope_id = scope;
    return sizeof to->v6;
}

static void read_packet_info(struct msghdr *message, struct culvert_datagram *datagram)
{
    memset(&datagram->local, 0, sizeof datagram->local);
    datagram->interface_index = 0;
    for (struct cmsghdr *item = CMSG_FIRSTHDR(message); item; item = CMSG_NXTHDR(message, item)) {
        if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(item), sizeof info);
            datagram->local.family = 4;
            datagram->local.low = ntohl(info.ipi_addr.s_addr);
            datagram->interface_index = (uint32_t)info.ipi_ifindex;
        } else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(item), sizeof info);
            read_v6(&info.ipi6_addr, &datagram->local);
            datagram->interface_index = info.ipi6_ifindex;
        }
    }
}

static size_t write_packet_info(const struct culvert_datagram *datagram, union control_buffer *control)
{
    memset(control, 0, sizeof *control);
    struct cmsghdr *item = &control->alignment;
    if (datagram->local.family == 4) {
        const struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl((uint32_t)datagram->local.low)};
        item->cmsg_level = IPPROTO_IP;
        item->cmsg_type = IP_PKTINFO;
        item->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(item), &info, sizeof info);
        return CMSG_SPACE(sizeof info);
    }
    if (datagram->local.family == 6) {
        struct in6_pktinfo info = {0};
        write_v6(&datagram->local, &info.ipi6_addr);
        if (datagram->local.high >> 54 == 0xFE80 >> 6) info.ipi6_ifindex = datagram->interface_index;
        item->cmsg_level = IPPROTO_IPV6;
        item->cmsg_type = IPV6_PKTINFO;
        item->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(item), &info, sizeof info);
        return CMSG_SPACE(sizeof info);
    }
    return 0;
}

int culvert_recvmmsg(int fd, struct culvert_datagram *datagrams, unsigned count)
{
    if (count > CULVERT_BATCH_LIMIT) count = CULVERT_BATCH_LIMIT;
    struct mmsghdr headers[CULVERT_BATCH_LIMIT];
    struct iovec parts[CULVERT_BATCH_LIMIT];
    union any_address peers[CULVERT_BATCH_LIMIT];
    union control_buffer controls[CULVERT_BATCH_LIMIT];
    for (unsigned i = 0; i < count; i++) {
        parts[i] = (struct iovec){datagrams[i].bytes, datagrams[i].capacity};
        headers[i] = (struct mmsghdr){.msg_hdr = {
            .msg_name = &peers[i], .msg_namelen = sizeof peers[i],
            .msg_iov = &parts[i], .msg_iovlen = 1,
            .msg_control = &controls[i], .msg_controllen = sizeof controls[i],
        }};
    }
    int received = recvmmsg(fd, headers, count, MSG_DONTWAIT, NULL);
    if (received < 0) return -errno;
    for (int i = 0; i < received; i++) {
        datagrams[i].count = headers[i].msg_len;
        datagrams[i].is_truncated = (headers[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
        read_address(&peers[i], &datagrams[i].peer);
        read_packet_info(&headers[i].msg_hdr, &datagrams[i]);
    }
    return received;
}

int culvert_sendmmsg(int fd, const struct culvert_datagram *datagrams, unsigned count)
{
    if (count > CULVERT_BATCH_LIMIT) count = CULVERT_BATCH_LIMIT;
    struct mmsghdr headers[CULVERT_BATCH_LIMIT];
    struct iovec parts[CULVERT_BATCH_LIMIT];
    union any_address peers[CULVERT_BATCH_LIMIT];
    union control_buffer controls[CULVERT_BATCH_LIMIT];
    for (unsigned i = 0; i < count; i++) {
        parts[i] = (struct iovec){datagrams[i].bytes, datagrams[i].count};
        socklen_t length = write_address(&datagrams[i].peer, datagrams[i].interface_index, &peers[i]);
        size_t control = write_packet_info(&datagrams[i], &controls[i]);
        headers[i] = (struct mmsghdr){.msg_hdr = {
            .msg_name = &peers[i], .msg_namelen = length,
            .msg_iov = &parts[i], .msg_iovlen = 1,
            .msg_control = control ? &controls[i] : NULL, .msg_controllen = control,
        }};
    }
    return result(sendmmsg(fd, headers, count, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static int option(int fd, int level, int name, int value)
{
    return result(setsockopt(fd, level, name, &value, sizeof value));
}

int culvert_udp_socket(int family)
{
    int fd = socket(family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && family == 6) option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    return result(fd);
}

int culvert_bind(int fd, const struct culvert_address *local)
{
    union any_address address;
    socklen_t length = write_address(local, 0, &address);
    return result(bind(fd, &address.any, length));
}

int culvert_connect(int fd, const struct culvert_address *peer)
{
    union any_address address;
    socklen_t length = write_address(peer, 0, &address);
    return result(connect(fd, &address.any, length));
}

int culvert_bound_address(int fd, struct culvert_address *local)
{
    union any_address address;
    socklen_t length = sizeof address;
    if (getsockname(fd, &address.any, &length) < 0) return -errno;
    read_address(&address, local);
    return 0;
}

int culvert_reuse_address(int fd) { return option(fd, SOL_SOCKET, SO_REUSEADDR, 1); }

int culvert_want_packet_info(int fd, int family)
{
    return family == 6 ? option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : option(fd, IPPROTO_IP, IP_PKTINFO, 1);
}

int culvert_take_esp_in_udp(int fd) { return option(fd, IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP); }

int culvert_allow_fragments(int fd, int family)
{
    return family == 6 ? option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT)
                       : option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
}

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
    socklen_t length = peer ? write_address(peer, 0, &address) : 0;
    ssize_t sent = sendto(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL, peer ? &address.any : NULL, length);
    return sent < 0 ? -errno : sent;
}
