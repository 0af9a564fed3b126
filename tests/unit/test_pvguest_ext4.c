/* SPDX-License-Identifier: MIT */
/* ext4 on a block device: what the calls leave on the disk is what a model in memory has, and e2fsck finds
 * nothing to mend, after an unmount and after an end without one. mke2fs, e2fsck and debugfs of the host are
 * the judges. */
/* unit-sources: pvguest/ext4/ext4_io.c pvguest/ext4/ext4_error.c pvguest/ext4/ext4_mount.c pvguest/ext4/ext4_file.c */
/* unit-sources: pvguest/ext4/ext4_names.c pvguest/ext4/ext4_check.c */
/* unit-libs: build/ext2fs-host/libext2fs.a */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pvguest/ext4/ext4.h"
#include "pvguest/file.h"
#include "pvguest/fs.h"
#include "pvguest/sync.h"

int __lsan_do_recoverable_leak_check(void);

/* ---- what the code under test stands on ---- */

void mutex_init(struct mutex *mutex)
{
    mutex->depth = 0;
}

void mutex_lock(struct mutex *mutex)
{
    cr_assert_eq(mutex->depth++, 0, "locked twice");
}

void mutex_unlock(struct mutex *mutex)
{
    cr_assert_eq(--mutex->depth, 0, "not locked");
}

static const struct fs_ops *ops;
static void *fs;

int fs_mount(const char *path, const char *source, const struct fs_ops *mounted, void *object)
{
    (void)path, (void)source;
    ops = mounted;
    fs = object;
    return 0;
}

#define IMAGE_SIZE (16 << 20)

static char image[] = "/tmp/ryokan-ext4-XXXXXX";
static int image_fd = -1;

static int file_read(struct blockdev *dev, uint64_t sector, void *buf, size_t count)
{
    ssize_t length = (ssize_t)(count * dev->sector_size);

    return pread(image_fd, buf, (size_t)length, (off_t)(sector * dev->sector_size)) == length ? 0 : -EIO;
}

/* What the power's failure before a write leaves is kept. While `dead` writes are lost, while `failing` they
 * are errors. */
static unsigned int nr_writes, power = UINT_MAX;
static char left_by_power[IMAGE_SIZE];
static bool dead, failing;

static int file_write(struct blockdev *dev, uint64_t sector, const void *buf, size_t count)
{
    ssize_t length = (ssize_t)(count * dev->sector_size);

    if (failing)
        return -EIO;
    if (dead)
        return 0;
    if (nr_writes++ == power)
        cr_assert_eq(pread(image_fd, left_by_power, IMAGE_SIZE, 0), IMAGE_SIZE);
    return pwrite(image_fd, buf, (size_t)length, (off_t)(sector * dev->sector_size)) == length ? 0 : -EIO;
}

static const struct blockdev_ops file_ops_of_image = { .read = file_read, .write = file_write };
static struct blockdev dev = { .ops = &file_ops_of_image, .name = "image" };

/* ---- helpers ---- */

static int run(const char *format, const char *what)
{
    char command[512];

    snprintf(command, sizeof(command), format, what, image);
    return system(command);
}

static void make_image(const char *options, uint32_t sector_size)
{
    strcpy(image + strlen(image) - 6, "XXXXXX");
    image_fd = mkstemp(image);
    cr_assert_geq(image_fd, 0);
    cr_assert_eq(ftruncate(image_fd, IMAGE_SIZE), 0);
    cr_assert_eq(run("/sbin/mke2fs -q -F %s %s", options), 0);
    dev.sector_size = sector_size;
    dev.sectors = IMAGE_SIZE / sector_size;
    dev.read_only = false;
}

static void expect_clean(void)
{
    cr_expect_eq(run("/sbin/e2fsck -fn %s %s >/tmp/ryokan-fsck.log 2>&1", ""), 0,
                 "e2fsck complains, see /tmp/ryokan-fsck.log");
}

/* Inodes without a name are what a sudden end may leave. The host's clock may be set back at any time. */
static void expect_clean_but_for_orphans(void)
{
    const char *expected =
        "'^Pass|^Unattached |^Connect to|^$|WARNING: Filesystem still|files \\(|in the future"
        "|hardware clock being incorrectly set'";

    cr_expect_eq(run("/sbin/e2fsck -fn %2$s 2>/dev/null | grep -vE %1$s", expected), 1 << 8,
                 "e2fsck complains");
}

