/* SPDX-License-Identifier: MIT */
/* Memory by the page. Files cannot be mapped: mmap() of one fails with ENODEV. */
#ifndef PVGUEST_SYS_MMAN_H
#define PVGUEST_SYS_MMAN_H

#include <sys/types.h>

#define PROT_NONE  0
#define PROT_READ  1
#define PROT_WRITE 2
#define PROT_EXEC  4

#define MAP_SHARED    0x01
#define MAP_PRIVATE   0x02
#define MAP_FIXED     0x10
#define MAP_ANONYMOUS 0x20
#define MAP_ANON      MAP_ANONYMOUS
#define MAP_FAILED    ((void *)-1)

#define MS_ASYNC 1
#define MS_SYNC  4

/* Anonymous memory, zeroed, readable and writable whatever `protection` says, but never executable (EACCES);
 * at an address of its own choice (EINVAL with MAP_FIXED). munmap() takes what one mmap() gave, as a whole.
 */
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset);
int munmap(void *address, size_t length);

#endif
