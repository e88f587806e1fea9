// SPDX-License-Identifier: Apache-2.0
// What Swift cannot import of the C library and the kernel's headers: macros of macros,
// ioctl numbers, packed socket addresses, calls that need _GNU_SOURCE.
#pragma once
