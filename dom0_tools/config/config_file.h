/* SPDX-License-Identifier: MIT */
/*
 * Configuration files in xl's syntax: `key = value` (or `key += value`, which appends to a string or list),
 * one a line or separated by semicolons. A value is a 'string' or a "string" (\ takes the next character as
 * it is, \n \t \r \\ ... as in C), a number (decimal, 0x hexadecimal, 0 octal), or a list of values: [ 'a',
 * "b", 3, ]. A list may go over several lines. # begins a comment. Pure logic; the text is untrusted.
 */
#ifndef DOM0_CONFIG_CONFIG_FILE_H
#define DOM0_CONFIG_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for a message: what is wrong, and where: "name:line:column: ...". */
#define CONFIG_ERROR_SIZE 256

#define CONFIG_MAX_BYTES 65536 /* of a text */
#define CONFIG_MAX_DEPTH 8     /* of lists in lists */

enum config_type { CONFIG_STRING, CONFIG_NUMBER, CONFIG_LIST };

struct config_value {
    enum config_type type;
    unsigned int line, column; /* where it begins, counted from 1; line 0: on the command line */
    char *text;                /* of a string, and of a number as it is written */
    int64_t number;
    struct config_value *item; /* of a list */
    size_t nr;
};

struct config_setting {
    char *key;
    struct config_value value;
    bool used; /* somebody has asked for it */
};

struct config_file {
    char *name; /* for messages */
    struct config_setting *setting;
    size_t nr, room;
};

/* Starts without settings. */
void config_init(struct config_file *file, const char *name);
void config_free(struct config_file *file);

/* Adds the settings of a text; a later one replaces an earlier one of that key. False with a message, and
 * what was read up to there stays. */
bool config_parse(struct config_file *file, const char *text, size_t size, char *error);

/* Adds a `key=value` of a command line, where a string needs no quotes. The message names it as it stands. */
bool config_override(struct config_file *file, const char *assignment, char *error);

/* The value of a key, or NULL. The key then counts as used. */
const struct config_value *config_find(struct config_file *file, const char *key);

/* The value of a key if it is there, of the type that is asked for; otherwise *value stays as it is. False
 * with a message when it is of another type, or the number not within [min, max]. */
bool config_string(struct config_file *file, const char *key, const char **value, char *error);
bool config_number(struct config_file *file, const char *key, int64_t min, int64_t max, int64_t *value,
                   char *error);
/* Room for where a value stands. */
#define CONFIG_WHERE_SIZE 96
/* Writes "name:line:column", or "command line". */
void config_where(const struct config_file *file, const struct config_value *at,
                  char where[CONFIG_WHERE_SIZE]);

/* Writes where the value stands and the formatted text; false, so that a check can return it. */
bool config_error(const struct config_file *file, const struct config_value *at, char *error,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Calls fn for each key that nobody has asked for. */
void config_unused(const struct config_file *file,
                   void (*fn)(void *arg, const struct config_setting *setting), void *arg);

#endif
