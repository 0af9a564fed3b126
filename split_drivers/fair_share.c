/* SPDX-License-Identifier: MIT */
#include "split_drivers/fair_share.h"
#include <stddef.h>

void fair_share_init(struct fair_share *share)
{
    *share = (struct fair_share){ 0 };
    LIST_INIT(&share->flows);
}

void fair_share_join(struct fair_share *share, struct fair_flow *flow)
{
    *flow = (struct fair_flow){ .finish = share->virtual_time };
    LIST_INSERT_HEAD(&share->flows, flow, link);
    share->nr_flows++;
}

void fair_share_leave(struct fair_share *share, struct fair_flow *flow)
{
    LIST_REMOVE(flow, link);
    share->nr_flows--;
}

static unsigned int count_competitors(const struct fair_share *share, uint64_t now)
{
    const struct fair_flow *flow;
    unsigned int count = 0;

    LIST_FOREACH(flow, &share->flows, link)
    count += flow->under_way || (flow->seen && now - flow->seen < FAIR_SHARE_LINGER);
    return count;
}

bool fair_share_has_room(const struct fair_share *share, uint64_t now)
{
    unsigned int competitors;

    if (share->nr_flows == 1 || share->under_way < 2 * FAIR_SHARE_SLOTS)
        return true;
    competitors = count_competitors(share, now);
    return competitors < 2 || share->under_way < competitors * FAIR_SHARE_SLOTS;
}

/* The virtual time at which the flow's next request begins. */
static uint64_t start_of(const struct fair_share *share, const struct fair_flow *flow)
{
    return flow->finish > share->virtual_time ? flow->finish : share->virtual_time;
}

struct fair_flow *fair_share_next(const struct fair_share *share, bool (*ready)(const struct fair_flow *flow))
{
    struct fair_flow *flow, *best = NULL;

    if (share->nr_flows == 1)
        return LIST_FIRST(&share->flows);
    LIST_FOREACH(flow, &share->flows, link)
    {
        if ((!best || start_of(share, flow) < start_of(share, best)) && ready(flow))
            best = flow;
    }
    return best;
}

void fair_share_begin(struct fair_share *share, struct fair_flow *flow, uint64_t cost, uint64_t now)
{
    share->virtual_time = start_of(share, flow);
    flow->finish = share->virtual_time + cost;
    flow->seen = now;
    flow->under_way++;
    share->under_way++;
}

void fair_share_end(struct fair_share *share, struct fair_flow *flow, uint64_t now)
{
    flow->seen = now;
    flow->under_way--;
    share->under_way--;
}
