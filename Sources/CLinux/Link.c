// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "Link.h"
#include "Result.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/timex.h>

_Static_assert(CULVERT_FEATURE_NAME_SIZE == ETH_GSTRING_LEN, "names of features have this size");

static int request(struct ifreq *request, const char *name)
{
    memset(request, 0, sizeof *request);
    if (strlen(name) >= sizeof request->ifr_name) return -ENAMETOOLONG;
    strcpy(request->ifr_name, name);
    return 0;
}

int culvert_link_mtu(int socket, const char *name)
{
    struct ifreq ask;
    int error = request(&ask, name);
    if (error < 0) return error;
    return ioctl(socket, SIOCGIFMTU, &ask) < 0 ? -errno : ask.ifr_mtu;
}

static int ethtool(int socket, const char *name, void *command)
{
    struct ifreq ask;
    int error = request(&ask, name);
    if (error < 0) return error;
    ask.ifr_data = command;
    return result(ioctl(socket, SIOCETHTOOL, &ask));
}

static int count_features(int socket, const char *name)
{
    struct {
        struct ethtool_sset_info info;
        uint32_t count;
    } command = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES}};
    int error = ethtool(socket, name, &command);
    if (error < 0) return error;
    return command.info.sset_mask == 0 ? 0 : (int)command.count;
}

int culvert_link_features(int socket, const char *name, char *names, uint8_t *states, int capacity)
{
    int count = count_features(socket, name);
    if (count <= 0) return count;
    int blocks = (count + 31) / 32;
    struct ethtool_gstrings *strings = calloc(1, sizeof *strings + (size_t)count * ETH_GSTRING_LEN);
    struct ethtool_gfeatures *features = calloc(1, sizeof *features + (size_t)blocks * sizeof features->features[0]);
    int error = strings && features ? 0 : -ENOMEM;
    if (error == 0) {
        strings->cmd = ETHTOOL_GSTRINGS;
        strings->string_set = ETH_SS_FEATURES;
        strings->len = (uint32_t)count;
        error = ethtool(socket, name, strings);
    }
    if (error == 0) {
        features->cmd = ETHTOOL_GFEATURES;
        features->size = (uint32_t)blocks;
        error = ethtool(socket, name, features);
    }
    if (error == 0) {
        if (count > capacity) count = capacity;
        memcpy(names, strings->data, (size_t)count * ETH_GSTRING_LEN);
        for (int i = 0; i < count; i++) {
            names[(size_t)i * ETH_GSTRING_LEN + ETH_GSTRING_LEN - 1] = 0;
            states[i] = features->features[i / 32].active >> (i % 32) & 1;
        }
    }
    free(strings);
    free(features);
    return error < 0 ? error : count;
}

int culvert_clock_is_synchronised(void)
{
    struct timex clock = {0};
    int state = adjtimex(&clock);
    if (state < 0) return -errno;
    return state != TIME_ERROR && !(clock.status & STA_UNSYNC);
}

int culvert_file_limits(uint64_t *soft, uint64_t *hard)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    *soft = limit.rlim_cur;
    *hard = limit.rlim_max;
    return 0;
}
