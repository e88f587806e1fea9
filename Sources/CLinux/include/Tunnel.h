// SPDX-License-Identifier: Apache-2.0
// The kernel's tunnels, channels and units, and the UAPI headers that speak of them.
#pragma once
#include <stdint.h>
// The C library's definitions before the kernel's, which then give way.
#include <netinet/in.h>
#include <net/if.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/l2tp.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>

/// Demands ESP in transport mode of request id `request_id` of everything that passes the socket in this direction:
/// IP_XFRM_POLICY or IPV6_XFRM_POLICY. `direction` is XFRM_POLICY_IN or XFRM_POLICY_OUT.
int culvert_socket_policy(int fd, int family, uint32_t request_id, int direction);

/// An AF_PPPOX socket for L2TP.
int culvert_pppol2tp_socket(void);
/// Makes (or finds) the session in the tunnel around the UDP socket `tunnel_fd`.
int culvert_pppol2tp_connect(
    int fd, int tunnel_fd, int family, uint16_t tunnel, uint16_t session, uint16_t peer_tunnel, uint16_t peer_session
);
/// SO_SENDSEQ and SO_RECVSEQ.
int culvert_pppol2tp_use_sequence_numbers(int fd);

/// PPPIOCGCHAN. Blocks for an RCU grace period.
int culvert_ppp_channel_number(int pppox);
/// Opens /dev/ppp, nonblocking.
int culvert_ppp_open(void);
/// PPPIOCATTCHAN.
int culvert_ppp_attach_channel(int fd, int channel);
/// PPPIOCGUNIT.
int culvert_ppp_unit_number(int fd);
/// PPPIOCGIDLE of a unit: the smaller of both directions, in whole seconds.
int64_t culvert_ppp_idle(int fd);
/// PPPIOCCONNECT.
int culvert_ppp_connect(int channel_fd, int unit);

/// SIOCGIFINDEX, asked through any socket.
int culvert_interface_index(int socket, const char *name);

/// Lengths of answers shorter, and words with the errors: NETLINK_CAP_ACK and NETLINK_EXT_ACK.
int culvert_netlink_short_acks(int fd);
/// SO_RCVTIMEO.
int culvert_receive_timeout(int fd, int milliseconds);
/// Receives one datagram of the kernel's; what other processes sent is thrown away. Returns its length, which exceeds
/// `capacity` if its end is lost.
int64_t culvert_netlink_receive(int fd, void *bytes, uint64_t capacity, int wait);
/// Sends to the kernel.
int64_t culvert_netlink_send(int fd, const void *bytes, uint64_t count);
