// SPDX-License-Identifier: Apache-2.0
// Reading and writing descriptors, and opening files with care.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// read(2) and write(2), with the negative errno.
int64_t culvert_read(int fd, void *bytes, uint64_t capacity);
int64_t culvert_write(int fd, const void *bytes, uint64_t count);

/// Writes without waiting, whatever the descriptor is: the bytes taken, 0 if none could be.
/// At most 4,096 bytes, so that a pipe takes all or nothing. Goes on after an interruption.
long culvert_write_now(int fd, const uint8_t *bytes, size_t length);

struct culvert_file {
    int descriptor;
    uint32_t mode;
    uint32_t uid;
    int64_t size;
};
/// Opens a file for reading, never waiting for a pipe's other end. Owner and mode are those of what was opened,
/// not of what the path meant a moment before.
int culvert_file_open(const char *path, struct culvert_file *file);

/// How many entries a folder that is open for reading has, those aside whose name begins with a dot. Not for two
/// threads at once.
int culvert_count_entries(int fd);
