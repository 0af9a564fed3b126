/* SPDX-License-Identifier: MIT */
/* Where lwIP's web server gets its files from: the file system, each read once and kept. */
#include <lwip/apps/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define MAX_KEPT (16UL << 20) /* bytes */

struct page {
    SLIST_ENTRY(page) next;
    char *data;
    size_t size;
    char name[];
};

static SLIST_HEAD(, page) pages = SLIST_HEAD_INITIALIZER(pages);
static size_t kept;

static struct page *read_page(const char *name)
{
    FILE *file = fopen(name, "rb");
    struct page *page = calloc(1, sizeof(*page) + strlen(name) + 1);
    long size = -1;

    if (file && page && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    if (size >= 0 && (size_t)size <= MAX_KEPT - kept && (page->data = malloc((size_t)size + 1)) != NULL) {
        rewind(file);
        page->size = fread(page->data, 1, (size_t)size, file);
        kept += page->size;
        strcpy(page->name, name);
        SLIST_INSERT_HEAD(&pages, page, next);
    } else {
        free(page);
        page = NULL;
    }
    if (file)
        fclose(file);
    return page;
}

/* lwIP calls these in its thread only. */
int fs_open_custom(struct fs_file *file, const char *name)
{
    struct page *page;

    SLIST_FOREACH(page, &pages, next)
    if (strcmp(page->name, name) == 0)
        break;
    if (!page)
        page = read_page(name);
    if (!page)
        return 0;
    memset(file, 0, sizeof(*file));
    file->data = page->data;
    file->len = (int)page->size;
    file->index = (int)page->size;
    file->flags = FS_FILE_FLAGS_HEADER_PERSISTENT;
    return 1;
}

void fs_close_custom(struct fs_file *file)
{
    (void)file;
}
