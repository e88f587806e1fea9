// SPDX-License-Identifier: Apache-2.0
// epoll, eventfd, signalfd, clocks.
#pragma once
#include <stdint.h>

/// A close-on-exec epoll instance: level-triggered, for reading only.
int culvert_epoll_create(void);
/// Watching what is watched already replaces the token, which comes back with every event.
int culvert_epoll_watch(int epoll, int fd, uint64_t token);
/// A descriptor that is closed or not watched is no error.
int culvert_epoll_unwatch(int epoll, int fd);
/// Fills in up to `capacity` (at most 256) tokens and their flags; returns how many. Bits of `flags`: 1 readable,
/// 2 hung up or in error. `timeout` is in milliseconds, -1 for ever. An interruption counts as nothing ready.
int culvert_epoll_wait(int epoll, uint64_t *tokens, uint32_t *flags, int capacity, int timeout);

/// A nonblocking, close-on-exec counter.
int culvert_eventfd(void);
/// A blocking, close-on-exec semaphore: each culvert_eventfd_take takes one of what was given.
int culvert_eventfd_semaphore(void);
int culvert_eventfd_give(int fd, uint64_t count);
/// Returns the count (0 if there was none) and resets it, or takes one of a semaphore.
int64_t culvert_eventfd_take(int fd);

/// Blocks the signals in the calling thread and the threads it starts later; they arrive on the returned
/// descriptor, which is nonblocking.
int culvert_signalfd(const int *signals, int count);
/// The number of a signal that came; 0 if none did.
int culvert_signalfd_read(int fd);
/// Blocks all signals for the calling thread: what a worker thread does first.
int culvert_block_all_signals(void);

int64_t culvert_monotonic_nanoseconds(void);
int64_t culvert_realtime_milliseconds(void);
/// What the calling thread has spent on a processor.
int64_t culvert_thread_cpu_nanoseconds(void);
