// SPDX-License-Identifier: Apache-2.0
// UDP with the local address of every packet, in and out.
#pragma once
#include <stdint.h>

/// An address and a port. An IPv4 address is the low half of `low`; everything is in host order.
struct culvert_address {
    uint64_t high;
    uint64_t low;
    uint16_t port;
    /// 4 or 6.
    uint8_t family;
};

/// One datagram of a batch. The bytes belong to the caller.
struct culvert_datagram {
    void *bytes;
    /// Receiving: how many bytes fit. Sending: not looked at.
    uint32_t capacity;
    /// Receiving: how many came (at most `capacity`). Sending: how many go.
    uint32_t count;
    struct culvert_address peer;
    /// Receiving: the address the packet was sent to, port 0; family 0 if the socket does not say
    /// (see culvert_want_packet_info). Sending: the source address to use; family 0 leaves it to routing.
    struct culvert_address local;
    /// Receiving: where the packet came in. Sending: only used as the scope of link-local peers.
    uint32_t interface_index;
    /// Receiving: 1 if the datagram was longer than `capacity` and its end is lost.
    uint8_t is_truncated;
};

/// The most datagrams one call takes.
#define CULVERT_BATCH_LIMIT 64

/// Receives up to `count` datagrams without waiting. Returns how many, or -EAGAIN when there are none.
int culvert_recvmmsg(int fd, struct culvert_datagram *datagrams, unsigned count);

/// Sends up to `count` datagrams without waiting. Returns how many the kernel took; less than `count`
/// if one of them failed, a negative errno if that was the first.
int culvert_sendmmsg(int fd, const struct culvert_datagram *datagrams, unsigned count);

/// A nonblocking, close-on-exec UDP socket for `family` (4 or 6; 6 takes IPv6 only). Returns the descriptor.
int culvert_udp_socket(int family);
int culvert_bind(int fd, const struct culvert_address *local);
int culvert_connect(int fd, const struct culvert_address *peer);

/// Fills in the address a socket is bound to.
int culvert_bound_address(int fd, struct culvert_address *local);

/// SO_REUSEADDR.
int culvert_reuse_address(int fd);

/// Makes the kernel tell the local address of each received packet: IP_PKTINFO or IPV6_RECVPKTINFO.
int culvert_want_packet_info(int fd, int family);

/// Makes the kernel take ESP out of UDP on this socket; IKE still comes to us, with its non-ESP marker:
/// UDP_ENCAP with UDP_ENCAP_ESPINUDP.
/// - SeeAlso: RFC 3948 §2
int culvert_take_esp_in_udp(int fd);

/// Lets packets of any size out, in fragments if they must: IP_MTU_DISCOVER with IP_PMTUDISC_DONT.
int culvert_allow_fragments(int fd, int family);

/// Receives one datagram without waiting. Returns its length (which may exceed `capacity`: the rest is lost).
int64_t culvert_recvfrom(int fd, void *bytes, uint64_t capacity, struct culvert_address *peer);

/// Sends one datagram without waiting. `peer` NULL: to whom the socket is connected.
int64_t culvert_sendto(int fd, const void *bytes, uint64_t count, const struct culvert_address *peer);