static void remove_image(void)
{
    close(image_fd);
    unlink(image);
    cr_expect_not(__lsan_do_recoverable_leak_check());
}

static int open_file(const char *path, int flags, struct file *file)
{
    memset(file, 0, sizeof(*file));
    file->flags = flags;
    return ops->open(fs, path, flags, 0644, file);
}

static void put(const char *path, const void *data, size_t length, off_t offset)
{
    struct file file;

    cr_assert_eq(open_file(path, O_CREAT | O_WRONLY, &file), 0);
    cr_assert_eq(file.ops->pwrite(&file, data, length, offset), (ssize_t)length);
    cr_assert_eq(file.ops->close(&file), 0);
}

static void expect_content(const char *path, const char *data, size_t length)
{
    char *buf = malloc(length + 1);
    struct file file;

    cr_assert_eq(open_file(path, O_RDONLY, &file), 0, "%s", path);
    cr_expect_eq(file.ops->pread(&file, buf, length + 1, 0), (ssize_t)length, "%s", path);
    cr_expect_eq(memcmp(buf, data, length), 0, "%s", path);
    file.ops->close(&file);
    free(buf);
}

/* ---- a model: files of random contents ---- */

#define FILES     12
#define FILE_SIZE 300000

static struct model {
    bool exists;
    size_t size;
    char data[FILE_SIZE];
} models[FILES];

static unsigned int seed = 1;

static unsigned int random_below(unsigned int limit)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 8) % limit;
}

static void name_of(int index, char *path)
{
    sprintf(path, "/d%d/file-%d", index % 3, index);
}

static void write_random(int index)
{
    size_t offset = random_below(FILE_SIZE - 1), length = 1 + random_below(random_below(2) ? 40000 : 700);
    struct model *model = &models[index];
    char path[32];

    if (length > FILE_SIZE - offset)
        length = FILE_SIZE - offset;
    for (size_t i = 0; i < length; i++)
        model->data[offset + i] = (char)random_below(256);
    name_of(index, path);
    put(path, model->data + offset, length, (off_t)offset);
    model->exists = true;
    if (offset + length > model->size)
        model->size = offset + length;
}

static void truncate_random(int index)
{
    struct model *model = &models[index];
    size_t size = random_below(FILE_SIZE);
    struct file file;
    char path[32];

    if (!model->exists)
        return;
    name_of(index, path);
    cr_assert_eq(open_file(path, O_WRONLY, &file), 0);
    cr_assert_eq(file.ops->truncate(&file, (off_t)size), 0);
    cr_assert_eq(file.ops->close(&file), 0);
    if (size < model->size)
        memset(model->data + size, 0, model->size - size);
    model->size = size;
}

static void punch_random(int index)
{
    struct model *model = &models[index];
    size_t offset = random_below(FILE_SIZE), end = offset + random_below(FILE_SIZE), first, last;
    struct stat st = { 0 };
    struct file file;
    char path[32];

    if (!model->exists)
        return;
    name_of(index, path);
    cr_assert_eq(open_file(path, O_WRONLY, &file), 0);
    cr_assert_eq(file.ops->fstat(&file, &st), 0);
    cr_assert_eq(file.ops->punch(&file, (off_t)offset, (off_t)(end - offset)), 0);
    cr_assert_eq(file.ops->close(&file), 0);
    first = (offset + (size_t)st.st_blksize - 1) / (size_t)st.st_blksize * (size_t)st.st_blksize;
    last = end / (size_t)st.st_blksize * (size_t)st.st_blksize;
    if (last > model->size)
        last = model->size;
    if (first < last)
        memset(model->data + first, 0, last - first);
}

static void remove_one(int index)
{
    char path[32];

    name_of(index, path);
    cr_assert_eq(ops->unlink(fs, path), models[index].exists ? 0 : -ENOENT);
    memset(&models[index], 0, sizeof(models[index]));
}

static void rename_random(int from, int to)
{
    char from_path[32], to_path[32];

    if (!models[from].exists || from == to)
        return;
    name_of(from, from_path);
    name_of(to, to_path);
    cr_assert_eq(ops->rename(fs, from_path, to_path), 0);
    models[to] = models[from];
    memset(&models[from], 0, sizeof(models[from]));
}

static void change_at_random(int steps)
{
    for (int i = 0; i < steps; i++) {
        int index = (int)random_below(FILES);

        switch (random_below(7)) {
        case 0:
            truncate_random(index);
            break;
        case 1:
            remove_one(index);
            break;
        case 2:
            rename_random(index, (int)random_below(FILES));
            break;
        case 3:
            punch_random(index);
            break;
        default:
            write_random(index);
        }
    }
}

