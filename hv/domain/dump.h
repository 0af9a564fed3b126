/* SPDX-License-Identifier: MIT */
/* Debug keys that print the state of domains. */
#ifndef HV_DOMAIN_DUMP_H
#define HV_DOMAIN_DUMP_H

/* Registers the keys: q domains and vCPUs, r run queues, e event channels, m memory. */
void domain_dump_init(void);

/* What is counted of vCPUs, a line for each on the console. Takes domlist_lock. */
void domain_show_counts(void);

#endif
