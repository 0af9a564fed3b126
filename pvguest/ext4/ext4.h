/* SPDX-License-Identifier: MIT */
/*
 * ext2, ext3 and ext4 on a block device, by libext2fs. While one is mounted writable its superblock says so;
 * block and inode bitmaps then go to the disk only now and then, so that fsync() costs no more than the
 * device's own flush. A domain that ends without unmounting leaves that mark, and the next writable mount
 * recomputes the bitmaps from the inodes. Changes of names are on the device when they return, what was
 * written into a file when it was synchronised or closed; parts may be there earlier, in an order that keeps
 * what was there. The journal is not used.
 */
#ifndef PVGUEST_EXT4_H
#define PVGUEST_EXT4_H

#include "pvguest/blockdev.h"
#include <stdbool.h>

/*
 * Mounts the file system of a device, which must stay until it is unmounted (fs_unmount()). 0 or a negated
 * errno: -EINVAL: there is no ext2/3/4 file system; -EOPNOTSUPP: it uses features that this library does not
 * know; -EBADMSG: its journal is to be replayed or its metadata contradict themselves, which e2fsck must
 * mend; -EROFS: the device is read-only and `read_only` is not set; -EIO, -ENOMEM, and what fs_mount()
 * returns. Threads only.
 */
int ext4_mount(const char *path, struct blockdev *dev, bool read_only);

#endif
