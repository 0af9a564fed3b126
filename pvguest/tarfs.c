/* SPDX-License-Identifier: MIT */
#include "pvguest/tarfs.h"
#include "pvguest/path.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK    512
#define MAX_PATH 256 /* of the ustar format: 155 + 1 + 100 */

/* POSIX ustar header, one block. */
struct header {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char linkname[100];
    char magic[6];
    char version[2];
    char uname[32];
    char gname[32];
    char devmajor[8];
    char devminor[8];
    char prefix[155];
    char pad[12];
};

_Static_assert(sizeof(struct header) == BLOCK, "a ustar header is one block");

static struct tarfs_node *nodes; /* in the order of their paths */
static size_t node_count, node_space;

/* An octal field, ended by its size, a space or NUL; false if it holds anything else. */
static bool parse_octal(const char *field, size_t size, uint64_t *value)
{
    size_t i = 0;

    *value = 0;
    while (i < size && field[i] == ' ')
        i++;
    for (; i < size && field[i] && field[i] != ' '; i++) {
        if (field[i] < '0' || field[i] > '7')
            return false;
        *value = *value << 3 | (uint64_t)(field[i] - '0');
    }
    return true;
}

/* The sum of all bytes of the header, with blanks for the checksum itself. */
static bool checksum_is_right(const struct header *header)
{
    const unsigned char *bytes = (const unsigned char *)header;
    uint64_t expected, sum = 0;

    for (size_t i = 0; i < BLOCK; i++) {
        bool blank = i >= offsetof(struct header, checksum) && i < offsetof(struct header, type);

        sum += blank ? ' ' : bytes[i];
    }
    return parse_octal(header->checksum, sizeof(header->checksum), &expected) && sum == expected;
}

/* Index of the first node whose path is not less; *found says whether it is equal. */
static size_t find_index(const char *path, bool *found)
{
    size_t low = 0, high = node_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(nodes[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low < node_count && strcmp(nodes[low].path, path) == 0;
    return low;
}

/* Enters a node, or overwrites the one with that path: the later entry of an archive counts. */
static int add_node(const char *path, struct tarfs_node node)
{
    bool found;
    size_t index = find_index(path, &found);

    if (found) {
        node.path = nodes[index].path;
        nodes[index] = node;
        return 0;
    }
    if (node_count == node_space) {
        size_t space = node_space ? 2 * node_space : 32;
        struct tarfs_node *bigger = realloc(nodes, space * sizeof(*nodes));

        if (!bigger)
            return -ENOMEM;
        nodes = bigger;
        node_space = space;
    }
    node.path = strdup(path);
    if (!node.path)
        return -ENOMEM;
    memmove(&nodes[index + 1], &nodes[index], (node_count - index) * sizeof(*nodes));
    nodes[index] = node;
    node_count++;
    return 0;
}

/* Adds the directories above a path that no entry has named. */
static int add_parents(const char *path, uint64_t mtime)
{
    const struct tarfs_node directory = { .mode = 0555, .mtime = mtime, .directory = true };
    char parent[MAX_PATH + 1];
    int error = 0;

    for (const char *slash = strchr(path + 1, '/'); slash && !error; slash = strchr(slash + 1, '/')) {
        memcpy(parent, path, (size_t)(slash - path));
        parent[slash - path] = '\0';
        if (!tarfs_find(parent))
            error = add_node(parent, directory);
    }
    return error;
}

static int add_entry(const struct header *header, const void *data, uint64_t size)
{
    struct tarfs_node node = { .data = data, .size = (size_t)size };
    char path[MAX_PATH + 2];
    size_t length = 0;
    uint64_t mode;
    int error;

    if (header->type != '0' && header->type != '\0' && header->type != '5')
        return 0;
    if (!parse_octal(header->mode, sizeof(header->mode), &mode) ||
        !parse_octal(header->mtime, sizeof(header->mtime), &node.mtime))
        return -EINVAL;
    if (!path_append(path, &length, MAX_PATH, header->prefix, sizeof(header->prefix)) ||
        !path_append(path, &length, MAX_PATH, header->name, sizeof(header->name)))
        return -EINVAL;
    path_end(path, length);
    node.mode = (uint32_t)mode & 0555;
    node.directory = header->type == '5';
    if (node.directory)
        node.size = 0;
    else if (!length)
        return -EINVAL;
    error = add_parents(path, node.mtime);
    return error ? error : add_node(path, node);
}

static void clear(void)
{
    for (size_t i = 0; i < node_count; i++)
        free(nodes[i].path);
    free(nodes);
    nodes = NULL;
    node_count = 0;
    node_space = 0;
}

int tarfs_init(const void *archive, size_t length)
{
    const char *at = archive;
    const struct tarfs_node root = { .mode = 0555, .directory = true };
    int error;

    clear();
    error = add_node("/", root);
    while (!error && length >= BLOCK && *at) {
        const struct header *header = (const struct header *)at;
        uint64_t size, blocks;

        if (memcmp(header->magic, "ustar", 5) || !checksum_is_right(header) ||
            !parse_octal(header->size, sizeof(header->size), &size) || size > length - BLOCK)
            return -EINVAL;
        error = add_entry(header, at + BLOCK, size);
        blocks = BLOCK + ((size + BLOCK - 1) & ~(uint64_t)(BLOCK - 1));
        if (blocks > length)
            blocks = length;
        at += blocks;
        length -= (size_t)blocks;
    }
    return error ? error : (int)node_count;
}

const struct tarfs_node *tarfs_find(const char *path)
{
    char normal[MAX_PATH + 2];
    size_t length = 0;
    size_t index;
    bool found;

    if (!path_append(normal, &length, MAX_PATH, path, strlen(path)))
        return NULL;
    path_end(normal, length);
    index = find_index(normal, &found);
    return found ? &nodes[index] : NULL;
}

const struct tarfs_node *tarfs_next_child(const struct tarfs_node *directory,
                                          const struct tarfs_node *previous)
{
    size_t prefix = strcmp(directory->path, "/") ? strlen(directory->path) : 0;
    size_t index = (size_t)((previous ? previous : directory) - nodes) + 1;

    /* Paths of other directories may stand between ("/a", "/a-b", "/a/c"), and children of children among
     * them. */
    for (; index < node_count; index++) {
        const char *path = nodes[index].path;

        if (strncmp(path, directory->path, prefix))
            return NULL;
        if (path[prefix] == '/' && path[prefix + 1] && !strchr(path + prefix + 1, '/'))
            return &nodes[index];
    }
    return NULL;
}

const char *tarfs_name(const struct tarfs_node *node)
{
    return strrchr(node->path, '/') + 1;
}
