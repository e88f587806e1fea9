// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "Process.h"
#include "Result.h"

#include <linux/capability.h>
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
