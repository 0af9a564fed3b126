/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xl/lsevtchn.h"
#include "dom0_tools/xl/domain_list.h"
#include "dom0_tools/xl/xl.h"
#include "pvguest/hypercall.h"
#include "pvguest/xen_errno.h"

#include <stdio.h>
#include <string.h>
#include <xen/event_channel.h>

static const char *virq_name(uint32_t virq)
{
    static const char *const names[] = {
        [VIRQ_TIMER] = "TIMER",         [VIRQ_DEBUG] = "DEBUG",       [VIRQ_CONSOLE] = "CONSOLE",
        [VIRQ_DOM_EXC] = "DOM_EXC",     [VIRQ_TBUF] = "TBUF",         [VIRQ_DEBUGGER] = "DEBUGGER",
        [VIRQ_XENOPROF] = "XENOPROF",   [VIRQ_CON_RING] = "CON_RING", [VIRQ_PCPU_STATE] = "PCPU_STATE",
        [VIRQ_MEM_EVENT] = "MEM_EVENT", [VIRQ_ARGO] = "ARGO",         [VIRQ_ENOMEM] = "ENOMEM",
        [VIRQ_XENPMU] = "XENPMU",
    };

    return virq < sizeof(names) / sizeof(names[0]) && names[virq] != NULL ? names[virq] : "?";
}

static void print_port(const struct evtchn_status *status)
{
    printf("%4u: VCPU %u: ", status->port, status->vcpu);
    switch (status->status) {
    case EVTCHNSTAT_unbound:
        printf("Interdomain (Waiting connection) - Remote Domain %u\n", status->u.unbound.dom);
        break;
    case EVTCHNSTAT_interdomain:
        printf("Interdomain (Connected) - Remote Domain %u, Port %u\n", status->u.interdomain.dom,
               status->u.interdomain.port);
        break;
    case EVTCHNSTAT_pirq:
        printf("Physical IRQ %u\n", status->u.pirq);
        break;
    case EVTCHNSTAT_virq:
        printf("Virtual IRQ %u (%s)\n", status->u.virq, virq_name(status->u.virq));
        break;
    case EVTCHNSTAT_ipi:
        printf("IPI\n");
        break;
    default:
        printf("status %u\n", status->status);
        break;
    }
}

/* A number that is no port ends the list: the hypervisor's table has no holes. */
static int list_ports(domid_t domid)
{
    long error = 0;

    for (evtchn_port_t port = 0; error == 0; port++) {
        struct evtchn_status status = { .dom = domid, .port = port };

        error = hypercall_event_channel_op(EVTCHNOP_status, &status);
        if (error == 0 && status.status != EVTCHNSTAT_closed)
            print_port(&status);
        else if (error != 0 && port == 0)
            return xl_fail("cannot ask for event channels", (int)error);
    }
    return error == -XEN_EINVAL ? COMMAND_OK : xl_fail("cannot ask for event channels", (int)error);
}

static int run_lsevtchn(int argc, char **argv)
{
    const struct xen_domctl_getdomaininfo *info;
    struct domain_list list;
    int error, result;

    if (argc > 2) {
        fprintf(stderr, "lsevtchn: at most one domain\n");
        return COMMAND_USAGE;
    }
    error = domain_list_get(&list);
    info = domain_list_find(&list, argc == 2 ? argv[1] : "0");
    if (error != 0)
        result = xl_fail("cannot list the domains", error);
    else
        result = info == NULL ? xl_no_domain(argv[1]) : list_ports(info->domain);
    domain_list_free(&list);
    return result;
}

const struct command lsevtchn_commands[] = {
    { .name = "lsevtchn",
      .arguments = "[DOMAIN]",
      .summary = "list event channels (dom0's include its interrupts)",
      .run = run_lsevtchn,
      .complete = domain_list_complete },
};
const size_t lsevtchn_nr_commands = sizeof(lsevtchn_commands) / sizeof(lsevtchn_commands[0]);