static void expect_models(void)
{
    char path[32];
    struct stat st;

    for (int i = 0; i < FILES; i++) {
        name_of(i, path);
        memset(&st, 0, sizeof(st));
        cr_expect_eq(ops->stat(fs, path, &st), models[i].exists ? 0 : -ENOENT);
        if (models[i].exists) {
            cr_expect_eq((size_t)st.st_size, models[i].size);
            expect_content(path, models[i].data, models[i].size);
        }
    }
}

static void exercise(const char *options, uint32_t sector_size)
{
    memset(models, 0, sizeof(models));
    make_image(options, sector_size);
    cr_assert_eq(ext4_mount("/x", &dev, false), 0, "%s", options);
    for (int i = 0; i < 3; i++) {
        char path[16];

        sprintf(path, "/d%d", i);
        cr_assert_eq(ops->mkdir(fs, path, 0755), 0);
    }
    change_at_random(150);
    expect_models();
    cr_expect_eq(ops->unmount(fs), 0);
    expect_clean();
    /* An end without unmounting: the old objects are leaked on purpose in a child, the image stays as it was
     * left. */
    cr_assert_eq(ext4_mount("/x", &dev, false), 0);
    expect_models();
    change_at_random(150);
    cr_expect_neq(run("/sbin/e2fsck -fn %s %s >/dev/null 2>&1", ""), 0,
                  "the bitmaps were written without need");
}

/* ---- tests ---- */

TestSuite(pvguest_ext4, .timeout = 300);

static void check_kind(const char *options, uint32_t sector_size)
{
    void *abandoned;

    exercise(options, sector_size);
    abandoned = fs;
    cr_assert_eq(ext4_mount("/x", &dev, false), 0, "after a crash: %s", options);
    expect_models();
    change_at_random(50);
    expect_models();
    cr_expect_eq(ops->unmount(fs), 0);
    expect_clean();
    /* Only now may the one that "crashed" free its memory: it would write. */
    dev.read_only = true;
    close(image_fd);
    image_fd = open("/dev/null", O_RDWR);
    ops->unmount(abandoned);
    remove_image();
}

Test(pvguest_ext4, ext4_with_4_KiB_blocks)
{
    check_kind("-t ext4 -b 4096", 512);
}

Test(pvguest_ext4, ext4_with_1_KiB_blocks_and_checksums)
{
    check_kind("-t ext4 -b 1024 -O metadata_csum,64bit", 512);
}

Test(pvguest_ext4, ext4_on_4_KiB_sectors)
{
    check_kind("-t ext4 -b 4096 -I 128", 4096);
}

Test(pvguest_ext4, ext2_without_extents)
{
    check_kind("-t ext2 -b 1024", 512);
}

static int count_entry(void *context, const char *name, ino_t inode, unsigned char type)
{
    (void)inode, (void)type;
    *(int *)context += strncmp(name, "name-", 5) == 0;
    return 0;
}

Test(pvguest_ext4, directories)
{
    char path[64];
    int count = 0;

    make_image("-t ext4 -b 1024", 512);
    cr_assert_eq(ext4_mount("/x", &dev, false), 0);
    cr_expect_eq(ops->mkdir(fs, "/a", 0755), 0);
    cr_expect_eq(ops->mkdir(fs, "/a", 0755), -EEXIST);
    cr_expect_eq(ops->mkdir(fs, "/", 0755), -EEXIST);
    cr_expect_eq(ops->mkdir(fs, "/no/where", 0755), -ENOENT);
    for (int i = 0; i < 300; i++) { /* more than a block of names */
        sprintf(path, "/a/name-%d-that-is-not-short", i);
        put(path, "x", 1, 0);
    }
    cr_expect_eq(ops->list(fs, "/a", count_entry, &count), 0);
    cr_expect_eq(count, 300);
    cr_expect_eq(ops->rmdir(fs, "/a"), -ENOTEMPTY);
    cr_expect_eq(ops->unlink(fs, "/a"), -EISDIR);
    cr_expect_eq(ops->rename(fs, "/a", "/a/b"), -EINVAL);
    cr_expect_eq(ops->mkdir(fs, "/b", 0755), 0);
    cr_expect_eq(ops->rename(fs, "/a", "/b/c"), 0);
    cr_expect_eq(ops->list(fs, "/b/c/name-1-that-is-not-short", count_entry, &count), -ENOTDIR);
    cr_expect_eq(ops->link(fs, "/b/c/name-1-that-is-not-short", "/other"), 0);
    for (int i = 0; i < 300; i++) {
        sprintf(path, "/b/c/name-%d-that-is-not-short", i);
        cr_expect_eq(ops->unlink(fs, path), 0);
    }
    expect_content("/other", "x", 1);
    cr_expect_eq(ops->rmdir(fs, "/b/c"), 0);
    cr_expect_eq(ops->rmdir(fs, "/other"), -ENOTDIR);
    cr_expect_eq(ops->unmount(fs), 0);
    expect_clean();
    remove_image();
}

