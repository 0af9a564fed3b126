/* SPDX-License-Identifier: MIT */
/*
 * RAM that waits to be used. The frame table and the machine-to-phys table are backed by 256 MiB chunks, and
 * a chunk's part of them is only set up (zeroed, mapped) when the allocator runs out of the chunks before it:
 * boot time does not grow with the machine's memory.
 */
#ifndef HV_MM_FRAME_CHUNK_H
#define HV_MM_FRAME_CHUNK_H

#include "hv/mm/mfn.h"

struct frame_span {
    uint64_t start, end; /* frames [start, end) */
};

/* What the allocator does with a span of frames whose struct frames are now there. */
typedef void frame_span_fn(struct frame_span s);

/*
 * Activate the lowest waiting chunk, if it starts below frame `limit`, and hand its spans to `add`. False
 * when there is none. Lock: the caller serialises (LOCK_FRAME_ALLOC).
 */
bool frame_chunk_activate_next(uint64_t limit, frame_span_fn *add);
/* Frames in chunks that wait. */
uint64_t frame_chunk_waiting(void);
/* Physical frame of the 2 MiB piece `i` of the machine-to-phys table; INVALID_MFN when that part is not
 * backed. */
mfn_t m2p_extent(unsigned int i);

#endif
