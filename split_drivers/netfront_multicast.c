/* SPDX-License-Identifier: MIT */
#include "split_drivers/netfront_multicast.h"
#include <stddef.h>
#include <string.h>

static struct netfront_group *find(struct netfront_multicast *multicast, const uint8_t *address)
{
    for (unsigned int i = 0; i < multicast->nr; i++)
        if (memcmp(multicast->group[i].address, address, 6) == 0)
            return &multicast->group[i];
    return NULL;
}

static struct netfront_group *add(struct netfront_multicast *multicast, const uint8_t *address)
{
    struct netfront_group *group;

    if (multicast->nr == NETFRONT_GROUPS) {
        multicast->overflow = true;
        return NULL;
    }
    group = &multicast->group[multicast->nr++];
    *group = (struct netfront_group){ .members = 0 };
    memcpy(group->address, address, 6);
    return group;
}

static void drop_unused(struct netfront_multicast *multicast)
{
    for (unsigned int i = 0; i < multicast->nr;)
        if (!multicast->group[i].members && !multicast->group[i].told)
            multicast->group[i] = multicast->group[--multicast->nr];
        else
            i++;
}

void netfront_multicast_change(struct netfront_multicast *multicast, const uint8_t *address, bool join)
{
    struct netfront_group *group = find(multicast, address);

    multicast->changed = true;
    if (join) {
        if (!group)
            group = add(multicast, address);
        if (group)
            group->members++;
    } else if (group && group->members) {
        group->members--;
        drop_unused(multicast);
    }
}

const struct netfront_group *netfront_multicast_next(struct netfront_multicast *multicast)
{
    for (unsigned int i = 0; i < multicast->nr; i++)
        if (multicast->group[i].told != (multicast->group[i].members != 0))
            return &multicast->group[i];
    multicast->changed = false;
    return NULL;
}

void netfront_multicast_done(struct netfront_multicast *multicast, const struct netfront_group *group)
{
    multicast->group[group - multicast->group].told = !group->told;
    drop_unused(multicast);
}

void netfront_multicast_restart(struct netfront_multicast *multicast)
{
    for (unsigned int i = 0; i < multicast->nr; i++)
        multicast->group[i].told = false;
    multicast->changed = true;
    drop_unused(multicast);
}