Test(pvguest_ext4, an_unlinked_file_lives_until_it_is_closed)
{
    struct fs_space before, after;
    struct file file;
    char data[5000];

    memset(data, 'u', sizeof(data));
    make_image("-t ext4 -b 1024", 512);
    cr_assert_eq(ext4_mount("/x", &dev, false), 0);
    ops->space(fs, &before);
    cr_assert_eq(open_file("/f", O_CREAT | O_RDWR, &file), 0);
    cr_expect_eq(ops->unlink(fs, "/f"), 0);
    cr_expect_eq(file.ops->pwrite(&file, data, sizeof(data), 0), (ssize_t)sizeof(data));
    cr_expect_eq(file.ops->pread(&file, data, sizeof(data), 4000), 1000);
    cr_expect_eq(file.ops->close(&file), 0);
    ops->space(fs, &after);
    cr_expect_eq(before.bfree, after.bfree);
    cr_expect_eq(before.ffree, after.ffree);
    cr_expect_eq(ops->unmount(fs), 0);
    expect_clean();
    remove_image();
}

Test(pvguest_ext4, punched_blocks_are_free_again)
{
    struct fs_space before, full, after;
    static char data[1 << 20];
    struct file file;

    memset(data, 'p', sizeof(data));
    make_image("-t ext4 -b 1024", 512);
    cr_assert_eq(ext4_mount("/x", &dev, false), 0);
    cr_assert_eq(open_file("/f", O_CREAT | O_RDWR, &file), 0);
    ops->space(fs, &before);
    cr_assert_eq(file.ops->pwrite(&file, data, sizeof(data), 0), (ssize_t)sizeof(data));
    ops->space(fs, &full);
    cr_expect_eq(file.ops->punch(&file, 1000, 0), 0);
    cr_expect_eq(file.ops->punch(&file, 1000, 1000), 0, "no whole block");
    ops->space(fs, &after);
    cr_expect_eq(after.bfree, full.bfree);
    cr_expect_eq(file.ops->punch(&file, 1000, sizeof(data) - 1000), 0);
    ops->space(fs, &after);
    cr_expect_geq(after.bfree + 2, before.bfree);
    memset(data + 1024, 0, sizeof(data) - 1024);
    expect_content("/f", data, sizeof(data));
    cr_expect_eq(file.ops->close(&file), 0);
    cr_expect_eq(ops->unmount(fs), 0);
    expect_clean();
    remove_image();
}

Test(pvguest_ext4, a_full_disk_loses_nothing)
{
    static char data[1 << 20];
    struct file file;
    off_t at = 0;
    ssize_t wrote;

    memset(data, 'f', sizeof(data));
    make_image("-t ext4 -b 1024", 512);
    cr_assert_eq(ext4_mount("/x", &dev, false), 0);
    put("/kept", "kept", 4, 0);
    cr_assert_eq(open_file("/full", O_CREAT | O_WRONLY, &file), 0);
    while ((wrote = file.ops->pwrite(&file, data, sizeof(data), at)) > 0)
        at += wrote;
    cr_expect_eq(wrote, -ENOSPC);
    cr_expect_gt(at, 10 << 20);
    cr_expect_eq(file.ops->close(&file), 0);
    cr_expect_eq(ops->unlink(fs, "/full"), 0);
    put("/again", data, sizeof(data), 0);
    expect_content("/again", data, sizeof(data));
    expect_content("/kept", "kept", 4);
    cr_expect_eq(ops->unmount(fs), 0);
    expect_clean();
    remove_image();
}

