/* SPDX-License-Identifier: MIT */
/*
 * The command line, in Xen's style. Options are separated by spaces: `name`, `no-name` and `name=value`; a
 * space inside a value stands between double quotes (console="a b"). Each parameter is declared next to the
 * variable it sets, with one of the *_param() macros; the linker collects them in .data.params. A later
 * option overrides an earlier one.
 */
#ifndef HV_LIB_CMDLINE_H
#define HV_LIB_CMDLINE_H

#include "hv/lib/types.h"

/* The longest option, with its value and terminator. */
#define CMDLINE_OPTION_SIZE 256

enum cmdline_type {
    PARAM_BOOL,   /* bool: alone, no-, or =yes/on/true/1/no/off/false/0 */
    PARAM_UINT,   /* unsigned integer of `size` bytes, decimal or 0x */
    PARAM_SIZE,   /* the same in bytes, with suffix B K M G T, without one in KiB */
    PARAM_STRING, /* char[size] */
    PARAM_CUSTOM, /* whatever parse() takes */
};

struct cmdline_param {
    const char *name;
    enum cmdline_type type;
    void *var;
    size_t size;
    /* PARAM_CUSTOM: gets "" for `name` and "no" for `no-name`; returns 0 or a negative errno for a bad value.
     */
    int (*parse)(const char *value);
    /* How the option is written, shown when the value is bad; NULL: derived from name and type. */
    const char *form;
};

enum cmdline_problem {
    CMDLINE_UNKNOWN,   /* no such option: ignored */
    CMDLINE_BAD_VALUE, /* the option is ignored, its variable keeps its value */
};

/* Gets one finished sentence for each problem. */
typedef void (*cmdline_report_t)(void *ctx, enum cmdline_problem problem, const char *text);

#define CMDLINE_PARAM(ident, ...)                                                    \
    static const struct cmdline_param param_##ident __used __section(".data.params") \
        __aligned(8) = { __VA_ARGS__ }

#define boolean_param(option, variable)                                                    \
    _Static_assert(sizeof(variable) == sizeof(bool), "boolean parameter of another type"); \
    CMDLINE_PARAM(variable, .name = (option), .type = PARAM_BOOL, .var = &(variable), .size = sizeof(bool))
#define integer_param(option, variable)                                               \
    CMDLINE_PARAM(variable, .name = (option), .type = PARAM_UINT, .var = &(variable), \
                  .size = sizeof(variable))
#define size_param(option, variable)                                                  \
    CMDLINE_PARAM(variable, .name = (option), .type = PARAM_SIZE, .var = &(variable), \
                  .size = sizeof(variable))
#define string_param(option, variable)                                                 \
    CMDLINE_PARAM(variable, .name = (option), .type = PARAM_STRING, .var = (variable), \
                  .size = sizeof(variable))
#define custom_param(option, function, written_as) \
    CMDLINE_PARAM(function, .name = (option), .type = PARAM_CUSTOM, .parse = (function), .form = (written_as))

/* The table that the linker collected. */
extern const struct cmdline_param __param_start[], __param_end[];

/*
 * Sets the variables of table[nr] from the line. Returns the number of bad values (unknown options are
 * reported but not counted). Nothing is written for an option that is reported.
 */
unsigned cmdline_parse(const char *line, const struct cmdline_param *table, size_t nr,
                       cmdline_report_t report, void *ctx);

/*
 * Cuts the line at the word `--`: what follows belongs to dom0's own command line. Returns that rest without
 * leading spaces, "" if there is none.
 */
char *cmdline_split_dom0(char *line);

#endif
