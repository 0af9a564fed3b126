/* SPDX-License-Identifier: MIT */
/* What the hypervisor says of itself: the ABI's version, which is Xen 4.17's, and its own name. */
#ifndef HV_LIB_VERSION_H
#define HV_LIB_VERSION_H

#define RYOKAN_VERSION "0.1"

#define XEN_ABI_MAJOR   4
#define XEN_ABI_MINOR   17
#define EXTRA_VERSION   ".7-ryokan" /* at most 15 characters: xen_extraversion_t */
#define HV_CAPABILITIES "xen-3.0-x86_64 "
#define HV_CAPABILITIES_HVM \
    "hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 " /* where there can be hardware guests */

extern const char hv_changeset[];      /* at most 63 characters */
extern const char hv_compiler[];       /* at most 63 characters */
extern const char hv_compile_by[];     /* at most 15 characters */
extern const char hv_compile_domain[]; /* at most 31 characters */
extern const char hv_compile_date[];   /* at most 31 characters */

/* The hypervisor's command line as given, cut at 1023 characters; boot code writes it, XENVER_commandline
 * reads it. */
extern char hv_cmdline[1024];

#endif
