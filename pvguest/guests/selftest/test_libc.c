/* SPDX-License-Identifier: MIT */
#include "pvguest/memory.h"
#include "pvguest/guests/selftest/selftest.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int getentropy(void *buf, size_t length);

void test_stdio(void)
{
    char text[80];

    snprintf(text, sizeof(text), "%zu %lld %.3f %s %hhx", (size_t)7, -5LL, 2.5, "x", 0x1ff);
    check(strcmp(text, "7 -5 2.500 x ff") == 0);
    check(isatty(1) && isatty(0));
    check(write(99, "x", 1) == -1 && errno == EBADF);
    check(lseek(1, 0, SEEK_SET) == -1 && errno == ESPIPE);
}

static bool have_archive(void)
{
    if (!start_info->mod_len)
        skip_reason = "no archive as second module";
    return start_info->mod_len != 0;
}

void test_files(void)
{
    char line[64];
    struct stat st;
    FILE *file;
    int fd;

    check(open("/nowhere", O_RDONLY) == -1 && errno == ENOENT);
    if (!have_archive())
        return;
    file = fopen("/etc/motd", "r");
    check(file);
    check(fgets(line, sizeof(line), file));
    check(strcmp(line, "line one\n") == 0);
    check(fgets(line, sizeof(line), file) && strcmp(line, "line two\n") == 0);
    check(!fgets(line, sizeof(line), file) && feof(file));
    fclose(file);
    check(stat("etc/../etc//motd", &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 18);
    fd = open("/etc/motd", O_RDONLY);
    check(fd > 2);
    check(lseek(fd, -4, SEEK_END) == 14 && read(fd, line, 10) == 4 && memcmp(line, "two\n", 4) == 0);
    check(read(fd, line, 10) == 0);
    check(lseek(fd, -1, SEEK_SET) == -1 && errno == EINVAL);
    check(close(fd) == 0 && close(fd) == -1 && errno == EBADF);
    check(open("/etc/motd", O_WRONLY) == -1 && errno == EROFS);
    check(open("/new", O_CREAT | O_WRONLY, 0666) == -1 && errno == EROFS);
}

void test_directories(void)
{
    struct dirent *entry;
    char names[128] = "";
    DIR *dir;

    check(!opendir("/nowhere") && errno == ENOENT);
    if (!have_archive())
        return;
    check(!opendir("/etc/motd") && errno == ENOTDIR);
    dir = opendir("/etc");
    check(dir);
    while ((entry = readdir(dir)) != NULL) {
        strcat(names, entry->d_name);
        strcat(names, entry->d_type == DT_DIR ? "/ " : " ");
    }
    check(closedir(dir) == 0);
    check(strcmp(names, "deep/ motd motd-2 ") == 0);
}

void test_entropy(void)
{
    unsigned long a[4] = { 0 }, b[4] = { 0 };

    check(getentropy(a, sizeof(a)) == 0 && getentropy(b, sizeof(b)) == 0);
    for (int i = 0; i < 4; i++)
        check(a[i] && b[i] && a[i] != b[i]);
    check(getentropy(a, 257) == -1);
}
