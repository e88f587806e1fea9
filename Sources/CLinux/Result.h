// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <errno.h>

/// A system call's answer as the shims give it: the negative errno instead of -1.
static inline int result(int value) { return value < 0 ? -errno : value; }