Test(pvguest_ext4, what_is_no_usable_file_system_is_refused)
{
    make_image("-t ext4 -O inline_data -I 256", 512);
    cr_expect_eq(ext4_mount("/x", &dev, false), -EOPNOTSUPP);
    remove_image();
    make_image("-t ext4", 512);
    cr_assert_eq(run("/sbin/debugfs -w -R 'feature needs_recovery' %s %s >/dev/null 2>&1", ""), 0);
    cr_expect_eq(ext4_mount("/x", &dev, true), -EBADMSG);
    cr_assert_eq(ftruncate(image_fd, 0) || ftruncate(image_fd, IMAGE_SIZE), 0);
    cr_expect_eq(ext4_mount("/x", &dev, false), -EINVAL);
    dev.read_only = true;
    cr_expect_eq(ext4_mount("/x", &dev, false), -EROFS);
    remove_image();
}

Test(pvguest_ext4, a_read_only_mount_changes_nothing)
{
    struct file file;

    make_image("-t ext4", 512);
    dev.read_only = true;
    cr_assert_eq(ext4_mount("/x", &dev, true), 0);
    cr_expect_null(ops->unlink);
    cr_expect_eq(open_file("/f", O_CREAT | O_RDWR, &file), -EROFS);
    cr_expect_eq(open_file("/lost+found", O_RDONLY, &file), 0);
    cr_expect_eq(file.ops->pread(&file, &file, 1, 0), -EISDIR);
    file.ops->close(&file);
    cr_expect_eq(ops->unmount(fs), 0);
    expect_clean();
    remove_image();
}

/* Images with random damage in their metadata: an error or other contents, but no more than that. */
Test(pvguest_ext4, damaged_images)
{
    static char buf[8192];
    struct file file;
    int mounted = 0;

    for (int round = 0; round < 60; round++) {
        make_image("-t ext4 -b 1024 -O ^metadata_csum", 512);
        cr_assert_eq(ext4_mount("/x", &dev, false), 0);
        put("/file", buf, sizeof(buf), 0);
        cr_assert_eq(ops->unmount(fs), 0);
        for (int i = 0; i < 40; i++) {
            char byte = (char)random_below(256);

            cr_assert_eq(pwrite(image_fd, &byte, 1, (off_t)(1024 + random_below(300 * 1024))), 1);
        }
        if (ext4_mount("/x", &dev, round % 2) == 0) {
            int count = 0;

            mounted++;
            ops->list(fs, "/", count_entry, &count);
            if (open_file("/file", round % 2 ? O_RDONLY : O_RDWR, &file) == 0) {
                file.ops->pread(&file, buf, sizeof(buf), 0);
                if (round % 2 == 0)
                    file.ops->pwrite(&file, buf, sizeof(buf), 5000);
                file.ops->close(&file);
            }
            ops->unmount(fs);
        }
        close(image_fd);
        unlink(image);
    }
    cr_expect_gt(mounted, 5);
}

/* ---- power failures ---- */

#define PAGES  6
#define ROUNDS 3

/* As a database does it: what is overwritten is saved in a journal first, whose removal is the commit.
 * Returns the last version that was committed before the power failed. */
static unsigned int commit_versions(void)
{
    static char page[1024];
    unsigned int committed = 0;
    struct file journal, db;

    cr_assert_eq(open_file("/db", O_RDWR, &db), 0);
    for (unsigned int version = 1; version <= ROUNDS; version++) {
        off_t at = 0;

        cr_assert_eq(open_file("/journal", O_CREAT | O_EXCL | O_RDWR, &journal), 0);
        memset(page, (int)version - 1, sizeof(page));
        for (int i = 0; i < PAGES; i++, at += 4 + (off_t)sizeof(page)) {
            cr_assert_eq(journal.ops->pwrite(&journal, &i, 4, at), 4);
            cr_assert_eq(journal.ops->pwrite(&journal, page, sizeof(page), at + 4), (ssize_t)sizeof(page));
        }
        cr_assert_eq(journal.ops->sync(&journal), 0);
        memset(page, (int)version, sizeof(page));
        for (int i = 0; i < PAGES; i++)
            cr_assert_eq(db.ops->pwrite(&db, page, sizeof(page), i * (off_t)sizeof(page)),
                         (ssize_t)sizeof(page));
        cr_assert_eq(db.ops->sync(&db), 0);
        cr_assert_eq(journal.ops->close(&journal), 0);
        cr_assert_eq(ops->unlink(fs, "/journal"), 0);
        if (nr_writes <= power)
            committed = version;
    }
    cr_assert_eq(db.ops->close(&db), 0);
    return committed;
}

