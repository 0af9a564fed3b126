/* SPDX-License-Identifier: MIT */
#include "dom0_tools/shell/command.h"
#include "dom0_tools/shell/words.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

void command_register(struct command_set *set, const struct command *table, size_t nr)
{
    if (set->tables == COMMAND_TABLES)
        return;
    set->table[set->tables] = table;
    set->nr[set->tables] = nr;
    set->tables++;
}

static const struct command *find_in(const struct command *table, size_t nr, const char *name)
{
    for (size_t i = 0; i < nr; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

const struct command *command_find(const struct command_set *set, const char *name)
{
    for (size_t t = 0; t < set->tables; t++) {
        const struct command *found = find_in(set->table[t], set->nr[t], name);

        if (found != NULL)
            return found;
    }
    return NULL;
}

/* The subcommands of a command as a set of their own. */
static struct command_set subset(const struct command *command)
{
    return (struct command_set){
        .table = { command->subcommands },
        .nr = { command->nr_subcommands },
        .tables = 1,
    };
}

/* Says that a name is unknown, and the known one that is at most two slips away. */
static void report_unknown(const struct command_set *set, const char *what, const char *name)
{
    const char *nearest = NULL;
    size_t best = 3;

    for (size_t t = 0; t < set->tables; t++) {
        for (size_t i = 0; i < set->nr[t]; i++) {
            const char *candidate = set->table[t][i].name;
            size_t distance = edit_distance(name, candidate);

            if (distance < best && distance < strlen(candidate)) {
                best = distance;
                nearest = candidate;
            }
        }
    }
    fprintf(stderr, "%s: %s not found", name, what);
    if (nearest != NULL)
        fprintf(stderr, ". Did you mean '%s'?\n", nearest);
    else
        fprintf(stderr, "; 'help' lists what there is\n");
}

static void print_usage(FILE *out, const char *prefix, const struct command *command)
{
    const char *space = command->arguments[0] == '\0' ? "" : " ";

    fprintf(out, "usage: %s%s%s%s\n", prefix, command->name, space, command->arguments);
}

static void print_list(const char *prefix, const struct command *table, size_t nr)
{
    for (size_t i = 0; i < nr; i++)
        printf("  %s%-*s %s\n", prefix, (int)(16 - strlen(prefix)), table[i].name, table[i].summary);
}

static int print_help(const char *prefix, const struct command *command)
{
    char inner[64];

    print_usage(stdout, prefix, command);
    printf("%s\n", command->summary);
    if (command->options != NULL)
        printf("%s", command->options);
    snprintf(inner, sizeof(inner), "%s ", command->name);
    print_list(inner, command->subcommands, command->nr_subcommands);
    return COMMAND_OK;
}

/* Help on the command that the words name, which stands behind `prefix`. */
static int help_in(const struct command_set *set, const char *prefix, int argc, char **argv)
{
    const struct command *command = command_find(set, argv[0]);
    struct command_set inner;
    char inner_prefix[64];

    if (command == NULL) {
        report_unknown(set, "command", argv[0]);
        return COMMAND_FAIL;
    }
    if (argc == 1 || command->subcommands == NULL)
        return print_help(prefix, command);
    inner = subset(command);
    snprintf(inner_prefix, sizeof(inner_prefix), "%s%s ", prefix, command->name);
    return help_in(&inner, inner_prefix, argc - 1, argv + 1);
}

int command_help(const struct command_set *set, int argc, char **argv)
{
    if (argc > 0)
        return help_in(set, "", argc, argv);
    for (size_t t = 0; t < set->tables; t++)
        print_list("", set->table[t], set->nr[t]);
    return COMMAND_OK;
}

/* The letter that the command has for an option's long name, or NUL. It has some long names. */
static char option_letter(const struct command *command, const char *name, size_t length)
{
    const char *at = command->long_options;

    while (*at != '\0') {
        size_t known = strcspn(at, "=");

        if (known == length && strncmp(at, name, length) == 0)
            return at[known + 1];
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    return '\0';
}

/* "--name" and "--name=value" become what getopt() takes apart: "-n", "-nvalue". False, with a message, if
 * the command has long names and not that one. */
static bool shorten_options(const struct command *command, int argc, char **argv)
{
    for (int i = 1; command->long_options != NULL && i < argc && strcmp(argv[i], "--") != 0; i++) {
        size_t length = strcspn(argv[i], "="), skip = length + (argv[i][length] == '=');
        char letter;

        if (strncmp(argv[i], "--", 2) != 0)
            continue;
        letter = option_letter(command, argv[i] + 2, length - 2);
        if (letter == '\0') {
            fprintf(stderr, "%s: there is no option '%.*s'\n", argv[0], (int)length, argv[i]);
            return false;
        }
        argv[i][1] = letter;
        memmove(argv[i] + 2, argv[i] + skip, strlen(argv[i] + skip) + 1);
    }
    return true;
}

static int run_command(const char *prefix, const struct command *command, int argc, char **argv)
{
    int result;

    /* A command of its own may have another use for -h; those within another, as xl's, have none. */
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || (*prefix != '\0' && strcmp(argv[1], "-h") == 0)))
        return print_help(prefix, command);
    optind = 0; /* getopt() starts over, whatever the last command left */
    result = shorten_options(command, argc, argv) ? command->run(argc, argv) : COMMAND_USAGE;
    if (result == COMMAND_USAGE)
        print_usage(stderr, prefix, command);
    return result;
}

static int run_subcommand(const struct command *command, int argc, char **argv)
{
    const struct command_set set = subset(command);
    const struct command *sub;
    char prefix[64];

    snprintf(prefix, sizeof(prefix), "%s ", command->name);
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        return argc > 2 ? help_in(&set, prefix, argc - 2, argv + 2) : print_help("", command);
    }
    sub = command_find(&set, argv[1]);
    if (sub == NULL) {
        snprintf(prefix, sizeof(prefix), "'%s' command", command->name);
        report_unknown(&set, prefix, argv[1]);
        return COMMAND_FAIL;
    }
    return run_command(prefix, sub, argc - 1, argv + 1);
}

