// SPDX-License-Identifier: Apache-2.0
// What netlink sockets that hear of changes need not hear.
#pragma once
#include <stdint.h>

/// Lets notices of expiry, of moved peers, of removed and of flushed associations through; the last two not if
/// `own_port` asked for them. Anything else, all new associations with their keys among it, stays in the kernel.
int culvert_filter_xfrm_notices(int fd, uint32_t own_port);
/// Lets notices of deleted devices of one group through.
int culvert_filter_link_notices(int fd, uint32_t group);
