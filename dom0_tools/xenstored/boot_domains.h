/* SPDX-License-Identifier: MIT */
#ifndef DOM0_XENSTORED_BOOT_DOMAINS_H
#define DOM0_XENSTORED_BOOT_DOMAINS_H

/* Writes the nodes of this domain and of those that the hypervisor built at boot, as xl does for its own, and
 * introduces these. 0 or an errno. */
int boot_domains_introduce(void);

#endif
