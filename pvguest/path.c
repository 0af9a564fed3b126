/* SPDX-License-Identifier: MIT */
#include "pvguest/path.h"
#include <string.h>

bool path_append(char *out, size_t *length, size_t max, const char *path, size_t size)
{
    size_t i = 0;

    while (i < size && path[i]) {
        size_t part = 0;

        while (i + part < size && path[i + part] && path[i + part] != '/')
            part++;
        if (part == 2 && path[i] == '.' && path[i + 1] == '.') {
            while (*length && out[--*length] != '/')
                continue;
        } else if (part && !(part == 1 && path[i] == '.')) {
            if (*length + 1 + part > max)
                return false;
            out[(*length)++] = '/';
            memcpy(out + *length, path + i, part);
            *length += part;
        }
        i += part;
        if (i < size && path[i] == '/')
            i++;
    }
    return true;
}

void path_end(char *out, size_t length)
{
    if (!length)
        out[length++] = '/';
    out[length] = '\0';
}
