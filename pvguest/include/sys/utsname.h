/* SPDX-License-Identifier: MIT */
#ifndef PVGUEST_SYS_UTSNAME_H
#define PVGUEST_SYS_UTSNAME_H

struct utsname {
    char sysname[65];
    char nodename[65];
    char release[65];
    char version[65];
    char machine[65];
};

/* The system is called Ryokan, whatever hypervisor it runs on; the node as the environment's HOSTNAME says,
 * or "guest". */
int uname(struct utsname *name);

#endif
