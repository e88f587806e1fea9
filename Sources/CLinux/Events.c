// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "Events.h"
#include "Result.h"

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

int culvert_epoll_create(void) { return result(epoll_create1(EPOLL_CLOEXEC)); }

int culvert_epoll_watch(int epoll, int fd, uint64_t token)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = token};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0) return 0;
    if (errno != EEXIST) return -errno;
    return result(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event));
}

int culvert_epoll_unwatch(int epoll, int fd)
{
    struct epoll_event event = {0};
    if (epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event) == 0) return 0;
    return errno == ENOENT || errno == EBADF ? 0 : -errno;
}

int culvert_epoll_wait(int epoll, uint64_t *tokens, uint32_t *flags, int capacity, int timeout)
{
    struct epoll_event events[256];
    if (capacity > 256) capacity = 256;
    int count = epoll_wait(epoll, events, capacity, timeout);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) {
        tokens[i] = events[i].data.u64;
        flags[i] = (events[i].events & EPOLLIN ? 1 : 0) | (events[i].events & (EPOLLHUP | EPOLLERR) ? 2 : 0);
    }
    return count;
}

int culvert_eventfd(void) { return result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

int culvert_eventfd_semaphore(void) { return result(eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE)); }

int culvert_eventfd_give(int fd, uint64_t count) { return result((int)write(fd, &count, sizeof count)); }

int64_t culvert_eventfd_take(int fd)
{
    uint64_t count;
    if (read(fd, &count, sizeof count) == sizeof count) return (int64_t)count;
    return errno == EAGAIN ? 0 : -errno;
}

int culvert_signalfd(const int *signals, int count)
{
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
    int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (error != 0) return -error;
    return result(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int culvert_signalfd_read(int fd)
{
    struct signalfd_siginfo received;
    ssize_t length;
    do length = read(fd, &received, sizeof received);
    while (length < 0 && errno == EINTR);
    return length == sizeof received ? (int)received.ssi_signo : 0;
}

int culvert_block_all_signals(void)
{
    sigset_t set;
    sigfillset(&set);
    return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int64_t culvert_monotonic_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t culvert_thread_cpu_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t culvert_realtime_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
