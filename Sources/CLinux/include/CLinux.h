// SPDX-License-Identifier: Apache-2.0
//
// What Swift cannot import of the C library and the kernel's headers: macros of macros, ioctl
// numbers, packed socket addresses, variadic calls, calls that need _GNU_SOURCE.
//
// Every function that can fail returns the negative errno, so that no Swift code has to read
// errno after the fact. A call interrupted by a signal gives -EINTR where nothing else is said.
#pragma once

#include "Datagram.h"
#include "Events.h"
#include "File.h"
#include "Link.h"
#include "Notices.h"
#include "Process.h"
#include "Tunnel.h"
#include "UnixSocket.h"
