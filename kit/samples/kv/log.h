/* SPDX-License-Identifier: MIT */
/*
 * A log of key-value records on a block device, which loses nothing that it has acknowledged. The device is
 * two halves, of which one is the log; each record is whole sectors with a checksum, the number of its half's
 * generation and its own. When the log is full, what still counts is written to the other half, whose first
 * record, written last, makes it the log.
 */
#ifndef KV_LOG_H
#define KV_LOG_H

#include "pvguest/blockdev.h"

#define KV_KEY_MAX   255
#define KV_VALUE_MAX 4096

/* Reads the log that is on the device, or begins one, calling apply for each record in order: value NULL is a
 * deletion. 0 or a negated errno. */
int log_open(struct blockdev *dev, void (*apply)(const char *key, const char *value));

/* Returns 0 when the record is on stable storage; -ENOSPC when it would not fit even after compaction, or
 * another negated errno, and then nobody knows whether it will be found. for_each calls its argument for all
 * that counts. */
int log_append(const char *key, const char *value,
               int (*for_each)(int (*put)(const char *key, const char *value)));

#endif
