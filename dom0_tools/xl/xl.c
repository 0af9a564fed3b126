/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xl/xl.h"
#include "dom0_tools/xl/domain_list.h"
#include "pvguest/xen_errno.h"

#include <stdio.h>
#include <string.h>

static const struct command subcommands[] = {
    { .name = "create",
      .arguments = "[-cnpq] [[-f] FILE] [KEY=VALUE...]",
      .summary = "make a domain from a configuration file and let it run",
      .options = "  -c         attach to its console\n"
                 "  -n         only read the configuration\n"
                 "  -p         leave the domain paused\n"
                 "  -q         say less\n"
                 "  FILE       in the syntax of xl.cfg\n"
                 "  KEY=VALUE  counts more than FILE; a list stands in [ ], a string needs no quotes\n",
      .run = xl_create,
      .complete = xl_create_complete },
    { .name = "list",
      .arguments = "[-lv] [DOMAIN...]",
      .summary = "list the domains",
      .options = "  -l  say all that is known, as JSON\n"
                 "  -v  also show UUID, shutdown reason and security label\n"
                 "State letters: r running, b blocked, p paused, s shut down, c crashed, d dying.\n",
      .run = xl_list,
      .complete = domain_list_complete },
    { .name = "vcpu-list",
      .arguments = "[DOMAIN...]",
      .summary = "list the virtual CPUs and where they run",
      .run = xl_vcpu_list,
      .complete = domain_list_complete },
    { .name = "console",
      .arguments = "[-n NUM] [-t TYPE] DOMAIN",
      .summary = "attach to a domain's console; Ctrl-] leaves it",
      .options = "  -n NUM   number of the console; there is number 0\n"
                 "  -t TYPE  pv, the default\n"
                 "What the domain printed earlier is shown first.\n",
      .run = xl_console,
      .complete = domain_list_complete },
    { .name = "pause",
      .arguments = "DOMAIN",
      .summary = "stop a domain's virtual CPUs",
      .run = xl_pause,
      .complete = domain_list_complete },
    { .name = "unpause",
      .arguments = "DOMAIN",
      .summary = "let a paused domain go on",
      .run = xl_unpause,
      .complete = domain_list_complete },
    { .name = "shutdown",
      .arguments = "[-aFw] DOMAIN...",
      .summary = "ask domains to switch themselves off",
      .options = "  -a  all domains but this one\n"
                 "  -F  accepted: every guest listens here\n"
                 "  -w  wait until they have ended\n",
      .run = xl_shutdown,
      .complete = domain_list_complete },
    { .name = "reboot",
      .arguments = "[-aFw] DOMAIN...",
      .summary = "ask domains to start anew",
      .options = "  -a  all domains but this one\n"
                 "  -F  accepted: every guest listens here\n"
                 "  -w  wait until they have ended\n",
      .run = xl_reboot,
      .complete = domain_list_complete },
    { .name = "destroy",
      .arguments = "DOMAIN",
      .summary = "end a domain at once and take back its memory",
      .run = xl_destroy,
      .complete = domain_list_complete },
    { .name = "rename",
      .arguments = "DOMAIN NAME",
      .summary = "give a domain another name",
      .run = xl_rename,
      .complete = domain_list_complete },
    { .name = "domid",
      .arguments = "NAME",
      .summary = "print the number of a domain",
      .run = xl_domid,
      .complete = domain_list_complete },
    { .name = "domname", .arguments = "ID", .summary = "print the name of a domain", .run = xl_domname },
    { .name = "config-update",
      .arguments = "DOMAIN [[-f] FILE] [KEY=VALUE...]",
      .summary = "take another configuration for a domain's next start",
      .options = "  the domain keeps its name and UUID\n",
      .run = xl_config_update,
      .complete = domain_list_complete },
    { .name = "network-attach",
      .arguments = "DOMAIN [KEY=VALUE...]",
      .summary = "give a domain a network interface",
      .options = "  KEY=VALUE  as in a vif of xl.cfg: mac, bridge, rate, ip, script, mtu...\n",
      .run = xl_network_attach,
      .complete = domain_list_complete },
    { .name = "network-detach",
      .arguments = "DOMAIN DEVID|MAC",
      .summary = "take a network interface from a domain",
      .run = xl_network_detach,
      .complete = domain_list_complete },
    { .name = "network-list",
      .arguments = "DOMAIN...",
      .summary = "list domains' network interfaces",
      .run = xl_network_list,
      .complete = domain_list_complete },
    { .name = "vcpu-pin",
      .arguments = "DOMAIN VCPU|all CPUS|-|all [CPUS|-|all]",
      .summary = "say which CPUs a vCPU may use, and which it should",
      .options = "  CPUS  numbers and ranges as 0-3,5,^1; - leaves the set as it is\n",
      .run = xl_vcpu_pin,
      .complete = domain_list_complete },
    { .name = "vcpu-set",
      .arguments = "[-i] DOMAIN NUMBER",
      .summary = "say how many vCPUs of a domain are online",
      .options = "  -i  also more than the machine has CPUs\n",
      .run = xl_vcpu_set,
      .complete = domain_list_complete },
    { .name = "sched-credit2",
      .arguments = "[-d DOMAIN [-w WEIGHT] [-c CAP] | -s]",
      .summary = "show or set the domains' shares of the CPUs",
      .options = "  -w  share beside other domains; 256 is the default\n"
                 "  -c  limit in percent of a CPU; 0: none\n"
                 "  -s  the scheduler's own parameters\n",
      .run = xl_sched_credit2,
      .complete = domain_list_complete },
    { .name = "sched-credit",
      .arguments = "[-d DOMAIN [-w WEIGHT] [-c CAP] | -s]",
      .summary = "the same where the scheduler is credit",
      .options = "  see sched-credit2\n",
      .run = xl_sched_credit,
      .complete = domain_list_complete },
    { .name = "mem-set",
      .arguments = "DOMAIN SIZE",
      .summary = "tell a domain how much memory it shall have",
      .options = "  SIZE  in MiB, or with b, k, m, g, t behind it\n",
      .run = xl_mem_set,
      .complete = domain_list_complete },
    { .name = "mem-max",
      .arguments = "DOMAIN SIZE",
      .summary = "limit the memory that a domain may have",
      .options = "  SIZE  in MiB, or with b, k, m, g, t behind it\n",
      .run = xl_mem_max,
      .complete = domain_list_complete },
    { .name = "sysrq",
      .arguments = "DOMAIN LETTER",
      .summary = "send a SysRq key to a domain's kernel",
      .run = xl_sysrq,
      .complete = domain_list_complete },
    { .name = "trigger",
      .arguments = "DOMAIN nmi|reset|init|power|sleep [VCPU]",
      .summary = "send an NMI or another trigger to a vCPU",
      .run = xl_trigger,
      .complete = domain_list_complete },
    { .name = "block-attach",
      .arguments = "DOMAIN DISK...",
      .summary = "give a running domain a disk",
      .options = "  DISK  as in a configuration's disk=[...]: phy:vda,xvdb,w or file:/images/a.img,xvdc,r\n",
      .run = xl_block_attach,
      .complete = domain_list_complete },
    { .name = "block-detach",
      .arguments = "DOMAIN VDEV [--force]",
      .summary = "take a disk away from a domain",
      .options = "  --force  without asking the domain\n",
      .run = xl_block_detach,
      .complete = domain_list_complete },
    { .name = "block-list",
      .arguments = "DOMAIN...",
      .summary = "list the disks of domains",
      .run = xl_block_list,
      .complete = domain_list_complete },
    { .name = "uptime",
      .arguments = "[-s] [DOMAIN...]",
      .summary = "show how long domains have run",
      .options = "  -s  short form\n",
      .run = xl_uptime,
      .complete = domain_list_complete },
    { .name = "info",
      .arguments = "[-n] [KEY]",
      .summary = "describe the hypervisor and the machine",
      .options = "  -n   also show CPU and memory topology\n"
                 "  KEY  print only that entry's value\n",
      .run = xl_info },
    { .name = "dmesg",
      .arguments = "[-c]",
      .summary = "print the hypervisor's log",
      .options = "  -c  empty the log afterwards\n",
      .run = xl_dmesg },
    { .name = "debug-keys",
      .arguments = "KEYS",
      .summary = "send keys to the hypervisor ('h' prints their list to its log)",
      .run = xl_debug_keys },
};

const struct command xl_commands[] = {
    { .name = "xl",
      .arguments = "COMMAND [ARGUMENT...]",
      .summary = "manage domains and the hypervisor",
      .subcommands = subcommands,
      .nr_subcommands = sizeof(subcommands) / sizeof(subcommands[0]) },
};
const size_t xl_nr_commands = sizeof(xl_commands) / sizeof(xl_commands[0]);

int xl_fail(const char *what, int error)
{
    fprintf(stderr, "xl: %s: %s\n", what, strerror(xen_errno_to_c(error)));
    return COMMAND_FAIL;
}

int xl_no_domain(const char *text)
{
    fprintf(stderr, "%s is an invalid domain identifier (rc=-6)\n", text);
    return COMMAND_FAIL;
}
