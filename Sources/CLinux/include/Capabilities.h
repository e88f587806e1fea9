// SPDX-License-Identifier: Apache-2.0
// Who we are, who the other end of a Unix socket is, and giving up what we need not be.
#pragma once
#include <stdint.h>

/// SO_PEERCRED of a connected Unix socket.
int culvert_peer_credentials(int fd, int32_t *pid, uint32_t *uid, uint32_t *gid);

/// The effective capabilities of this thread as a bit mask.
int culvert_effective_capabilities(uint64_t *mask);
/// Leaves this process only the given capabilities, in the effective, permitted, inheritable (none) and bounding
/// sets. Before any thread is started: the kernel keeps these per thread.
int culvert_limit_capabilities(uint64_t mask);
/// Changes group and user, drops all supplementary groups, and keeps the permitted capabilities meanwhile.
/// culvert_limit_capabilities must follow.
int culvert_become(uint32_t uid, uint32_t gid);

enum {
    CULVERT_CAP_NET_BIND_SERVICE = 10,
    CULVERT_CAP_NET_ADMIN = 12,
    CULVERT_CAP_NET_RAW = 13,
};

/// PR_SET_NO_NEW_PRIVS.
int culvert_no_new_privileges(void);
/// PR_SET_DUMPABLE 0: no core dump with keys in it, no ptrace by others of our user.
int culvert_not_dumpable(void);
/// Raises RLIMIT_NOFILE as far as the kernel lets us; returns what it is then.
int64_t culvert_raise_descriptor_limit(void);
