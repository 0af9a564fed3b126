/* SPDX-License-Identifier: MIT */
/* The archive file system: paths, implied directories, children, and archives that lie. */
/* unit-sources: pvguest/tarfs.c pvguest/path.c */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pvguest/tarfs.h"

int __lsan_do_recoverable_leak_check(void);

static char *archive;
static size_t length;

/* Appends one entry, with a right checksum. */
static char *add(const char *name, char type, const char *data)
{
    size_t size = data ? strlen(data) : 0;
    size_t blocks = (size + 511) / 512;
    unsigned int sum = 0;
    char *header;

    archive = realloc(archive, length + 512 + blocks * 512 + 1024);
    header = archive + length;
    memset(header, 0, 512 + blocks * 512 + 1024);
    strncpy(header, name, 100);
    snprintf(header + 100, 8, "%07o", 0644);
    snprintf(header + 124, 12, "%011o", (unsigned int)size);
    snprintf(header + 136, 12, "%011o", 1000);
    memset(header + 148, ' ', 8);
    header[156] = type;
    memcpy(header + 257, "ustar\00000", 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
    if (data)
        memcpy(header + 512, data, size);
    length += 512 + blocks * 512;
    return header;
}

static void teardown(void)
{
    free(archive);
}

TestSuite(pvguest_tarfs, .fini = teardown);

static void children(const char *path, char *names)
{
    const struct tarfs_node *directory = tarfs_find(path), *child = NULL;

    *names = '\0';
    cr_assert_not_null(directory);
    while ((child = tarfs_next_child(directory, child)) != NULL)
        sprintf(names + strlen(names), "%s%s ", tarfs_name(child), child->directory ? "/" : "");
}

Test(pvguest_tarfs, files_and_directories_are_found)
{
    char names[200];

    add("a/b/file", '0', "hello");
    add("./a-b", '0', "x");
    add("/a/", '5', NULL);
    add("link", '2', NULL);
    cr_assert_eq(tarfs_init(archive, length + 1024), 5); /* root, /a, /a/b, /a/b/file, /a-b */
    cr_expect_eq(tarfs_find("/a/b/file")->size, 5);
    cr_expect_eq(memcmp(tarfs_find("a//b/../b/./file")->data, "hello", 5), 0);
    cr_expect_eq(tarfs_find("/../../a-b")->mode, 0444);
    cr_expect_null(tarfs_find("/a/c"));
    cr_expect_null(tarfs_find("/link"));
    cr_expect(tarfs_find("/a/b")->directory);
    cr_expect(tarfs_find("")->directory);
    children("/", names);
    cr_expect_str_eq(names, "a/ a-b ");
    children("/a", names);
    cr_expect_str_eq(names, "b/ ");
    children("/a/b", names);
    cr_expect_str_eq(names, "file ");
}

Test(pvguest_tarfs, long_names_use_the_prefix)
{
    char *header = add("file", '0', "x");
    unsigned int sum = 0;

    memset(header + 345, 'd', 155);
    memset(header + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
    cr_assert_eq(tarfs_init(archive, length), 3);
    cr_expect_eq(strlen(tarfs_next_child(tarfs_find("/"), NULL)->path), 156);
}

Test(pvguest_tarfs, later_entries_win)
{
    add("f", '0', "old");
    add("f", '0', "newer");
    cr_assert_eq(tarfs_init(archive, length), 2);
    cr_expect_eq(tarfs_find("f")->size, 5);
}

Test(pvguest_tarfs, an_empty_module_is_an_empty_root)
{
    char names[20];

    cr_expect_eq(tarfs_init("", 0), 1);
    children("/", names);
    cr_expect_str_eq(names, "");
}

Test(pvguest_tarfs, broken_archives_keep_what_was_good)
{
    char *header;

    add("good", '0', "x");
    header = add("bad", '0', "y");
    header[0] = 'B';
    cr_expect_eq(tarfs_init(archive, length), -EINVAL, "checksum");
    cr_expect_not_null(tarfs_find("good"));
    cr_expect_null(tarfs_find("Bad"));
    cr_expect_eq(
        tarfs_init(
            "not an archive, but long enough to be looked at ................................................"
            "........................................................................................"
            "........................................................................................"
            "........................................................................................"
            "........................................................................................"
            "........................................................................................"
            "........................................................................................",
            600),
        -EINVAL);
}

Test(pvguest_tarfs, sizes_beyond_the_archive_are_refused)
{
    char *header = add("big", '0', "x");
    unsigned int sum = 0;

    snprintf(header + 124, 12, "%011o", 5000);
    memset(header + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
    cr_expect_eq(tarfs_init(archive, length), -EINVAL);
    cr_expect_null(tarfs_find("big"));
}

/* Any single damaged byte: no read outside the archive (the sanitizer watches), and no node that points
 * outside. */
Test(pvguest_tarfs, damage_anywhere_is_survived)
{
    add("dir/one", '0', "first");
    add("dir/two", '0', "second");
    for (size_t at = 0; at < length; at++) {
        char *copy = malloc(length);
        const struct tarfs_node *node;

        memcpy(copy, archive, length);
        copy[at] ^= 0x11;
        tarfs_init(copy, length);
        node = tarfs_find("/dir/two");
        if (node)
            cr_assert((const char *)node->data >= copy &&
                      (const char *)node->data + node->size <= copy + length);
        free(copy);
    }
    tarfs_init("", 0);
    cr_expect_not(__lsan_do_recoverable_leak_check());
}

Test(pvguest_tarfs, truncation_anywhere_is_survived)
{
    add("dir/one", '0', "first");
    add("dir/two", '0', "second");
    for (size_t end = 0; end < length; end++) {
        char *copy = malloc(end + 1);

        memcpy(copy, archive, end);
        copy = realloc(copy, end ? end : 1);
        tarfs_init(copy, end);
        free(copy);
    }
}
