/* SPDX-License-Identifier: MIT */
/* The command `xl`: Xen's toolstack command, with its subcommands. */
#ifndef DOM0_XL_XL_H
#define DOM0_XL_XL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>

#include "dom0_tools/shell/command.h"

/* What the shell registers. */
extern const struct command xl_commands[];
extern const size_t xl_nr_commands;

/* Prints "what: reason" on stderr for a negated Xen errno; returns COMMAND_FAIL. */
int xl_fail(const char *what, int error);

/* Prints that the text names no domain; returns COMMAND_FAIL. */
int xl_no_domain(const char *text);

struct domain_config;

/* Reads a configuration from a file (NULL: none) and from the key=value among the words, which end with NULL
 * and count more; warns of unknown keys. False with a message in error[TOOLSTACK_ERROR_SIZE]. */
bool xl_read_config(struct domain_config *config, const char *path, char **settings, char *error);

/* Shows the domain's console until the user leaves it or the domain has ended; `begin` as console_attach()
 * has it. */
int xl_attach(domid_t domid, int (*begin)(domid_t domid));

/* xl list -l of the domains that the words name, or of all. */
int xl_list_json(int nr_words, char **words);
/* Prints a configuration as JSON. */
int xl_print_config(const struct domain_config *config);

/* The subcommands; each stands in the file of its subject. */
int xl_create(int argc, char **argv);
void xl_create_complete(const char *word,
                        struct completions *list); /* paths, also behind kernel= and ramdisk= */
int xl_block_attach(int argc, char **argv);
int xl_block_detach(int argc, char **argv);
int xl_block_list(int argc, char **argv);
int xl_list(int argc, char **argv);
int xl_vcpu_list(int argc, char **argv);
int xl_uptime(int argc, char **argv);
int xl_info(int argc, char **argv);
int xl_dmesg(int argc, char **argv);
int xl_debug_keys(int argc, char **argv);
int xl_console(int argc, char **argv);
int xl_vcpu_pin(int argc, char **argv);
int xl_vcpu_set(int argc, char **argv);
int xl_trigger(int argc, char **argv);
int xl_sched_credit(int argc, char **argv);
int xl_sched_credit2(int argc, char **argv);
int xl_mem_set(int argc, char **argv);
int xl_mem_max(int argc, char **argv);
int xl_sysrq(int argc, char **argv);
int xl_top(int argc, char **argv);
int xl_dump_core(int argc, char **argv);
int xl_pause(int argc, char **argv);
int xl_unpause(int argc, char **argv);
int xl_destroy(int argc, char **argv);
int xl_shutdown(int argc, char **argv);
int xl_reboot(int argc, char **argv);
int xl_rename(int argc, char **argv);
int xl_domid(int argc, char **argv);
int xl_domname(int argc, char **argv);
int xl_config_update(int argc, char **argv);
int xl_network_attach(int argc, char **argv);
int xl_network_detach(int argc, char **argv);
int xl_network_list(int argc, char **argv);

#endif
