/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096

static void *fail(int error)
{
    errno = error;
    return MAP_FAILED;
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    void *memory;

    (void)address, (void)fd, (void)offset;
    if (!length || (flags & MAP_FIXED))
        return fail(EINVAL);
    if (!(flags & MAP_ANONYMOUS))
        return fail(ENODEV);
    if (protection & PROT_EXEC)
        return fail(EACCES);
    memory = memalign(PAGE, length);
    return memory ? memset(memory, 0, length) : fail(ENOMEM);
}

int munmap(void *address, size_t length)
{
    if (!length || (unsigned long)address % PAGE) {
        errno = EINVAL;
        return -1;
    }
    free(address);
    return 0;
}
