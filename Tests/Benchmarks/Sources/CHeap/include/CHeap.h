// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stddef.h>

/// What malloc has given out and not got back, in bytes.
size_t heap_bytes(void);
