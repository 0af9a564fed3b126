/* SPDX-License-Identifier: MIT */
/* Errors of libext2fs, and what it expects of its environment. */
#include "pvguest/ext4/ext4_internal.h"
#include <errno.h>
#include <et/com_err.h>
#include <stdarg.h>
#include <stdio.h>

/* The list of error tables; nobody registers one, because texts are made of errnos. */
struct et_list *_et_list;

int ext4_errno(errcode_t error)
{
    static const struct {
        errcode_t error;
        int errno_value;
    } known[] = {
        { EXT2_ET_FILE_NOT_FOUND, ENOENT },
        { EXT2_ET_NO_DIRECTORY, ENOTDIR },
        { EXT2_ET_DIR_EXISTS, EEXIST },
        { EXT2_ET_FILE_EXISTS, EEXIST },
        { EXT2_ET_NO_MEMORY, ENOMEM },
        { EXT2_ET_BLOCK_ALLOC_FAIL, ENOSPC },
        { EXT2_ET_INODE_ALLOC_FAIL, ENOSPC },
        { EXT2_ET_DIR_NO_SPACE, ENOSPC },
        { EXT2_ET_RO_FILSYS, EROFS },
        { EXT2_ET_SYMLINK_LOOP, ELOOP },
        { EXT2_ET_FILE_TOO_BIG, EFBIG },
        { EXT2_ET_BAD_MAGIC, EINVAL },
        { EXT2_ET_UNSUPP_FEATURE, EOPNOTSUPP },
        { EXT2_ET_RO_UNSUPP_FEATURE, EOPNOTSUPP },
        { EXT2_ET_CORRUPT_SUPERBLOCK, EBADMSG },
        { EXT2_ET_DIR_CORRUPTED, EBADMSG },
        { EXT2_ET_SHORT_READ, EIO },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].error == error)
            return -known[i].errno_value;
    /* Its own numbers are large, and those of the checksums are many. */
    return error > 0 && error < EXT2_ET_BASE ? -(int)error : error ? -EIO : 0;
}

void com_err(const char *who, long error, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "ext4: %s: error %ld: ", who, error);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* Writes zeroes to blocks; libext2fs has this beside the making of journals, which is not built. A NULL file
 * system asks for the end of a buffer that this one has not. */
errcode_t ext2fs_zero_blocks2(ext2_filsys fs, blk64_t block, int count, blk64_t *failed, int *left)
{
    static const char zeroes[EXT2_MAX_BLOCK_SIZE];
    errcode_t error = 0;

    for (int i = 0; fs && i < count && !error; i++) {
        error = io_channel_write_blk64(fs->io, block + (blk64_t)i, 1, zeroes);
        if (error && failed)
            *failed = block + (blk64_t)i;
        if (error && left)
            *left = count - i;
    }
    return error;
}
