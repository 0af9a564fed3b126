/* SPDX-License-Identifier: MIT */
/*
 * One lock, a handle to xenstore, and a thread that waits for @releaseDomain, which xenstored fires whenever
 * a domain has shut down or gone.
 */
#include "dom0_tools/toolstack/toolstack.h"
#include "dom0_tools/coredump/coredump.h"
#include "dom0_tools/toolstack/create.h"
#include "dom0_tools/toolstack/domain_nodes.h"
#include "dom0_tools/toolstack/follower.h"
#include "dom0_tools/toolstack/registry.h"
#include "dom0_tools/xc/changes.h"
#include "dom0_tools/xc/domain.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include "pvguest/xen_errno.h"
#include "pvguest/xenstore_transport.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/sched.h>
#include <xenstore.h>

/* A domain that has crashed starts again no sooner than this after its last start (ns). */
#define CRASH_INTERVAL NSEC_PER_SEC

static struct mutex lock = MUTEX_INITIALIZER(lock);
static struct xs_handle *store; /* under the lock */

static bool fail(char *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool fail(char *error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error, TOOLSTACK_ERROR_SIZE, format, args);
    va_end(args);
    return false;
}

/* ---- create, destroy: with the lock ---- */

/* On success the record is gone. */
static bool end_record(struct domain_record *record, char *error)
{
    int rc = domain_destroy(store, record->domid);

    if (rc != 0 && rc != -XEN_ESRCH)
        return fail(error, "the hypervisor does not end the domain: %s", strerror(xen_errno_to_c(rc)));
    registry_remove(record);
    return true;
}

/* Makes it, enters it and lets it run. *config is empty afterwards if it was made. */
static bool make(struct domain_config *config, bool paused, domid_t *domid, char *error)
{
    struct domain_record *record;
    int rc;

    if (registry_find_name(config->name) != NULL)
        return fail(error, "there is a domain '%s' already", config->name);
    if (!domain_create(store, config, domid, error))
        return false;
    follower_note_start(*domid);
    record = registry_add(*domid, config->name);
    if (record == NULL) {
        domain_destroy(store, *domid);
        return fail(error, "out of memory");
    }
    record->managed = true;
    record->made = time_ns();
    record->config = *config;
    *config = (struct domain_config){ 0 };
    rc = paused ? 0 : xc_domain_unpause(*domid);
    if (rc == 0)
        return true;
    end_record(record, error);
    return fail(error, "it does not start to run: %s", strerror(xen_errno_to_c(rc)));
}

/* Takes *config over. */
static bool create(struct domain_config *config, bool paused, domid_t *domid, char *error)
{
    bool ok = make(config, paused, domid, error);

    domain_config_free(config);
    return ok;
}

/* ---- ends ---- */

static enum domain_end end_of(const struct xen_domctl_getdomaininfo *info)
{
    switch (info->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask) {
    case SHUTDOWN_poweroff:
        return DOMAIN_END_POWEROFF;
    case SHUTDOWN_reboot:
        return DOMAIN_END_REBOOT;
    case SHUTDOWN_watchdog:
        return DOMAIN_END_WATCHDOG;
    default:
        return DOMAIN_END_CRASH;
    }
}

/* Frees the name of a domain that stays to be looked at. */
static void rename_away(struct domain_record *record)
{
    char name[DOMAIN_NAME_SIZE];

    for (unsigned int i = 0;; i++) {
        snprintf(name, sizeof(name), "%.*s-%u", (int)sizeof(name) - 12, record->name, i);
        if (registry_find_name(name) == NULL)
            break;
    }
    domain_nodes_rename(store, record->domid, name);
    registry_rename(record, name);
}

/* Makes the domain anew from its configuration, which goes over to the new one; its number, or 0. */
static domid_t restart(struct domain_record *record, bool keep_old)
{
    struct domain_config config = record->config;
    char name[DOMAIN_NAME_SIZE], error[TOOLSTACK_ERROR_SIZE];
    domid_t domid;

    snprintf(name, sizeof(name), "%s", record->name);
    record->config = (struct domain_config){ 0 };
    record->managed = false;
    if (keep_old) {
        /* Two domains cannot have one UUID. */
        config.has_uuid = false;
        rename_away(record);
    } else {
        end_record(record, error);
    }
    snprintf(config.name, sizeof(config.name), "%s", name);
    if (create(&config, false, &domid, error))
        return domid;
    fprintf(stderr, "xl: domain %s does not start again: %s\n", name, error);
    return 0;
}

