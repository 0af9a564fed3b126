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

/* Takes another configuration for a domain's next start; name and UUID stay. Takes *config over as
 * toolstack_create(). */
bool toolstack_config_update(domid_t domid, struct domain_config *config, char *error);

/* Calls fn with the configuration that the domain was made from, or NULL when it was not made here. */
void toolstack_with_config(domid_t domid, void (*fn)(void *arg, const struct domain_config *config),
                           void *arg);

/* The domain of that name. False if there is none. */
bool toolstack_find(const char *name, domid_t *domid);

#endif
