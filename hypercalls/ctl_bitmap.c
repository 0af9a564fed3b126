/* SPDX-License-Identifier: MIT */
#include "hypercalls/ctl.h"

int ctl_bitmap_read(cpumask_t *mask, const struct xenctl_bitmap *map)
{
    uint32_t bits = min(map->nr_bits, (uint32_t)NR_CPUS);
    uint64_t word = 0;

    if (copy_from_guest(&word, gva_of_handle(map->bitmap), DIV_ROUND_UP(bits, 8)))
        return -EFAULT;
    mask->bits = bits < 64 ? word & (BIT(bits) - 1) : word;
    return 0;
}

int ctl_bitmap_write(const struct xenctl_bitmap *map, cpumask_t mask)
{
    uint32_t bytes = DIV_ROUND_UP(map->nr_bits, 8), ours = min(bytes, (uint32_t)sizeof(mask.bits));
    gva_t dst = gva_of_handle(map->bitmap);

    if (map->nr_bits < 64)
        mask.bits &= BIT(map->nr_bits) - 1;
    if (copy_to_guest(dst, &mask.bits, ours))
        return -EFAULT;
    return bytes > ours ? clear_guest(gva_add(dst, ours), bytes - ours) : 0;
}
