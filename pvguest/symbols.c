/* SPDX-License-Identifier: MIT */
#include "pvguest/symbols.h"
#include "pvguest/console.h"
#include <stddef.h>
#include <stdint.h>

/* As hv/ksyms.awk writes it, in the order of addresses. Absent (address 0) in the first of the two links of
 * an image, from which the table is made. */
struct ksym {
    uint64_t address;
    uint32_t name_offset;
};
extern const struct ksym ksym_table[] __attribute__((weak));
extern const char ksym_names[] __attribute__((weak));
extern const uint32_t ksym_count __attribute__((weak));

extern const char image_text_start[], image_text_end[];

static const struct ksym *find(unsigned long address)
{
    uint32_t low = 0, high = &ksym_count ? ksym_count : 0;

    if (address < (unsigned long)image_text_start || address >= (unsigned long)image_text_end)
        return NULL;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (ksym_table[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &ksym_table[low - 1] : NULL;
}

void symbols_print(unsigned long address)
{
    const struct ksym *symbol = find(address);

    if (symbol)
        console_printf("%#lx %s+%#lx", address, ksym_names + symbol->name_offset, address - symbol->address);
    else
        console_printf("%#lx", address);
}
