// SPDX-License-Identifier: Apache-2.0
// epoll, eventfd, timerfd, signalfd.
#pragma once
#include <stdint.h>

/// A close-on-exec epoll instance.
int culvert_epoll(void);
/// Watches `fd` for reading, level-triggered; `data` comes back with every event.
int culvert_epoll_add(int epoll, int fd, uint64_t data);
/// As culvert_epoll_add, for a descriptor already watched; `writing` watches for room to write as well.
int culvert_epoll_change(int epoll, int fd, uint64_t data, int writing);
int culvert_epoll_remove(int epoll, int fd);

struct culvert_event {
    uint64_t data;
    /// 1 if there is something to read, an end or an error to collect.
    uint8_t is_readable;
    uint8_t is_writable;
    /// 1 if the other end is gone or the descriptor has an error (is_readable is set too).
    uint8_t is_hung_up;
};

/// Waits up to `timeout_ms` (-1: for ever) and fills in up to `capacity` (at most 256) events. Returns how many.
int culvert_epoll_wait(int epoll, struct culvert_event *events, int capacity, int timeout_ms);

/// A nonblocking, close-on-exec counter.
int culvert_eventfd(void);
/// A blocking, close-on-exec semaphore: each culvert_eventfd_take takes one of what was given.
int culvert_eventfd_semaphore(void);
int culvert_eventfd_give(int fd, uint64_t count);
/// Returns the count (0 if there was none) and resets it, or takes one of a semaphore.
int64_t culvert_eventfd_take(int fd);

/// A nonblocking, close-on-exec timer on CLOCK_MONOTONIC.
int culvert_timerfd(void);
/// Arms it for an absolute time in nanoseconds; one in the past fires at once; 0 or less disarms.
int culvert_timerfd_arm(int fd, int64_t deadline);
/// Collects the expiry; returns 0 if there was none.
int64_t culvert_timerfd_take(int fd);

/// Blocks the given signals for this thread and its later children, and returns a nonblocking descriptor that
/// tells of them.
int culvert_signalfd(const int *signals, unsigned count);
/// The next signal's number, or -EAGAIN.
int culvert_signalfd_take(int fd);
/// Blocks all signals for the calling thread: what a worker thread does first.
int culvert_block_all_signals(void);