/* On a disk if one is mounted at /mnt, else in dom0's own memory. */
static void dump_core(const struct domain_record *record)
{
    static const char *const folders[] = { "/mnt", "/tmp" };
    char path[DOMAIN_NAME_SIZE + 16], error[TOOLSTACK_ERROR_SIZE];

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s.core", folders[i], record->name);
        if (coredump_write(record->domid, path, error, sizeof(error))) {
            printf("xl: the core of %s is %s\n", record->name, path);
            return;
        }
    }
    fprintf(stderr, "xl: no core of %s is written: %s\n", record->name, error);
}

static void act_on_end(struct domain_record *record, const struct xen_domctl_getdomaininfo *info)
{
    enum domain_end end = end_of(info);
    domid_t domid = record->domid, successor = 0;
    char error[TOOLSTACK_ERROR_SIZE];

    record->ended = true;
    if (record->config.on[end] == DOMAIN_COREDUMP_DESTROY ||
        record->config.on[end] == DOMAIN_COREDUMP_RESTART)
        dump_core(record);
    switch (record->config.on[end]) {
    case DOMAIN_PRESERVE:
        break;
    case DOMAIN_RESTART:
    case DOMAIN_COREDUMP_RESTART:
        successor = restart(record, false);
        break;
    case DOMAIN_RENAME_RESTART:
        successor = restart(record, true);
        break;
    case DOMAIN_DESTROY:
    case DOMAIN_COREDUMP_DESTROY:
        if (!end_record(record, error))
            fprintf(stderr, "xl: domain %u: %s\n", domid, error);
        break;
    }
    follower_note_end(domid, &end, successor);
}

/* When to act on an end. A domain that crashes again and again is not to occupy this one. */
static uint64_t time_to_act(const struct domain_record *record, enum domain_end end)
{
    enum domain_action action = record->config.on[end];
    bool failed = end == DOMAIN_END_CRASH || end == DOMAIN_END_WATCHDOG;
    bool restarts =
        action == DOMAIN_RESTART || action == DOMAIN_RENAME_RESTART || action == DOMAIN_COREDUMP_RESTART;

    return failed && restarts ? record->made + CRASH_INTERVAL : 0;
}

/* A domain that is dying or has shut down. *look_again: when to come back, if it is too early to act. */
static void look_at(const struct xen_domctl_getdomaininfo *info, void *arg)
{
    struct domain_record *record = registry_find_domid(info->domain);
    uint64_t *look_again = arg, due;

    if (record == NULL)
        return;
    if ((info->flags & XEN_DOMINF_dying) != 0) {
        /* Somebody else has ended it. */
        follower_note_end(record->domid, NULL, 0);
        domain_destroy(store, record->domid);
        registry_remove(record);
    } else if (!record->managed && !record->ended) {
        /* Whoever made it has to see to it. */
        const enum domain_end end = end_of(info);

        record->ended = true;
        follower_note_end(record->domid, &end, 0);
    } else if (!record->ended) {
        due = time_to_act(record, end_of(info));
        if (due <= time_ns())
            act_on_end(record, info);
        else if (due < *look_again)
            *look_again = due;
    }
}

static void changed(domid_t domid, enum domain_change change, void *look_again)
{
    struct xen_domctl_getdomaininfo info;

    if (registry_find_domid(domid) == NULL)
        return;
    if (change == DOMAIN_GONE)
        info = (struct xen_domctl_getdomaininfo){ .domain = domid, .flags = XEN_DOMINF_dying };
    else if (xc_domain_info(domid, &info) != 0 || (info.flags & XEN_DOMINF_shutdown) == 0)
        return;
    look_at(&info, look_again);
}

static void run(void *arg)
{
    struct xs_handle *h = arg;
    uint64_t look_again = TIME_NEVER, seen = 0;

    for (;;) {
        unsigned int nr;
        char **event = xenstore_read_watch_until(h, look_again, &nr);

        mutex_lock(&lock);
        if (event == NULL || !xc_changes(&seen, changed, &look_again)) {
            look_again = TIME_NEVER;
            xc_domains_ended(look_at, &look_again);
        }
        mutex_unlock(&lock);
        free(event);
    }
}

/* ---- the public functions ---- */

bool toolstack_create(struct domain_config *config, bool paused, domid_t *domid, char *error)
{
    bool ok;

    mutex_lock(&lock);
    ok = create(config, paused, domid, error);
    mutex_unlock(&lock);
    return ok;
}

bool toolstack_destroy(domid_t domid, char *error)
{
    struct domain_record *record;
    bool ok;

    mutex_lock(&lock);
    record = registry_find_domid(domid);
    ok = record != NULL ? end_record(record, error) : fail(error, "there is no domain %u", domid);
    if (ok)
        follower_note_end(domid, NULL, 0);
    mutex_unlock(&lock);
    return ok;
}

