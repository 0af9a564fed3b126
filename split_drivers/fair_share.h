/* SPDX-License-Identifier: MIT */
/*
 * Start-time fair queueing (Goyal, Vin, Cheng 1996) of requests on a device that several flows share: service
 * is what is equal, not the number of requests that a flow keeps under way. A flow that has had no work gets
 * no credit for that. Pure logic; calls on one share exclude each other.
 *
 * While flows compete, few requests are under way: what the device has already is done in its order. A flow
 * alone is not limited.
 */
#ifndef SPLIT_DRIVERS_FAIR_SHARE_H
#define SPLIT_DRIVERS_FAIR_SHARE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* Requests that may be under way for each flow that competes; all together, not each. */
#define FAIR_SHARE_SLOTS 4

/* A flow that had a request so short a time ago, in ns, still competes: it may be about to send the next. */
#define FAIR_SHARE_LINGER 10000000

struct fair_flow {
    LIST_ENTRY(fair_flow) link;
    uint64_t finish; /* virtual time from which on it may have more */
    uint64_t seen;   /* when it last began or ended a request, in ns */
    unsigned int under_way;
};

struct fair_share {
    LIST_HEAD(, fair_flow) flows;
    unsigned int nr_flows, under_way;
    uint64_t virtual_time; /* of the request begun last */
};

void fair_share_init(struct fair_share *share);

/* The flow has nothing under way. */
void fair_share_join(struct fair_share *share, struct fair_flow *flow);
void fair_share_leave(struct fair_share *share, struct fair_flow *flow);

/* Whether a request more may begin; now: time in ns. */
bool fair_share_has_room(const struct fair_share *share, uint64_t now);

/* Of the flows that are ready, the one whose turn it is, or NULL. A flow alone is not asked whether it is. */
struct fair_flow *fair_share_next(const struct fair_share *share,
                                  bool (*ready)(const struct fair_flow *flow));

/* A request of that cost, in any unit that is the same for all, begins or ends. */
void fair_share_begin(struct fair_share *share, struct fair_flow *flow, uint64_t cost, uint64_t now);
void fair_share_end(struct fair_share *share, struct fair_flow *flow, uint64_t now);

#endif
