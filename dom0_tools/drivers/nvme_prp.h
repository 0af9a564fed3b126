/* SPDX-License-Identifier: MIT */
/*
 * How a request's memory is told to an NVMe controller: as a list of pages (NVM Express 1.4, 4.3). Only the
 * first entry may begin inside a page, and only the last may end inside one, so a request whose segments do
 * not meet at page boundaries takes several commands. Pure logic.
 */
#ifndef DOM0_DRIVERS_NVME_PRP_H
#define DOM0_DRIVERS_NVME_PRP_H

#include <stddef.h>
#include <stdint.h>

#include "pvguest/block.h"

#define NVME_PAGE 4096U

/* Where in a request's segments the next command begins. */
struct nvme_position {
    unsigned segment;
    uint32_t offset; /* bytes inside that segment */
};

/*
 * Fills `pages` with the entries of the command that begins at the position, at most max_pages entries and
 * max_bytes bytes, moves the position behind it, and returns its bytes: a multiple of block_size, at least
 * one block, 0 at the end of the request. *nr_pages is the number of entries. 0 too, with *nr_pages 0, when a
 * block itself would need two commands: the request cannot be done (nothing is moved then).
 */
uint32_t nvme_next_command(const struct block_request *request, struct nvme_position *position,
                           uint32_t block_size, uint32_t max_bytes, uint64_t *pages, unsigned max_pages,
                           unsigned *nr_pages);

#endif
