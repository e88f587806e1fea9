// SPDX-License-Identifier: Apache-2.0
#include "CHeap.h"

#include <malloc.h>

size_t heap_bytes(void) {
    struct mallinfo2 usage = mallinfo2();
    return usage.uordblks + usage.hblkhd;
}

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

double process_seconds(int process) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%d/task", process);
    DIR *tasks = opendir(path);
    if (!tasks) return -1;
    double sum = 0;
    for (struct dirent *entry; (entry = readdir(tasks));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", process, entry->d_name);
        FILE *file = fopen(path, "r");
        unsigned long long nanoseconds = 0;
        if (!file) continue;
        if (fscanf(file, "%llu", &nanoseconds) == 1) sum += nanoseconds * 1e-9;
        fclose(file);
    }
    closedir(tasks);
    return sum;
}

int loopback_client(unsigned address, unsigned short port) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    struct sockaddr_in gateway = own;
    gateway.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (descriptor >= 0 && (bind(descriptor, (void *)&own, sizeof own) || connect(descriptor, (void *)&gateway, sizeof gateway))) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}
