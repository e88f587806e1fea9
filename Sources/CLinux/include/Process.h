// SPDX-License-Identifier: Apache-2.0
// What this process may do, and what others may do with it.
#pragma once
#include <stdint.h>

/// The effective capabilities of this thread as a bit mask.
int culvert_effective_capabilities(uint64_t *mask);

enum {
    CULVERT_CAP_NET_ADMIN = 12,
};

struct culvert_identity {
    uint32_t user;
    uint32_t group;
};
/// Keeps, of the capabilities the calling thread has, those of the mask `kept`, as permitted and effective. All others
/// are gone for good: from the inheritable, ambient and bounding sets too (from the last one only if the thread may),
/// and no exec brings them back (PR_SET_NO_NEW_PRIVS). With an identity, the thread becomes that user with that group
/// and no other. Both count for the calling thread and for threads it starts later, not for others. A new user may undo
/// culvert_forbid_dumps.
int culvert_confine(uint64_t kept, const struct culvert_identity *identity);

/// No core dumps with keys in them, no ptrace by others of our user: PR_SET_DUMPABLE and RLIMIT_CORE.
int culvert_forbid_dumps(void);
/// Raises the limit of open files as far as allowed; the limit then in force.
long culvert_raise_file_limit(long wanted);
