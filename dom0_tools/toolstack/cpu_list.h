/* SPDX-License-Identifier: MIT */
/* Lists of CPUs as xl writes them: "all", or numbers and ranges separated by commas, "^" excluding:
 * "0-3,5,^1". */
#ifndef DOM0_TOOLSTACK_CPU_LIST_H
#define DOM0_TOOLSTACK_CPU_LIST_H

#include <stdbool.h>
#include <stdint.h>

/* Sets bit n of map for each CPU named that is below nr_cpus (a multiple of 8 bits are cleared first: the map
 * has nr_cpus / 8 + 1 bytes). NULL, or a sentence that says what is wrong. */
const char *cpu_list_parse(const char *text, uint8_t *map, uint32_t nr_cpus);

#endif