bool toolstack_rename(domid_t domid, const char *name, char *error)
{
    struct domain_record *record;
    bool ok;

    mutex_lock(&lock);
    record = registry_find_domid(domid);
    if (strlen(name) >= DOMAIN_NAME_SIZE || *name == '\0')
        ok = fail(error, "a name has 1 to %d characters", DOMAIN_NAME_SIZE - 1);
    else if (registry_find_name(name) != NULL)
        ok = fail(error, "there is a domain '%s' already", name);
    else if (record == NULL)
        ok = fail(error, "there is no domain %u", domid);
    else
        ok = domain_nodes_rename(store, domid, name) || fail(error, "xenstore: %s", strerror(errno));
    if (ok) {
        registry_rename(record, name);
        strcpy(record->config.name, name);
    }
    mutex_unlock(&lock);
    return ok;
}

/* Sees to a domain from now on that was made elsewhere, also if it has ended already. */
static void adopt(struct domain_record *record, const struct xen_domctl_getdomaininfo *info)
{
    record->managed = true;
    if ((info->flags & XEN_DOMINF_shutdown) != 0)
        act_on_end(record, info);
}

bool toolstack_config_update(domid_t domid, struct domain_config *config, char *error)
{
    struct xen_domctl_getdomaininfo info;
    struct domain_record *record;
    bool ok;

    mutex_lock(&lock);
    record = registry_find_domid(domid);
    ok = record != NULL && domid != 0 && xc_domain_info(domid, &info) == 0;
    if (ok) {
        memcpy(config->uuid, info.handle, sizeof(config->uuid));
        snprintf(config->name, sizeof(config->name), "%s", record->name);
        config->has_uuid = true;
        domain_config_free(&record->config);
        record->config = *config;
        *config = (struct domain_config){ 0 };
        if (!record->managed)
            adopt(record, &info);
    } else {
        fail(error, domid == 0 ? "domain %u is this one" : "there is no domain %u", domid);
    }
    domain_config_free(config);
    mutex_unlock(&lock);
    return ok;
}

void toolstack_with_config(domid_t domid, void (*fn)(void *arg, const struct domain_config *config),
                           void *arg)
{
    const struct domain_record *record;

    mutex_lock(&lock);
    record = registry_find_domid(domid);
    fn(arg, record != NULL && record->managed ? &record->config : NULL);
    mutex_unlock(&lock);
}

bool toolstack_find(const char *name, domid_t *domid)
{
    const struct domain_record *record;

    mutex_lock(&lock);
    record = registry_find_name(name);
    if (record != NULL)
        *domid = record->domid;
    mutex_unlock(&lock);
    return record != NULL;
}

void toolstack_follow(struct domain_follower *follower, domid_t domid)
{
    mutex_lock(&lock);
    follower_add(follower, domid);
    mutex_unlock(&lock);
}

void toolstack_unfollow(struct domain_follower *follower)
{
    mutex_lock(&lock);
    follower_remove(follower);
    mutex_unlock(&lock);
}

bool toolstack_await(const struct domain_follower *follower, unsigned int starts, uint64_t deadline)
{
    bool came;

    mutex_lock(&lock);
    came = follower_wait(follower, starts, deadline, &lock);
    mutex_unlock(&lock);
    return came;
}

/* The domains that are there already, by the names that xenstore has for them. */
static int adopt_domains(void)
{
    unsigned int nr = 0;
    char **list = xs_directory(store, XBT_NULL, "/local/domain", &nr);
    int error = 0;

    for (unsigned int i = 0; list != NULL && i < nr && error == 0; i++) {
        char path[64];
        char *name;

        snprintf(path, sizeof(path), "/local/domain/%s/name", list[i]);
        name = xs_read(store, XBT_NULL, path, NULL);
        if (name != NULL && registry_add((domid_t)strtoul(list[i], NULL, 10), name) == NULL)
            error = ENOMEM;
        free(name);
    }
    free(list);
    return error;
}

int toolstack_start(void)
{
    struct xs_handle *watcher = xs_open(0);
    struct thread *thread;
    int error;

    store = xs_open(0);
    if (store == NULL || watcher == NULL || !xs_watch(watcher, "@releaseDomain", ""))
        return errno;
    error = adopt_domains();
    if (error != 0)
        return error;
    thread = thread_create("toolstack", run, watcher, 0);
    if (thread == NULL)
        return ENOMEM;
    thread_detach(thread);
    return 0;
}
