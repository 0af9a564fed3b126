/* SPDX-License-Identifier: MIT */
/*
 * What `xl` and the other front ends do with domains: make them from a configuration, end them, and see to
 * those that end by themselves. Functions that can fail return false with a sentence in
 * error[TOOLSTACK_ERROR_SIZE] and leave nothing half done. Any thread; one operation at a time.
 */
#ifndef DOM0_TOOLSTACK_TOOLSTACK_H
#define DOM0_TOOLSTACK_TOOLSTACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <xen/xen.h>

#include "dom0_tools/toolstack/domain_config.h"

#define TOOLSTACK_ERROR_SIZE CONFIG_ERROR_SIZE

/* Starts the thread that acts on the ends of domains (on_poweroff and so on). xenstored runs. 0 or an errno.
 */
int toolstack_start(void);

/* Makes a domain and lets it run, unless it is to stay paused. Takes *config over and empties it, also when
 * it fails. */
bool toolstack_create(struct domain_config *config, bool paused, domid_t *domid, char *error);

/* Ends a domain at once and removes what there is of it. */
bool toolstack_destroy(domid_t domid, char *error);

/* Gives it another name; names are unique. */
bool toolstack_rename(domid_t domid, const char *name, char *error);

/* Takes another configuration for a domain's next start; name and UUID stay. What was made elsewhere, as by
 * the hypervisor at boot, is made and ended from here from then on. Takes *config over as toolstack_create().
 */
bool toolstack_config_update(domid_t domid, struct domain_config *config, char *error);

/* Calls fn with the configuration that the domain was made from, or NULL when it was not made here. */
void toolstack_with_config(domid_t domid, void (*fn)(void *arg, const struct domain_config *config),
                           void *arg);

/* Somebody who stays with a domain over its restarts. Read under no lock after toolstack_await(). */
struct domain_follower {
    domid_t domid;       /* of its latest start */
    unsigned int starts; /* how often it was started again */
    bool ended;          /* for good */
    bool destroyed;      /* not by itself: `end` means nothing */
    enum domain_end end; /* how its last start ended */
    LIST_ENTRY(domain_follower) next;
};

/* Begins and ends to follow. A domain that is one of the last to have ended counts as `ended`, or as started
 * again, at once. */
void toolstack_follow(struct domain_follower *follower, domid_t domid);
void toolstack_unfollow(struct domain_follower *follower);
/* Waits until it has ended, or was started more often than `starts` says. False: neither came before the
 * deadline. */
bool toolstack_await(const struct domain_follower *follower, unsigned int starts, uint64_t deadline);

/* The domain of that name. False if there is none. */
bool toolstack_find(const char *name, domid_t *domid);

#endif
