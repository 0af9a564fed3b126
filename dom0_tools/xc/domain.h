/* SPDX-License-Identifier: MIT */
/*
 * Whole domains: to find, make, run and end them (<xen/domctl.h>, Xen 4.17's interface version). Each
 * function returns 0 (or a count) or a negated Xen errno: -XEN_ESRCH when there is no such domain. Buffers
 * are passed as they are: this kernel's memory is always present.
 */
#ifndef DOM0_XC_DOMAIN_H
#define DOM0_XC_DOMAIN_H

#include <stdint.h>
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>

/* Up to max domains with domid >= first, by rising domid; returns how many. */
int xc_domains(domid_t first, struct xen_domctl_getdomaininfo *info, uint32_t max);
/* Calls fn for each domain that has shut down or is dying. */
int xc_domains_ended(void (*fn)(const struct xen_domctl_getdomaininfo *info, void *arg), void *arg);
int xc_domain_info(domid_t domid, struct xen_domctl_getdomaininfo *info);

/* Makes a paused domain without vCPUs and memory; *domid becomes its number. config as the hypervisor takes
 * it. */
int xc_domain_create(const struct xen_domctl_createdomain *config, domid_t *domid);
/* All the vCPUs that it was created for. */
int xc_domain_max_vcpus(domid_t domid, uint32_t nr);

/* Stop and continue a domain's vCPUs; pauses nest. A new domain begins to run with its first unpause. */
int xc_domain_pause(domid_t domid);
int xc_domain_unpause(domid_t domid);
/* Ends a domain and gives back all that it has; frames that are mapped elsewhere follow when they no longer
 * are, and until then the domain is listed as dying. */
int xc_domain_destroy(domid_t domid);
/* As if its kernel had shut down for the reason SHUTDOWN_*. */
int xc_domain_shutdown(domid_t domid, unsigned int reason);

/* What tells the domain from all others, as long as it exists. */
int xc_domain_set_uuid(domid_t domid, const xen_domain_handle_t uuid);
/* Seconds that its clock is ahead of UTC. */
int xc_domain_time_offset(domid_t domid, int64_t seconds);

/* Share and limit of CPU time: weight (256 is the default), cap in percent of a CPU, 0 for none. 0 for the
 * weight leaves both as they are and only reads them. */
int xc_domain_schedule(domid_t domid, uint16_t *weight, uint16_t *cap);

/* A port of `domid` that domain `remote` may bind to. */
int xc_evtchn_alloc_unbound(domid_t domid, domid_t remote, evtchn_port_t *port);
/* Writes entry `ref` (below 8: the toolstack's) of its grant table: `user` may map `frame`. */
int xc_grant_preset(domid_t domid, const grant_ref_t *refs, const xen_pfn_t *frames, unsigned int nr,
                    domid_t user);
/* The same for a hardware guest, whose table is put at guest frame `scratch`, where nothing is, for the
 * moment. */
int xc_grant_preset_hvm(domid_t domid, xen_pfn_t scratch, const grant_ref_t *refs, const xen_pfn_t *frames,
                        unsigned int nr, domid_t user);

#endif
