/* SPDX-License-Identifier: MIT */
/* What virtual disks are made of: dom0's block devices and image files. */
#ifndef DOM0_BLOCK_BACKING_H
#define DOM0_BLOCK_BACKING_H

/* Starts the backend of virtual disks; BLKBACK_PERSISTENT=1 on dom0's command line lets it offer persistent
 * grants. 0 or an errno. */
int block_start_backends(void);

#endif