/* The database is one version, or the journal has all of one. */
static void expect_version(unsigned int committed)
{
    static char db[PAGES * 1024 + 1], saved[PAGES * 1028 + 1];
    bool whole = true, complete = false;
    struct file file;

    cr_assert_eq(open_file("/db", O_RDONLY, &file), 0);
    cr_assert_eq(file.ops->pread(&file, db, sizeof(db), 0), PAGES * 1024);
    file.ops->close(&file);
    for (unsigned int i = 0; i < PAGES * 1024; i++)
        whole &= db[i] == db[0];
    if (open_file("/journal", O_RDONLY, &file) == 0) {
        ssize_t length = file.ops->pread(&file, saved, sizeof(saved), 0);

        for (ssize_t i = 0; i < length; i++)
            cr_assert(i % 1028 < 4 || saved[i] == 0 || saved[i] == (char)committed,
                      "what was deleted is in the new journal");
        complete = length == PAGES * 1028;
        for (int i = 0; complete && i < PAGES * 1028; i++)
            complete = saved[i] == (i % 1028 < 4 ? (i % 1028 ? 0 : i / 1028) : saved[4]);
        file.ops->close(&file);
    }
    cr_expect(whole ? (unsigned int)db[0] >= committed : complete && (unsigned int)saved[4] >= committed,
              "version %u is lost: %d %d", committed, db[0], complete);
}

/* Returns how many writes there were to be. */
static unsigned int fail_power_after(unsigned int writes, const char *options)
{
    static char first[PAGES * 1024];
    unsigned int committed, power_was = writes;
    void *abandoned;

    make_image(options, 512);
    cr_assert_eq(ext4_mount("/x", &dev, false), 0);
    put("/db", first, sizeof(first), 0);
    cr_assert_eq(ops->sync(fs), 0);
    nr_writes = 0;
    power = writes;
    committed = commit_versions();
    power = UINT_MAX;
    abandoned = fs;
    if (nr_writes > writes)
        cr_assert_eq(pwrite(image_fd, left_by_power, IMAGE_SIZE, 0), IMAGE_SIZE);
    writes = nr_writes;
    cr_assert_eq(ext4_mount("/x", &dev, false), 0, "%s, power for %u of %u writes", options, power_was,
                 writes);
    expect_version(committed);
    cr_expect_eq(ops->unmount(fs), 0);
    expect_clean_but_for_orphans();
    dead = true;
    ops->unmount(abandoned);
    dead = false;
    remove_image();
    return writes;
}

Test(pvguest_ext4, power_fails_after_any_write)
{
    static const char *const kinds[] = { "-t ext4 -b 1024", "-t ext2 -b 1024", "-t ext4 -b 4096" };

    for (int i = 0; i < 3; i++) {
        unsigned int writes = 0;

        while (writes < fail_power_after(writes, kinds[i]))
            writes++;
        cr_expect_gt(writes, 20);
    }
}

Test(pvguest_ext4, small_pieces_are_written_together)
{
    struct file file;

    make_image("-t ext4 -b 1024", 512);
    cr_assert_eq(ext4_mount("/x", &dev, false), 0);
    cr_assert_eq(open_file("/log", O_CREAT | O_WRONLY, &file), 0);
    nr_writes = 0;
    for (int i = 0; i < 200; i++)
        cr_assert_eq(file.ops->pwrite(&file, "0123456789abcdef0123456789abcdef", 32, i * 32), 32);
    cr_expect_eq(file.ops->sync(&file), 0);
    cr_expect_leq(nr_writes, 8, "%u writes", nr_writes);
    cr_expect_eq(file.ops->close(&file), 0);
    cr_expect_eq(ops->unmount(fs), 0);
    expect_clean();
    remove_image();
}

Test(pvguest_ext4, errors_of_late_writes_are_said_once)
{
    struct file file;

    make_image("-t ext4 -b 1024", 512);
    cr_assert_eq(ext4_mount("/x", &dev, false), 0);
    cr_assert_eq(open_file("/f", O_CREAT | O_WRONLY, &file), 0);
    cr_expect_eq(file.ops->sync(&file), 0);
    cr_expect_eq(file.ops->pwrite(&file, "x", 1, 0), 1);
    failing = true;
    cr_expect_eq(file.ops->sync(&file), -EIO);
    failing = false;
    cr_expect_eq(file.ops->sync(&file), 0);
    cr_expect_eq(file.ops->pwrite(&file, "x", 1, 0), 1);
    cr_expect_eq(file.ops->close(&file), 0);
    cr_expect_eq(ops->unmount(fs), 0);
    remove_image();
}
