// SPDX-License-Identifier: Apache-2.0
// What network devices can do, and what the clock says of itself.
#pragma once
#include <stdint.h>

enum {
    CULVERT_FEATURE_NAME_SIZE = 32,
};

/// SIOCGIFMTU, asked through any socket.
int culvert_link_mtu(int socket, const char *name);
/// Names (each CULVERT_FEATURE_NAME_SIZE bytes with a zero) and states (1 on, 0 off) of a device's features. Returns how
/// many: at most `capacity`.
int culvert_link_features(int socket, const char *name, char *names, uint8_t *states, int capacity);
/// 1 if something keeps the clock right, 0 if nothing does.
int culvert_clock_is_synchronised(void);
/// The limits of open files of this process.
int culvert_file_limits(uint64_t *soft, uint64_t *hard);
