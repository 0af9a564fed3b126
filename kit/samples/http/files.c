/* SPDX-License-Identifier: MIT */
/* Where lwIP's web server gets its files from: the file system, each read once and kept. */
#include <fcntl.h>
#include <lwip/apps/fs.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_KEPT (16UL << 20) /* bytes */

struct page {
    SLIST_ENTRY(page) next;
    char *data;
    size_t size;
    char name[];
};

static SLIST_HEAD(, page) pages = SLIST_HEAD_INITIALIZER(pages);
static size_t kept;

/* In as few reads as possible: each may be a request to a disk. */
static bool read_all(int fd, struct page *page, size_t size)
{
    if (size > MAX_KEPT - kept || !(page->data = malloc(size + 1)))
        return false;
    while (page->size < size) {
        ssize_t n = read(fd, page->data + page->size, size - page->size);

        if (n <= 0)
            return false;
        page->size += (size_t)n;
    }
    return true;
}

static struct page *read_page(const char *name)
{
    struct page *page = calloc(1, sizeof(*page) + strlen(name) + 1);
    int fd = open(name, O_RDONLY);
    struct stat status;

    if (fd >= 0 && page && fstat(fd, &status) == 0 && read_all(fd, page, (size_t)status.st_size)) {
        kept += page->size;
        strcpy(page->name, name);
        SLIST_INSERT_HEAD(&pages, page, next);
    } else if (page) {
        free(page->data);
        free(page);
        page = NULL;
    }
    if (fd >= 0)
        close(fd);
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
