/* SPDX-License-Identifier: MIT */
/* ls and cat, on the files of the archive that dom0 was started with. */
#include "dom0_tools/shell/shell.h"
#include "dom0_tools/shell/table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_SIZE 512

static int fail(const char *command, const char *path)
{
    fprintf(stderr, "%s: %s: %s\n", command, path, strerror(errno));
    return COMMAND_FAIL;
}

static void join_path(char *path, const char *directory, const char *name)
{
    size_t len = strlen(directory);

    snprintf(path, PATH_SIZE, "%s%s%s", directory, len > 0 && directory[len - 1] != '/' ? "/" : "", name);
}

struct ls_options {
    bool all, details, one_per_line;
};

static void mode_letters(char *letters, mode_t mode)
{
    snprintf(letters, 11, "%crwxrwxrwx", S_ISDIR(mode) ? 'd' : '-');
    for (int bit = 0; bit < 9; bit++)
        if ((mode >> (8 - bit) & 1) == 0)
            letters[1 + bit] = '-';
}

static int print_details(const char *path, const char *name)
{
    char letters[11], date[20];
    struct stat st;

    if (stat(path, &st) != 0)
        return fail("ls", path);
    mode_letters(letters, st.st_mode);
    strftime(date, sizeof(date), "%Y-%m-%d %H:%M", gmtime(&st.st_mtime));
    printf("%s %8ld %s %s%s\n", letters, (long)st.st_size, date, name, S_ISDIR(st.st_mode) ? "/" : "");
    return COMMAND_OK;
}

static void print_line(void *ctx, const char *text)
{
    (void)ctx;
    printf("%s\n", text);
}

/* The names in a directory, those of directories with a slash. False with errno if it cannot be read. */
static bool read_directory(const char *path, bool all, const char *prefix, struct completions *names)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    if (dir == NULL)
        return false;
    while ((entry = readdir(dir)) != NULL) {
        char name[PATH_SIZE], full[PATH_SIZE];
        struct stat st;

        if ((entry->d_name[0] == '.' && !all) || strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        join_path(full, path, entry->d_name);
        snprintf(name, sizeof(name), "%s%s", entry->d_name,
                 stat(full, &st) == 0 && S_ISDIR(st.st_mode) ? "/" : "");
        completions_add(names, name);
    }
    closedir(dir);
    return true;
}

static int list_directory(const char *path, const struct ls_options *options)
{
    struct completions names = { 0 };
    int result = COMMAND_OK;

    if (!read_directory(path, options->all, "", &names))
        return fail("ls", path);
    for (size_t i = 0; options->details && i < names.nr; i++) {
        char full[PATH_SIZE];

        names.word[i][strcspn(names.word[i], "/")] = '\0';
        join_path(full, path, names.word[i]);
        result |= print_details(full, names.word[i]);
    }
    if (!options->details)
        table_columns(names.word, names.nr, options->one_per_line ? 1 : LINE_COLUMNS, print_line, NULL);
    completions_free(&names);
    return result;
}

static int list_path(const char *path, const struct ls_options *options, bool heading)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return fail("ls", path);
    if (!S_ISDIR(st.st_mode) && options->details)
        return print_details(path, path);
    if (!S_ISDIR(st.st_mode)) {
        printf("%s\n", path);
        return COMMAND_OK;
    }
    if (heading)
        printf("%s:\n", path);
    return list_directory(path, options);
}

static int run_ls(int argc, char **argv)
{
    struct ls_options options = { 0 };
    int c, result = COMMAND_OK;

    while ((c = getopt(argc, argv, "al1")) != -1) {
        if (c == '?')
            return COMMAND_USAGE;
        options.all |= c == 'a';
        options.details |= c == 'l';
        options.one_per_line |= c == '1';
    }
    if (optind == argc)
        return list_path("/", &options, false);
    for (int i = optind; i < argc; i++)
        result |= list_path(argv[i], &options, argc - optind > 1);
    return result;
}

/* Writes a file to the console, which wants CR LF only from the library below: bytes go as they are. */
static int print_file(const char *path)
{
    char buf[1024];
    ssize_t got;
    int fd = open(path, O_RDONLY);

    if (fd < 0)
        return fail("cat", path);
    while ((got = read(fd, buf, sizeof(buf))) > 0)
        fwrite(buf, 1, (size_t)got, stdout);
    close(fd);
    return got < 0 ? fail("cat", path) : COMMAND_OK;
}

static int run_cat(int argc, char **argv)
{
    int result = COMMAND_OK;

    if (getopt(argc, argv, "") != -1)
        return COMMAND_USAGE;
    if (optind == argc) {
        fprintf(stderr, "cat: no file given\n");
        return COMMAND_USAGE;
    }
    for (int i = optind; i < argc; i++)
        result |= print_file(argv[i]);
    return result;
}

void shell_complete_path(const char *word, struct completions *list)
{
    struct completions names = { 0 };
    const char *slash = strrchr(word, '/');
    size_t directory_len = slash == NULL ? 0 : (size_t)(slash - word) + 1;
    char directory[PATH_SIZE], full[2 * PATH_SIZE];

    if (directory_len >= sizeof(directory))
        return;
    memcpy(directory, word, directory_len);
    directory[directory_len] = '\0';
    if (read_directory(directory_len == 0 ? "/" : directory, false, word + directory_len, &names)) {
        for (size_t i = 0; i < names.nr; i++) {
            snprintf(full, sizeof(full), "%s%s", directory, names.word[i]);
            completions_add(list, full);
        }
    }
    completions_free(&names);
}

const struct command file_commands[] = {
    { .name = "ls",
      .arguments = "[-al1] [PATH...]",
      .summary = "list files",
      .options = "  -a  also those whose name begins with a dot\n"
                 "  -l  with mode, size and date\n"
                 "  -1  one per line\n",
      .run = run_ls,
      .complete = shell_complete_path },
    { .name = "cat",
      .arguments = "FILE...",
      .summary = "print files",
      .run = run_cat,
      .complete = shell_complete_path },
};
const size_t file_nr_commands = sizeof(file_commands) / sizeof(file_commands[0]);
