// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "Process.h"
#include "Result.h"

#include <linux/capability.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int culvert_effective_capabilities(uint64_t *mask)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    if (syscall(SYS_capget, &header, data) < 0) return -errno;
    *mask = (uint64_t)data[1].effective << 32 | data[0].effective;
    return 0;
}

static int become(const struct culvert_identity *identity)
{
    // Not the C library's functions: they would make every thread of the process another user.
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return -errno;
    if (syscall(SYS_setgroups, 0, NULL) < 0) return -errno;
    if (syscall(SYS_setresgid, identity->group, identity->group, identity->group) < 0) return -errno;
    if (syscall(SYS_setresuid, identity->user, identity->user, identity->user) < 0) return -errno;
    return 0;
}

int culvert_confine(uint64_t kept, const struct culvert_identity *identity)
{
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    // Up to the first number the kernel does not know. EPERM without CAP_SETPCAP: then there is nothing to drop with.
    for (int capability = 0; capability < 64; capability++)
        if (!(kept >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) break;
    int error = identity ? become(identity) : 0;
    if (error < 0) return error;

    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    if (syscall(SYS_capget, &header, data) < 0) return -errno;
    for (int half = 0; half < 2; half++) {
        data[half].permitted &= (uint32_t)(kept >> (32 * half));
        data[half].effective = data[half].permitted;
        data[half].inheritable = 0;
    }
    if (syscall(SYS_capset, &header, data) < 0) return -errno;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
    return 0;
}

int culvert_forbid_dumps(void)
{
    struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return -errno;
    return result(setrlimit(RLIMIT_CORE, &none));
}

long culvert_raise_file_limit(long wanted)
{
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
