/* SPDX-License-Identifier: MIT */
#include "dom0_tools/toolstack/follower.h"

static LIST_HEAD(, domain_follower) followers = LIST_HEAD_INITIALIZER(followers);
static struct cond changed = COND_INITIALIZER(changed);

void follower_add(struct domain_follower *follower, domid_t domid)
{
    *follower = (struct domain_follower){ .domid = domid };
    LIST_INSERT_HEAD(&followers, follower, next);
}

void follower_remove(struct domain_follower *follower)
{
    LIST_REMOVE(follower, next);
}

void follower_note_end(domid_t domid, const enum domain_end *end, domid_t successor)
{
    struct domain_follower *follower;

    LIST_FOREACH(follower, &followers, next)
    {
        if (follower->domid != domid || follower->ended)
            continue;
        follower->destroyed = end == NULL;
        if (end != NULL)
            follower->end = *end;
        follower->ended = successor == 0;
        if (successor != 0) {
            follower->domid = successor;
            follower->starts++;
        }
    }
    cond_broadcast(&changed);
}

void follower_wait(const struct domain_follower *follower, unsigned int starts, struct mutex *lock)
{
    while (!follower->ended && follower->starts == starts)
        cond_wait(&changed, lock);
}
