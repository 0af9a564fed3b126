/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xenstored/path.h"

#include <stdio.h>
#include <string.h>

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '/' || c == '@';
}

static int home_prefix(char *out, size_t size, uint16_t domid)
{
    return snprintf(out, size, "/local/domain/%u/", domid);
}

bool path_parse(struct path *path, const char *name, uint16_t domid, bool special)
{
    bool absolute = name[0] == '/' || (special && name[0] == '@');
    size_t len = strnlen(name, PATH_SIZE), prefix = 0;

    if (len == 0 || (name[0] == '@' && !special) ||
        len > (absolute ? XENSTORE_ABS_PATH_MAX : XENSTORE_REL_PATH_MAX))
        return false;
    if (!absolute)
        prefix = (size_t)home_prefix(path->text, sizeof(path->text), domid);
    for (size_t i = 0; i < len; i++)
        if (!is_name_char(name[i]) || (name[i] == '/' && name[i + 1] == '/'))
            return false;
    if (name[len - 1] == '/' && !(absolute && len == 1))
        return false;
    memcpy(path->text + prefix, name, len + 1);
    path->len = prefix + len;
    return true;
}

bool path_parent(struct path *parent, const struct path *path)
{
    const char *slash = strrchr(path->text, '/');

    if (path->len <= 1 || slash == NULL || path_is_special(path))
        return false;
    parent->len = slash == path->text ? 1 : (size_t)(slash - path->text);
    memmove(parent->text, path->text, parent->len);
    parent->text[parent->len] = '\0';
    return true;
}

const char *path_relative(const char *path, uint16_t domid)
{
    char home[32];
    size_t len = (size_t)home_prefix(home, sizeof(home), domid);

    return strncmp(path, home, len) == 0 ? path + len : path;
}
