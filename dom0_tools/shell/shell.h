/* SPDX-License-Identifier: MIT */
/* The shell on the console: a service of its own, with one thread. */
#ifndef DOM0_SHELL_SHELL_H
#define DOM0_SHELL_SHELL_H

#include "dom0_tools/shell/command.h"

/* The shell's own commands (help, history, clear, echo) and those on files: looking (ls, cat), changing (cp,
 * rm ...). */
extern const struct command shell_commands[];
extern const size_t shell_nr_commands;
extern const struct command file_change_commands[];
extern const size_t file_change_nr_commands;
extern const struct command file_commands[];
extern const size_t file_nr_commands;

/*
 * Starts the console's shell: prompts, reads lines and runs the commands of the set, which must stay. It
 * never ends. Returns 0, or -1 without memory. Once.
 */
int shell_start(const struct command_set *commands);

/* Waits for the shell; that is, for ever. */
void shell_join(void);

/* The commands and the lines entered so far, for commands that show them. */
const struct command_set *shell_command_set(void);
const struct history *shell_history(void);

/* Adds the paths that begin with word. */
void shell_complete_path(const char *word, struct completions *list);

#endif
