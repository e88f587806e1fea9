// SPDX-License-Identifier: Apache-2.0
//
// What Swift cannot import of the C library and the kernel's headers: macros of macros, ioctl
// numbers, packed socket addresses, variadic calls, calls that need _GNU_SOURCE.
//
// Every function that can fail returns the negative errno, so that no Swift code has to read
// errno after the fact. None of them retries; a call interrupted by a signal gives -EINTR.
#pragma once

#include "Capabilities.h"
#include "Datagram.h"
#include "Events.h"
#include "Tunnel.h"
