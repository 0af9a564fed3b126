/* SPDX-License-Identifier: MIT */
/* What the back ends of this domain have done for others. */
#ifndef DOM0_XL_DOMAIN_IO_H
#define DOM0_XL_DOMAIN_IO_H

#include <stdint.h>

#include "dom0_tools/xl/domain_list.h"

struct domain_io {
    uint32_t nets, vbds; /* served interfaces and disks */
    uint64_t sent_bytes, received_bytes;
    uint64_t reads, writes;                 /* requests */
    uint64_t sectors_read, sectors_written; /* of 512 bytes */
};

/* One for each domain of the list, in its order; NULL: no memory. To be freed. Threads only. */
struct domain_io *domain_io_get(const struct domain_list *domains);

#endif
