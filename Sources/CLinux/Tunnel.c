// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "Tunnel.h"
#include "Result.h"

#include <fcntl.h>
#include <linux/if_pppol2tp.h>
#include <linux/if_pppox.h>
#include <linux/ppp-ioctl.h>
#include <linux/ppp_defs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// Of <linux/in.h> and <linux/in6.h>, which do not go together with the C library's.
#ifndef IP_XFRM_POLICY
#define IP_XFRM_POLICY 17
#endif
#ifndef IPV6_XFRM_POLICY
#define IPV6_XFRM_POLICY 35
#endif
#ifndef SOL_PPPOL2TP
#define SOL_PPPOL2TP 273
#endif

int culvert_socket_policy(int fd, int family, uint32_t request_id, int direction)
{
    struct {
        struct xfrm_userpolicy_info policy;
        struct xfrm_user_tmpl template;
    } rule;
    memset(&rule, 0, sizeof rule);
    const uint16_t af = family == 6 ? AF_INET6 : AF_INET;
    rule.policy.sel.family = af;
    rule.policy.priority = 1;
    rule.policy.dir = (uint8_t)direction;
    rule.policy.action = XFRM_POLICY_ALLOW;
    rule.policy.share = XFRM_SHARE_ANY;
    rule.policy.lft.soft_byte_limit = XFRM_INF;
    rule.policy.lft.hard_byte_limit = XFRM_INF;
    rule.policy.lft.soft_packet_limit = XFRM_INF;
    rule.policy.lft.hard_packet_limit = XFRM_INF;
    rule.template.id.proto = IPPROTO_ESP;
    rule.template.family = af;
    rule.template.reqid = request_id;
    rule.template.mode = XFRM_MODE_TRANSPORT;
    rule.template.share = XFRM_SHARE_ANY;
    rule.template.aalgos = rule.template.ealgos = rule.template.calgos = ~0u;
    return result(setsockopt(
        fd, family == 6 ? IPPROTO_IPV6 : IPPROTO_IP, family == 6 ? IPV6_XFRM_POLICY : IP_XFRM_POLICY, &rule, sizeof rule
    ));
}

int culvert_pppol2tp_socket(void)
{
    return result(socket(AF_PPPOX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, PX_PROTO_OL2TP));
}

int culvert_pppol2tp_connect(
    int fd, int tunnel_fd, int family, uint16_t tunnel, uint16_t session, uint16_t peer_tunnel, uint16_t peer_session
)
{
    if (family == 6) {
        struct sockaddr_pppol2tpin6 address;
        memset(&address, 0, sizeof address);
        address.sa_family = AF_PPPOX;
        address.sa_protocol = PX_PROTO_OL2TP;
        address.pppol2tp.fd = tunnel_fd;
        address.pppol2tp.addr.sin6_family = AF_INET6;
        address.pppol2tp.s_tunnel = tunnel;
        address.pppol2tp.s_session = session;
        address.pppol2tp.d_tunnel = peer_tunnel;
        address.pppol2tp.d_session = peer_session;
        return result(connect(fd, (struct sockaddr *)&address, sizeof address));
    }
    struct sockaddr_pppol2tp address;
    memset(&address, 0, sizeof address);
    address.sa_family = AF_PPPOX;
    address.sa_protocol = PX_PROTO_OL2TP;
    address.pppol2tp.fd = tunnel_fd;
    address.pppol2tp.addr.sin_family = AF_INET;
    address.pppol2tp.s_tunnel = tunnel;
    address.pppol2tp.s_session = session;
    address.pppol2tp.d_tunnel = peer_tunnel;
    address.pppol2tp.d_session = peer_session;
    return result(connect(fd, (struct sockaddr *)&address, sizeof address));
}

int culvert_pppol2tp_use_sequence_numbers(int fd)
{
    const int on = 1;
    if (setsockopt(fd, SOL_PPPOL2TP, PPPOL2TP_SO_SENDSEQ, &on, sizeof on) < 0) return -errno;
    return result(setsockopt(fd, SOL_PPPOL2TP, PPPOL2TP_SO_RECVSEQ, &on, sizeof on));
}

int culvert_ppp_channel_number(int pppox)
{
    int channel = 0;
    return ioctl(pppox, PPPIOCGCHAN, &channel) < 0 ? -errno : channel;
}

int culvert_ppp_open(void) { return result(open("/dev/ppp", O_RDWR | O_CLOEXEC | O_NONBLOCK)); }

int culvert_ppp_attach_channel(int fd, int channel) { return result(ioctl(fd, PPPIOCATTCHAN, &channel)); }

int culvert_ppp_unit_number(int fd)
{
    int unit = 0;
    return ioctl(fd, PPPIOCGUNIT, &unit) < 0 ? -errno : unit;
}

int64_t culvert_ppp_idle(int fd)
{
    struct ppp_idle idle = {0};
    if (ioctl(fd, PPPIOCGIDLE, &idle) < 0) return -errno;
    const int64_t seconds = idle.xmit_idle < idle.recv_idle ? idle.xmit_idle : idle.recv_idle;
    return seconds < 0 ? 0 : seconds;
}

int culvert_ppp_connect(int channel_fd, int unit) { return result(ioctl(channel_fd, PPPIOCCONNECT, &unit)); }

int culvert_interface_index(int socket, const char *name)
{
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    return ioctl(socket, SIOCGIFINDEX, &request) < 0 ? -errno : request.ifr_ifindex;
}

int culvert_netlink_short_acks(int fd)
{
    const int on = 1;
    if (setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on) < 0) return -errno;
    return result(setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on));
}

int culvert_receive_timeout(int fd, int milliseconds)
{
    const struct timeval timeout = {milliseconds / 1000, milliseconds % 1000 * 1000};
    return result(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout));
}

int64_t culvert_netlink_receive(int fd, void *bytes, uint64_t capacity, int wait)
{
    for (;;) {
        struct sockaddr_nl sender = {0};
        socklen_t length = sizeof sender;
        ssize_t received =
            recvfrom(fd, bytes, capacity, MSG_TRUNC | (wait ? 0 : MSG_DONTWAIT), (struct sockaddr *)&sender, &length);
        if (received < 0) return -errno;
        if (length == sizeof sender && sender.nl_pid == 0) return received;
    }
}

int64_t culvert_netlink_send(int fd, const void *bytes, uint64_t count)
{
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t sent = sendto(fd, bytes, count, 0, (const struct sockaddr *)&kernel, sizeof kernel);
    return sent < 0 ? -errno : sent;
}
