// SPDX-License-Identifier: Apache-2.0
// What this process may do, and what others may do with it.
#pragma once
#include <stdint.h>

/// The effective capabilities of this thread as a bit mask.
int culvert_effective_capabilities(uint64_t *mask);

enum {
    CULVERT_CAP_NET_ADMIN = 12,
};

/// No core dumps with keys in them, no ptrace by others of our user: PR_SET_DUMPABLE and RLIMIT_CORE.
int culvert_forbid_dumps(void);
/// Raises the limit of open files as far as allowed; the limit then in force.
long culvert_raise_file_limit(long wanted);
