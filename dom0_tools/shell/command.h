/* SPDX-License-Identifier: MIT */
/*
 * Commands: tables of them, how a line finds its command, help, completion. Libraries bring their own tables
 * and register them; a command may have subcommands, which are a table again (`xl list`).
 */
#ifndef DOM0_SHELL_COMMAND_H
#define DOM0_SHELL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "dom0_tools/shell/line_editor.h"

/* What run() returns. */
#define COMMAND_OK    0
#define COMMAND_FAIL  1 /* it has said why */
#define COMMAND_USAGE 2 /* wrong arguments, it has said which: the usage line is shown */

struct command {
    const char *name;
    const char *arguments;    /* as in a usage line: "[-c] FILE..." */
    const char *summary;      /* what it does, in some words */
    const char *options;      /* lines on options and arguments for its help, or NULL */
    const char *long_options; /* other names of option letters, as "quiet=q file=f", or NULL */
    /* argv[0] is the name. getopt() begins anew for each. */
    int (*run)(int argc, char **argv);
    /* Adds the words that could stand where `word` (perhaps empty) begins; NULL if there is nothing to say.
     */
    void (*complete)(const char *word, struct completions *list);
    const struct command *subcommands; /* or NULL; then run is NULL */
    size_t nr_subcommands;
};

#define COMMAND_TABLES 32

struct command_set {
    const struct command *table[COMMAND_TABLES];
    size_t nr[COMMAND_TABLES];
    size_t tables;
};

/* Adds a table; its commands must not be in the set. The table must stay. */
void command_register(struct command_set *set, const struct command *table, size_t nr);

/* The command of that name, or NULL. */
const struct command *command_find(const struct command_set *set, const char *name);

/*
 * Runs the command that argv names; errors are printed on stderr with the usage line, an unknown name with
 * the nearest known one. Returns COMMAND_OK, _FAIL or _USAGE.
 */
int command_run(const struct command_set *set, int argc, char **argv);

/* Fills list for the text before the cursor: names, names of subcommands, or what the command itself says. */
void command_complete(const struct command_set *set, const char *before_cursor, struct completions *list);

/* Prints the list of all commands, or help on the command that argv[0], argv[1]... name. Returns as
 * command_run(). */
int command_help(const struct command_set *set, int argc, char **argv);

/* The number of single-character insertions, removals, replacements and swaps that make b out of a. */
size_t edit_distance(const char *a, const char *b);

#endif
