/* SPDX-License-Identifier: MIT */
#include "dom0_tools/toolstack/cpu_list.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void set_range(uint8_t *map, uint32_t nr_cpus, unsigned long first, unsigned long last, bool in)
{
    for (unsigned long cpu = first; cpu <= last && cpu < nr_cpus; cpu++)
        map[cpu / 8] = (uint8_t)(in ? map[cpu / 8] | 1U << cpu % 8 : map[cpu / 8] & ~(1U << cpu % 8));
}

/* A number or a range at *at, which moves behind it. */
static bool read_range(const char **at, unsigned long *first, unsigned long *last)
{
    char *end;

    if (!isdigit((unsigned char)**at))
        return false;
    *first = *last = strtoul(*at, &end, 10);
    if (*end == '-') {
        if (!isdigit((unsigned char)end[1]))
            return false;
        *last = strtoul(end + 1, &end, 10);
    }
    *at = end;
    return *first <= *last;
}

static bool is_empty(const uint8_t *map, uint32_t nr_cpus)
{
    for (uint32_t i = 0; i < nr_cpus / 8 + 1; i++)
        if (map[i] != 0)
            return false;
    return true;
}

const char *cpu_list_parse(const char *text, uint8_t *map, uint32_t nr_cpus)
{
    memset(map, 0, nr_cpus / 8 + 1);
    for (;;) {
        unsigned long first = 0, last = nr_cpus - 1;
        bool in = *text != '^';

        text += !in;
        if (strncmp(text, "all", 3) == 0)
            text += 3;
        else if (!read_range(&text, &first, &last))
            return "a list of CPUs is \"all\", or numbers and ranges as 0-3,5,^1";
        set_range(map, nr_cpus, first, last, in);
        if (*text == '\0')
            return is_empty(map, nr_cpus) ? "the list names none of the machine's CPUs" : NULL;
        if (*text++ != ',')
            return "a list of CPUs is \"all\", or numbers and ranges as 0-3,5,^1";
    }
}
