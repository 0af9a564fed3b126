/* SPDX-License-Identifier: MIT */
/* The part of <dirent.h> that newlib leaves to the system; stands before newlib's own in the include path. */
#ifndef PVGUEST_SYS_DIRENT_H
#define PVGUEST_SYS_DIRENT_H

#include <sys/types.h>

#define MAXNAMLEN 255

#define DT_UNKNOWN 0
#define DT_DIR     4
#define DT_REG     8
#define DT_LNK     10

struct dirent {
    ino_t d_ino;
    unsigned char d_type;
    char d_name[MAXNAMLEN + 1];
};

typedef struct pvguest_dir DIR;

#endif
