/* SPDX-License-Identifier: MIT */
/* What every writable file system must do, tried on the one in memory; and what the mount table must refuse.
 */
#include "pvguest/fs.h"
#include "pvguest/guests/selftest/selftest.h"
#include "pvguest/memory.h"
#include "pvguest/ramfs.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void check_offsets(void)
{
    char line[16] = "";
    struct stat st;
    int fd = open("a", O_CREAT | O_EXCL | O_RDWR, 0640);

    check(fd > 2);
    check(write(fd, "hello", 5) == 5 && pwrite(fd, "J", 1, 0) == 1 && lseek(fd, 0, SEEK_CUR) == 5);
    check(pread(fd, line, sizeof(line), 0) == 5 && memcmp(line, "Jello", 5) == 0);
    check(lseek(fd, 9000, SEEK_SET) == 9000 && write(fd, "!", 1) == 1);
    check(pread(fd, line, 2, 8999) == 2 && line[0] == 0 && line[1] == '!');
    check(fstat(fd, &st) == 0 && st.st_size == 9001 && S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0640);
    check(ftruncate(fd, 3) == 0 && ftruncate(fd, 6) == 0);
    check(pread(fd, line, sizeof(line), 0) == 6 && memcmp(line, "Jel\0\0\0", 6) == 0);
    check(fsync(fd) == 0 && close(fd) == 0);
    check(open("a", O_CREAT | O_EXCL | O_RDWR, 0640) == -1 && errno == EEXIST);
    fd = open("a", O_WRONLY | O_APPEND | O_TRUNC);
    check(fd > 2 && write(fd, "1", 1) == 1 && lseek(fd, 0, SEEK_SET) == 0 && write(fd, "2", 1) == 1);
    check(read(fd, line, 1) == -1 && errno == EBADF);
    check(close(fd) == 0 && stat("a", &st) == 0 && st.st_size == 2);
    fd = open("a", O_RDONLY);
    check(fd > 2 && write(fd, "x", 1) == -1 && errno == EBADF);
    check(close(fd) == 0);
}

static void check_names(void)
{
    struct stat st;
    char line[4] = "";
    int fd;

    check(mkdir("d", 0755) == 0 && mkdir("d", 0755) == -1 && errno == EEXIST);
    check(open("d", O_WRONLY) == -1 && errno == EISDIR);
    check(rename("a", "d/b") == 0 && stat("a", &st) == -1 && errno == ENOENT);
    check(rename("d", "d/e") == -1 && errno == EINVAL);
    check(rmdir("d") == -1 && errno == ENOTEMPTY);
    check(unlink("d") == -1 && errno == EISDIR);
    check(open("d/b/c", O_RDONLY) == -1 && errno == ENOTDIR);
    check(rename("d/b", "/etc/b") == -1 && errno == EXDEV);
    fd = open("c", O_CREAT | O_WRONLY, 0600);
    check(fd > 2 && write(fd, "new", 3) == 3 && close(fd) == 0);
    fd = open("d/b", O_RDWR);
    check(fd > 2 && rename("c", "d/b") == 0);
    check(read(fd, line, 3) == 2 && memcmp(line, "12", 2) == 0);
    check(write(fd, "3", 1) == 1 && close(fd) == 0);
    check(stat("d/b", &st) == 0 && st.st_size == 3);
    check(unlink("d/b") == 0 && rmdir("d") == 0 && rmdir("d") == -1 && errno == ENOENT);
}

static void check_directory(void)
{
    char name[16], seen[64] = "";
    struct dirent *entry;
    DIR *dir;

    for (int i = 0; i < 50; i++) {
        int fd;

        snprintf(name, sizeof(name), "f%d", i);
        fd = open(name, O_CREAT | O_WRONLY, 0600);
        check(fd > 2 && close(fd) == 0);
    }
    dir = opendir(".");
    check(dir);
    while ((entry = readdir(dir)) != NULL) {
        check(entry->d_name[0] == 'f' && entry->d_type == DT_REG);
        seen[atoi(entry->d_name + 1)]++;
    }
    check(closedir(dir) == 0);
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        check(seen[i] == 1 && unlink(name) == 0);
    }
}

void exercise_tree(const char *root)
{
    char cwd[32];

    check(chdir("/nowhere") == -1 && errno == ENOENT);
    check(chdir(root) == 0 && getcwd(cwd, sizeof(cwd)) && strcmp(cwd, root) == 0);
    check(getcwd(cwd, 2) == NULL && errno == ERANGE);
    check_offsets();
    check_names();
    check_directory();
    check(chdir("/") == 0);
}

void test_ram_files(void)
{
    static char block[3 * PAGE_SIZE];
    size_t free_pages = memory_free_pages();
    struct stat st;
    int fd;

    check(fs_mount("relative", "", NULL, NULL) == -EINVAL && ramfs_mount("/tmp", 1) == -EBUSY);
    check(ramfs_mount("/tmp/small/", 3) == 0);
    check(fs_unmount("/tmp") == -EBUSY && fs_unmount("/elsewhere") == -EINVAL);
    exercise_tree("/tmp/small");
    fd = open("/tmp/small/full", O_CREAT | O_WRONLY, 0600);
    check(fd > 2 && fs_unmount("/tmp/small") == -EBUSY);
    check(write(fd, block, sizeof(block)) == sizeof(block) && write(fd, block, 1) == -1 && errno == EFBIG);
    check(lseek(fd, 0, SEEK_SET) == 0 && close(fd) == 0);
    fd = open("/tmp/small/more", O_CREAT | O_WRONLY, 0600);
    check(fd > 2 && write(fd, block, 1) == -1 && errno == ENOSPC && close(fd) == 0);
    check(fs_unmount("/tmp/small") == 0);
    check(stat("/tmp/small/full", &st) == -1 && errno == ENOENT);
    check(memory_free_pages() + 16 >= free_pages); /* the C heap may have grown */
}
