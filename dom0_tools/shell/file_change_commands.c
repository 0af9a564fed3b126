/* SPDX-License-Identifier: MIT */
/* cp, mv, rm, mkdir, rmdir and sync. */
#include "dom0_tools/shell/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_SIZE 65536

static int fail(const char *command, const char *path)
{
    fprintf(stderr, "%s: %s: %s\n", command, path, strerror(errno));
    return COMMAND_FAIL;
}

/* Writes all of it; false with errno. */
static bool write_all(int fd, const char *data, ssize_t length)
{
    while (length > 0) {
        ssize_t wrote = write(fd, data, (size_t)length);

        if (wrote <= 0)
            return false;
        data += wrote;
        length -= wrote;
    }
    return true;
}

static int copy_contents(int from, int to, const char *from_path, const char *to_path)
{
    char *buf = malloc(COPY_SIZE);
    int result = COMMAND_OK;
    ssize_t got;

    if (buf == NULL)
        return fail("cp", from_path);
    while (result == COMMAND_OK && (got = read(from, buf, COPY_SIZE)) != 0) {
        if (got < 0)
            result = fail("cp", from_path);
        else if (!write_all(to, buf, got))
            result = fail("cp", to_path);
    }
    free(buf);
    return result;
}

static int copy(const char *from_path, const char *to_path)
{
    int from = open(from_path, O_RDONLY), to, result;
    struct stat st;

    if (from < 0)
        return fail("cp", from_path);
    if (fstat(from, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(from);
        errno = EISDIR;
        return fail("cp", from_path);
    }
    to = open(to_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (to < 0) {
        result = fail("cp", to_path);
    } else {
        result = copy_contents(from, to, from_path, to_path);
        close(to);
    }
    close(from);
    return result;
}

static int move(const char *from, const char *to)
{
    return rename(from, to) != 0 ? fail("mv", from) : COMMAND_OK;
}

/* Calls fn for each of `from` ... `to`'s pair: the last argument is where the others go, a directory if they
 * are many. */
static int each_to_last(int argc, char **argv, int (*fn)(const char *from, const char *to))
{
    const char *target = argv[argc - 1];
    int result = COMMAND_OK;
    struct stat st;
    bool directory = argc > 1 && stat(target, &st) == 0 && S_ISDIR(st.st_mode);

    if (argc < 3 || (argc > 3 && !directory)) {
        fprintf(stderr, "%s: %s\n", argv[0],
                argc < 3 ? "two names are wanted" : "the last name is no directory");
        return COMMAND_USAGE;
    }
    for (int i = 1; i < argc - 1; i++) {
        const char *slash = strrchr(argv[i], '/');
        char path[512];
        int length = snprintf(path, sizeof(path), "%s/%s", target, slash ? slash + 1 : argv[i]);

        if (directory && (size_t)length >= sizeof(path)) {
            errno = ENAMETOOLONG;
            result |= fail(argv[0], argv[i]);
        } else {
            result |= fn(argv[i], directory ? path : target);
        }
    }
    return result;
}

static int run_cp(int argc, char **argv)
{
    return each_to_last(argc, argv, copy);
}

static int run_mv(int argc, char **argv)
{
    return each_to_last(argc, argv, move);
}

/* Calls fn, which returns 0 or sets errno, for each argument. */
static int each(int argc, char **argv, int (*fn)(const char *path))
{
    int result = COMMAND_OK;

    if (argc < 2) {
        fprintf(stderr, "%s: no name given\n", argv[0]);
        return COMMAND_USAGE;
    }
    for (int i = 1; i < argc; i++)
        if (fn(argv[i]) != 0)
            result |= fail(argv[0], argv[i]);
    return result;
}

static int make_directory(const char *path)
{
    return mkdir(path, 0755);
}

static int run_rm(int argc, char **argv)
{
    return each(argc, argv, unlink);
}

static int run_mkdir(int argc, char **argv)
{
    return each(argc, argv, make_directory);
}

static int run_rmdir(int argc, char **argv)
{
    return each(argc, argv, rmdir);
}

static int run_sync(int argc, char **argv)
{
    (void)argc, (void)argv;
    sync();
    return COMMAND_OK;
}

const struct command file_change_commands[] = {
    { .name = "cp",
      .arguments = "FILE... FILE|DIRECTORY",
      .summary = "copy files",
      .run = run_cp,
      .complete = shell_complete_path },
    { .name = "mv",
      .arguments = "FILE... FILE|DIRECTORY",
      .summary = "rename files, or move them to another directory of the same file system",
      .run = run_mv,
      .complete = shell_complete_path },
    { .name = "rm",
      .arguments = "FILE...",
      .summary = "remove files",
      .run = run_rm,
      .complete = shell_complete_path },
    { .name = "mkdir", .arguments = "DIRECTORY...", .summary = "make directories", .run = run_mkdir },
    { .name = "rmdir",
      .arguments = "DIRECTORY...",
      .summary = "remove empty directories",
      .run = run_rmdir,
      .complete = shell_complete_path },
    { .name = "sync", .arguments = "", .summary = "write back what file systems hold", .run = run_sync },
};
const size_t file_change_nr_commands = sizeof(file_change_commands) / sizeof(file_change_commands[0]);
