/* SPDX-License-Identifier: MIT */
/* Names of nodes: what a client may write, and what it means. */
#ifndef DOM0_XENSTORED_PATH_H
#define DOM0_XENSTORED_PATH_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/io/xs_wire.h> /* knows the names of errors that are defined before */

/* Room for any absolute path, with the terminating NUL. */
#define PATH_SIZE (XENSTORE_ABS_PATH_MAX + 1)

/* An absolute path: a domain's own is read below /local/domain/DOMID. */
struct path {
    size_t len;
    char text[PATH_SIZE];
};

/*
 * Makes the absolute path of what the client `domid` named. Accepted are letters, digits and -_/@, no empty
 * component and no slash at the end; "@..." names a special watch, where `special` allows it. False: not a
 * name.
 */
bool path_parse(struct path *path, const char *name, uint16_t domid, bool special);

/* The parent of "/a/b" is "/a", that of "/a" is "/"; false for "/" and for special names, which have none. */
bool path_parent(struct path *parent, const struct path *path);

static inline bool path_is_special(const struct path *path)
{
    return path->text[0] == '@';
}

/* How the client sees it if it speaks of relative paths: without its own directory, if it is below that. */
const char *path_relative(const char *path, uint16_t domid);

#endif
