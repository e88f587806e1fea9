// SPDX-License-Identifier: Apache-2.0
#include "Notices.h"
#include "Result.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <stddef.h>
#include <sys/socket.h>

// Programs load in network order what messages have in host order: hence htons and htonl.
#define LOAD_TYPE BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type))
#define IF_EQUAL(value, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, then, otherwise)
#define DROP BPF_STMT(BPF_RET | BPF_K, 0)
#define PASS BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)

static int attach(int fd, struct sock_filter *program, size_t length)
{
    const struct sock_fprog filter = {.len = (unsigned short)length, .filter = program};
    return result(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter));
}

int culvert_filter_xfrm_notices(int fd, uint32_t own_port)
{
    struct sock_filter program[] = {
        LOAD_TYPE,
        IF_EQUAL(htons(XFRM_MSG_EXPIRE), 6, 0),
        IF_EQUAL(htons(XFRM_MSG_MAPPING), 5, 0),
        IF_EQUAL(htons(XFRM_MSG_DELSA), 1, 0),
        IF_EQUAL(htons(XFRM_MSG_FLUSHSA), 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
        IF_EQUAL(htonl(own_port), 0, 1),
        DROP,
        PASS,
    };
    return attach(fd, program, sizeof program / sizeof *program);
}

int culvert_filter_link_notices(int fd, uint32_t group)
{
    struct sock_filter program[] = {
        LOAD_TYPE,
        IF_EQUAL(htons(RTM_DELLINK), 0, 6),
        // The first attribute of type IFLA_GROUP: where it is, or 0.
        BPF_STMT(BPF_LD | BPF_IMM, NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ifinfomsg))),
        BPF_STMT(BPF_LDX | BPF_IMM, IFLA_GROUP),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_NLATTR)),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_IND, NLA_HDRLEN),
        IF_EQUAL(htonl(group), 1, 0),
        DROP,
        PASS,
    };
    return attach(fd, program, sizeof program / sizeof *program);
}
