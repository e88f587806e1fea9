// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stddef.h>

/// What malloc has given out and not got back, in bytes.
size_t heap_bytes(void);

/// CPU seconds of all threads of a process; negative if it cannot be read.
double process_seconds(int process);

/// A UDP socket bound to this loopback address and port, connected to 127.0.0.1 and the same port; negative on failure.
int loopback_client(unsigned address, unsigned short port);
