// SPDX-License-Identifier: Apache-2.0
// UDP, one datagram at a time or in batches with the local address of every one, in and out.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// An address and a port. An IPv4 address is the low half of `low`; everything is in host order.
struct culvert_address {
    uint64_t high;
    uint64_t low;
    uint16_t port;
    /// 4 or 6; 0 if there is no address.
    uint8_t family;
};

/// A nonblocking, close-on-exec UDP socket for `family` (4 or 6; 6 takes IPv6 only). Returns the descriptor.
int culvert_udp_socket(int family);
int culvert_bind(int fd, const struct culvert_address *local);
int culvert_connect(int fd, const struct culvert_address *peer);

/// SO_RCVBUFFORCE, or SO_RCVBUF as far as it goes without the capability.
int culvert_receive_buffer(int fd, int bytes);

/// SO_REUSEADDR.
int culvert_reuse_address(int fd);

/// Lets packets of any size out, in fragments if they must: IP_MTU_DISCOVER with IP_PMTUDISC_DONT.
int culvert_allow_fragments(int fd, int family);

/// Lets no packet out in fragments, however small the kernel believes the path to be: IP_MTU_DISCOVER with
/// IP_PMTUDISC_PROBE.
int culvert_forbid_fragments(int fd, int family);

/// What the kernel knows of the path to the peer of a connected socket, in bytes: IP_MTU.
int culvert_path_mtu(int fd, int family);

/// Sends UDP over IPv4 with checksum 0, the kernel's L2TP included: SO_NO_CHECK.
int culvert_omit_checksum(int fd);

/// Receives one datagram without waiting. Returns its length (which may exceed `capacity`: the rest is lost).
int64_t culvert_recvfrom(int fd, void *bytes, uint64_t capacity, struct culvert_address *peer);

/// Sends one datagram without waiting. `peer` NULL: to whom the socket is connected.
int64_t culvert_sendto(int fd, const void *bytes, uint64_t count, const struct culvert_address *peer);

/// A socket as of culvert_udp_socket, bound, that reports the destination address of every datagram to a
/// receiver. `is_encapsulating` makes the kernel take ESP in UDP out of it: UDP_ENCAP with UDP_ENCAP_ESPINUDP.
/// - SeeAlso: RFC 3948 §2
int culvert_udp_open(const struct culvert_address *local, int receive_buffer, int is_encapsulating);
/// Gives a bound UDP socket that somebody else opened the options of culvert_udp_open. 0, or what went wrong.
int culvert_udp_adopt(int fd, int family, int receive_buffer, int is_encapsulating);
/// What a socket is bound to; family 0 if that is no address of IP.
int culvert_socket_local(int fd, struct culvert_address *local);
/// 1 if an IPv6 socket takes IPv4, too.
int culvert_socket_is_dual(int fd);
/// The port the socket is bound to.
int culvert_udp_port(int fd);

/// A received datagram. The bytes belong to the receiver, until it receives again.
struct culvert_datagram {
    const uint8_t *bytes;
    uint32_t length;
    /// 1 if the datagram was longer than the receiver has room for, and its end is lost.
    uint8_t is_truncated;
    struct culvert_address peer;
    /// The destination address as it stood in the packet; without port. Family 0 if the socket does not say.
    struct culvert_address local;
};

/// Room for a batch of `count` datagrams of up to `size` bytes. NULL without memory.
struct culvert_receiver;
struct culvert_receiver *culvert_receiver_create(int count, int size);
void culvert_receiver_destroy(struct culvert_receiver *receiver);
/// A nonblocking, close-on-exec stream socket that listens at `local`. Returns the descriptor.
int culvert_tcp_listen(const struct culvert_address *local, int backlog);

/// How many datagrams came; 0 if none waits.
int culvert_receiver_receive(struct culvert_receiver *receiver, int fd);
/// One of those that came.
void culvert_receiver_get(struct culvert_receiver *receiver, int index, struct culvert_datagram *datagram);
/// Datagrams the kernel threw away on this socket for want of buffer, counted modulo 2^32. To be asked after
/// the datagrams were looked at; 0 if none of them told.
uint32_t culvert_receiver_overflow(const struct culvert_receiver *receiver);

/// A batch of up to `count` datagrams with `size` bytes in all. NULL without memory.
struct culvert_sender;
struct culvert_sender *culvert_sender_create(int count, size_t size);
void culvert_sender_destroy(struct culvert_sender *sender);
/// Copies one datagram into the batch. `local` is its source address. -ENOBUFS: send first.
int culvert_sender_append(
    struct culvert_sender *sender,
    const uint8_t *bytes,
    size_t length,
    const struct culvert_address *peer,
    const struct culvert_address *local
);
struct culvert_sent {
    uint32_t sent;
    /// For want of buffer.
    uint32_t dropped;
    /// Refused by the kernel: no route, say. `error` is the last reason.
    uint32_t failed;
    int error;
};
/// Sends the batch and empties it.
struct culvert_sent culvert_sender_send(struct culvert_sender *sender, int fd);
