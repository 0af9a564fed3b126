/* SPDX-License-Identifier: MIT */
/* The archive that the domain was started with, as the root of the file system. */
#ifndef PVGUEST_ARCHIVE_H
#define PVGUEST_ARCHIVE_H

/* Start of day: mounts start_info's module, if it is an archive, and a RAM file system at /tmp. */
void archive_init(void);

#endif
