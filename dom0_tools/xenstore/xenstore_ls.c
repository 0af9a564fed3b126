/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xenstore/xenstore_ls.h"
#include "dom0_tools/xenstore/xenstore_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

/* Columns of a line before a value is cut off, and where permissions stand, as in Xen's output. */
#define LINE_WIDTH        80
#define PERMISSION_COLUMN 60

struct ls {
    struct xs_handle *h;
    bool full, permissions;
};

static void print_permissions(const struct ls *ls, const char *path, int column)
{
    static const char letters[] = "nrwb";
    unsigned int nr = 0;
    struct xs_permissions *perms = xs_get_permissions(ls->h, XBT_NULL, path, &nr);

    if (perms == NULL)
        return;
    printf("%*s (", column < PERMISSION_COLUMN ? PERMISSION_COLUMN - column : 0, "");
    for (unsigned int i = 0; i < nr; i++)
        printf("%s%c%u", i != 0 ? "," : "", letters[perms[i].perms & 3], perms[i].id);
    printf(")");
    free(perms);
}

static void print_node(const struct ls *ls, const char *path, const char *name, int depth)
{
    unsigned int len = 0;
    char *value = xs_read(ls->h, XBT_NULL, path, &len);
    char *text = xenstore_escape(value != NULL ? value : "", len);
    int column = ls->full ? printf("%s", path) : printf("%*s%s", depth, "", name);
    int room = LINE_WIDTH - column - (int)sizeof(" = \"...\"");

    if (text == NULL || ls->full || (int)strlen(text) <= room || room < 0)
        column += printf(" = \"%s\"", text != NULL ? text : "");
    else
        column += printf(" = \"%.*s...\"", room, text);
    if (ls->permissions)
        print_permissions(ls, path, column);
    printf("\n");
    free(text);
    free(value);
}

static bool list(const struct ls *ls, const char *path, int depth)
{
    unsigned int nr = 0;
    char **names = xs_directory(ls->h, XBT_NULL, path, &nr);

    if (names == NULL)
        return false;
    for (unsigned int i = 0; i < nr; i++) {
        char *child = malloc(strlen(path) + strlen(names[i]) + 2);

        if (child == NULL)
            break;
        sprintf(child, "%s/%s", strcmp(path, "/") == 0 ? "" : path, names[i]);
        print_node(ls, child, names[i], depth);
        list(ls, child, depth + 1);
        free(child);
    }
    free(names);
    return true;
}

bool xenstore_ls(struct xs_handle *h, const char *path, bool full, bool permissions)
{
    const struct ls ls = { h, full, permissions };

    return list(&ls, path, 0);
}
