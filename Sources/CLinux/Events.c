// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "Events.h"

#include <errno.h>
#include <signal.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

static int result(int value) { return value < 0 ? -errno : value; }

int culvert_epoll(void) { return result(epoll_create1(EPOLL_CLOEXEC)); }

int culvert_epoll_add(int epoll, int fd, uint64_t data)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = data};
    return result(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

int culvert_epoll_change(int epoll, int fd, uint64_t data, int writing)
{
    struct epoll_event event = {.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.u64 = data};
    return result(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event));
}

int culvert_epoll_remove(int epoll, int fd) { return result(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL)); }

int culvert_epoll_wait(int epoll, struct culvert_event *events, int capacity, int timeout_ms)
{
    struct epoll_event ready[256];
    int count = epoll_wait(epoll, ready, capacity < 256 ? capacity : 256, timeout_ms);
    if (count < 0) return -errno;
    for (int i = 0; i < count; i++) {
        const uint32_t bits = ready[i].events;
        events[i].data = ready[i].data.u64;
        events[i].is_readable = (bits & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
        events[i].is_writable = (bits & EPOLLOUT) != 0;
        events[i].is_hung_up = (bits & (EPOLLHUP | EPOLLERR)) != 0;
    }
    return count;
}

int culvert_eventfd(void) { return result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

int culvert_eventfd_semaphore(void) { return result(eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE)); }

int culvert_eventfd_give(int fd, uint64_t count) { return result((int)write(fd, &count, sizeof count)); }

static int64_t take_count(int fd)
{
    uint64_t count;
    if (read(fd, &count, sizeof count) == sizeof count) return (int64_t)count;
    return errno == EAGAIN ? 0 : -errno;
}

int64_t culvert_eventfd_take(int fd) { return take_count(fd); }

int culvert_timerfd(void) { return result(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)); }

int culvert_timerfd_arm(int fd, int64_t deadline)
{
    struct itimerspec when = {0};
    if (deadline > 0) {
        when.it_value.tv_sec = deadline / 1000000000;
        when.it_value.tv_nsec = deadline % 1000000000;
    }
    return result(timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL));
}

int64_t culvert_timerfd_take(int fd) { return take_count(fd); }

int culvert_signalfd(const int *signals, unsigned count)
{
    sigset_t set;
    sigemptyset(&set);
    for (unsigned i = 0; i < count; i++) sigaddset(&set, signals[i]);
    int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (error) return -error;
    return result(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int culvert_signalfd_take(int fd)
{
    struct signalfd_siginfo info;
    if (read(fd, &info, sizeof info) == sizeof info) return (int)info.ssi_signo;
    return -errno;
}

int culvert_block_all_signals(void)
{
    sigset_t set;
    sigfillset(&set);
    return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}
