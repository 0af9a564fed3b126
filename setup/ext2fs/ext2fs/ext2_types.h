/* SPDX-License-Identifier: MIT */
/* The integer types of libext2fs, in place of the header that its configure script makes. */
#ifndef _EXT2_TYPES_H
#define _EXT2_TYPES_H

#include <stdint.h>

typedef uint8_t __u8;
typedef int8_t __s8;
typedef uint16_t __u16;
typedef int16_t __s16;
typedef uint32_t __u32;
typedef int32_t __s32;
typedef unsigned long long __u64; /* as in the headers of Linux, which a host has beside these */
typedef long long __s64;

#ifndef __force
#define __force /* a mark for a checker of byte orders, as __bitwise */
#endif
#ifndef _LINUX_TYPES_H
#define __bitwise
typedef __u16 __le16;
typedef __u32 __le32;
typedef __u64 __le64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
#endif

#endif