int command_run(const struct command_set *set, int argc, char **argv)
{
    const struct command *command = command_find(set, argv[0]);

    if (command == NULL) {
        report_unknown(set, "command", argv[0]);
        return COMMAND_FAIL;
    }
    if (command->subcommands != NULL)
        return run_subcommand(command, argc, argv);
    return run_command("", command, argc, argv);
}

static void complete_names(const struct command_set *set, const char *word, struct completions *list)
{
    for (size_t t = 0; t < set->tables; t++)
        for (size_t i = 0; i < set->nr[t]; i++)
            if (strncmp(set->table[t][i].name, word, strlen(word)) == 0)
                completions_add(list, set->table[t][i].name);
}

/* The options that its help names: each stands at the beginning of a line. */
static void complete_options(const struct command *command, const char *word, struct completions *list)
{
    const char *line = command->options;

    if (strncmp("--help", word, strlen(word)) == 0)
        completions_add(list, "--help");
    while (line != NULL && *line != '\0') {
        const char *end = strchr(line, '\n');
        char option[32];

        line += strspn(line, " ");
        snprintf(option, sizeof(option), "%.*s", (int)strcspn(line, " ,\n"), line);
        if (*option == '-' && strncmp(option, word, strlen(word)) == 0)
            completions_add(list, option);
        line = end != NULL ? end + 1 : NULL;
    }
}

/* Where the last word of the text begins. */
static const char *last_word(const char *text)
{
    const char *space = strrchr(text, ' ');

    return space == NULL ? text : space + 1;
}

void command_complete(const struct command_set *set, const char *before_cursor, struct completions *list)
{
    const char *word = last_word(before_cursor);
    const struct command *command;
    struct command_set inner;
    struct words words;
    char front[LINE_MAX_BYTES];
    int at = 0;

    list->start = (size_t)(word - before_cursor);
    snprintf(front, sizeof(front), "%.*s", (int)list->start, before_cursor);
    if (words_split(&words, front) != NULL)
        return;
    if (at < words.argc && strcmp(words.argv[at], "help") == 0)
        at++;
    for (inner = *set; at < words.argc; at++) {
        command = command_find(&inner, words.argv[at]);
        if (command == NULL)
            return;
        if (command->subcommands == NULL && *word == '-') {
            complete_options(command, word, list);
            return;
        }
        if (command->subcommands == NULL) {
            if (command->complete != NULL)
                command->complete(word, list);
            return;
        }
        inner = subset(command);
    }
    complete_names(&inner, word, list);
}
