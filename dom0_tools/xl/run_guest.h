/* SPDX-License-Identifier: MIT */
/* One guest, and the machine with it: what `make run GUEST=` starts dom0 for. */
#ifndef DOM0_XL_RUN_GUEST_H
#define DOM0_XL_RUN_GUEST_H

/* Makes the domain that a configuration file describes and attaches to its console. When it has ended, says
 * how and switches the machine off; also when it cannot be made. Returns only when the user leaves the
 * console: the domain runs on. */
void run_guest(const char *path);

#endif
