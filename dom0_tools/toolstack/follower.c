/* SPDX-License-Identifier: MIT */
#include "dom0_tools/toolstack/follower.h"

#define NR_RECENT 64

static LIST_HEAD(, domain_follower) followers = LIST_HEAD_INITIALIZER(followers);
static struct cond changed = COND_INITIALIZER(changed);

/* The latest ends, the oldest of which gives way. */
static struct recent_end {
    bool used;
    domid_t domid; /* that ended */
    struct domain_follower seen;
} recent[NR_RECENT];
static unsigned int next_recent;

static struct recent_end *find_recent(domid_t domid)
{
    for (unsigned int i = 0; i < NR_RECENT; i++)
        if (recent[i].used && recent[i].domid == domid)
            return &recent[i];
    return NULL;
}

void follower_add(struct domain_follower *follower, domid_t domid)
{
    const struct recent_end *end = find_recent(domid);

    *follower = end != NULL ? end->seen : (struct domain_follower){ .domid = domid };
    LIST_INSERT_HEAD(&followers, follower, next);
}

void follower_remove(struct domain_follower *follower)
{
    LIST_REMOVE(follower, next);
}

void follower_note_start(domid_t domid)
{
    struct recent_end *end = find_recent(domid);

    if (end != NULL)
        end->used = false;
}

static void note(struct domain_follower *follower, const enum domain_end *end, domid_t successor)
{
    follower->destroyed = end == NULL;
    if (end != NULL)
        follower->end = *end;
    follower->ended = successor == 0;
    if (successor != 0) {
        follower->domid = successor;
        follower->starts++;
    }
}

/* A domain that was kept after its end is destroyed later: how it ended is how it ended first. */
static void remember(domid_t domid, const enum domain_end *end, domid_t successor)
{
    struct recent_end *slot = &recent[next_recent];

    if (find_recent(domid) != NULL)
        return;
    *slot = (struct recent_end){ .used = true, .domid = domid, .seen = { .domid = domid } };
    note(&slot->seen, end, successor);
    next_recent = (next_recent + 1) % NR_RECENT;
}

void follower_note_end(domid_t domid, const enum domain_end *end, domid_t successor)
{
    struct domain_follower *follower;

    remember(domid, end, successor);
    LIST_FOREACH(follower, &followers, next)
    {
        if (follower->domid == domid && !follower->ended)
            note(follower, end, successor);
    }
    cond_broadcast(&changed);
}

bool follower_wait(const struct domain_follower *follower, unsigned int starts, uint64_t deadline,
                   struct mutex *lock)
{
    int error = 0;

    while (!follower->ended && follower->starts == starts && error == 0)
        error = cond_wait_until(&changed, lock, deadline);
    return follower->ended || follower->starts != starts;
}
