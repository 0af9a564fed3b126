/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xl/xl.h"
#include "dom0_tools/xl/domain_list.h"
#include "pvguest/xen_errno.h"

#include <stdio.h>
#include <string.h>

static const struct command subcommands[] = {
    { .name = "create",
      .arguments = "[-cdeFnpq] [[-f] FILE] [KEY=VALUE...]",
      .summary = "make a domain from a configuration file and let it run",
      .options = "  -c         attach to its console\n"
                 "  -d         print the configuration first\n"
                 "  -e         do nothing when the domain ends: it stays in the list, whatever on_... says\n"
                 "  -F         wait until the domain has ended for good; Ctrl-C leaves it running\n"
                 "  -i         accepted: there are no global affinity masks\n"
                 "  -n         only read the configuration, and print it\n"
                 "  -p         leave the domain paused\n"
                 "  -q         say less\n"
                 "  -V, -A     refused: no domain has a screen that a VNC viewer could show\n"
                 "  FILE       in the syntax of xl.cfg\n"
                 "  KEY=VALUE  counts more than FILE; a list stands in [ ], a string needs no quotes\n",
      .long_options = "quiet=q dryrun=n defconfig=f ignore-global-affinity-masks=i vncviewer=V "
                      "vncviewer-autopass=A",
      .run = xl_create,
      .complete = xl_create_complete },
    { .name = "list",
      .arguments = "[-lvZcn] [DOMAIN...]",
      .summary = "list the domains",
      .options = "  -l  say all that is known, as JSON\n"
                 "  -v  also show UUID, shutdown reason and security label\n"
                 "  -Z  also show the security label, which no domain has\n"
                 "  -c  also show the CPU pool, of which there is one\n"
                 "  -n  also show the NUMA nodes, of which there is one\n"
                 "State letters: r running, b blocked, p paused, s shut down, c crashed, d dying.\n",
      .long_options = "long=l verbose=v context=Z cpupool=c numa=n",
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
      .long_options = "type=t num=n",
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
      .arguments = "[-f] DOMAIN",
      .summary = "end a domain at once and take back its memory",
      .options = "  -f  accepted: domain 0 is never ended\n",
      .long_options = "force=f",
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
      .options = "  the domain keeps its name and UUID; one made at boot then restarts as others do\n",
      .long_options = "defconfig=f",
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
      .arguments = "[-f] DOMAIN VCPU|all CPUS|-|all [CPUS|-|all]",
      .summary = "say which CPUs a vCPU may use, and which it should",
      .options = "  -f    accepted: no pinning is kept against this\n"
                 "  CPUS  numbers and ranges as 0-3,5,^1; - leaves the set as it is\n",
      .long_options = "force=f",
      .run = xl_vcpu_pin,
      .complete = domain_list_complete },
    { .name = "vcpu-set",
      .arguments = "[-i] DOMAIN NUMBER",
      .summary = "say how many vCPUs of a domain are online",
      .options = "  -i  also more than the machine has CPUs\n",
      .long_options = "ignore-host=i",
      .run = xl_vcpu_set,
      .complete = domain_list_complete },
    { .name = "sched-credit2",
      .arguments = "[-d DOMAIN [-w WEIGHT] [-c CAP] | -s]",
      .summary = "show or set the domains' shares of the CPUs",
      .options = "  -w  share beside other domains; 256 is the default\n"
                 "  -c  limit in percent of a CPU; 0: none\n"
                 "  -s  the scheduler's own parameters\n",
      .long_options = "domain=d weight=w cap=c schedparam=s",
      .run = xl_sched_credit2,
      .complete = domain_list_complete },
    { .name = "sched-credit",
      .arguments = "[-d DOMAIN [-w WEIGHT] [-c CAP] | -s]",
      .summary = "the same where the scheduler is credit",
      .options = "  see sched-credit2\n",
      .long_options = "domain=d weight=w cap=c schedparam=s",
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
    { .name = "top",
      .arguments = "[-be] [-d SECONDS] [-i ROUNDS]",
      .summary = "show who uses the machine, again and again; q leaves",
      .options = "  -b  only the table, one after the other\n"
                 "  -e  below a hardware guest why it was left for the hypervisor, and how often a second\n"
                 "  -d  seconds between two rounds; 3 is the default\n"
                 "  -i  how many rounds\n",
      .long_options = "batch=b delay=d exits=e iterations=i",
      .run = xl_top },
    { .name = "dump-core",
      .arguments = "DOMAIN FILE",
      .summary = "write a domain's memory and registers to a file, for gdb",
      .run = xl_dump_core,
      .complete = domain_list_complete },
    { .name = "uptime",
      .arguments = "[-s] [DOMAIN...]",
      .summary = "show how long domains have run",
      .options = "  -s  short form\n",
      .long_options = "short=s",
      .run = xl_uptime,
      .complete = domain_list_complete },
    { .name = "info",
      .arguments = "[-n] [KEY]",
      .summary = "describe the hypervisor and the machine",
      .options = "  -n   also show CPU and memory topology\n"
                 "  KEY  print only that entry's value\n",
      .long_options = "numa=n",
      .run = xl_info },
    { .name = "dmesg",
      .arguments = "[-c]",
      .summary = "print the hypervisor's log",
      .options = "  -c  empty the log afterwards\n",
      .long_options = "clear=c",
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
