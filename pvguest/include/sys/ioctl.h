/* SPDX-License-Identifier: MIT */
/* Requests to what stands behind a descriptor; their numbers are lwIP's. */
#ifndef PVGUEST_SYS_IOCTL_H
#define PVGUEST_SYS_IOCTL_H

#define FIONREAD 0x4008667fUL
#define FIONBIO  0x8008667eUL

int ioctl(int fd, unsigned long request, ...);

#endif
