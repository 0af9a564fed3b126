/* SPDX-License-Identifier: MIT */
/* Any bytes in a domain's ring, with any indices: the daemon keeps its tree sound and serves its other
 * clients. The first byte of each record says what it is for. */
/* fuzz-sources: dom0_tools/xenstored/connection.c dom0_tools/xenstored/control.c */
/* fuzz-sources: dom0_tools/xenstored/domains.c dom0_tools/xenstored/path.c */
/* fuzz-sources: dom0_tools/xenstored/permission_text.c */
/* fuzz-sources: dom0_tools/xenstored/request.c dom0_tools/xenstored/ring.c dom0_tools/xenstored/store.c */
/* fuzz-sources: dom0_tools/xenstored/transaction.c dom0_tools/xenstored/watch.c */
#include <stdint.h>

#include "dom0_tools/xenstored/ring.h"
#include "tests/unit/xenstored_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct domain {
    struct connection *conn;
    struct xenstore_domain_interface page;
};

static void put(struct domain *d, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len && d->page.req_prod - d->page.req_cons < XENSTORE_RING_SIZE; i++)
        d->page.req[MASK_XENSTORE_IDX(d->page.req_prod++)] = ((const char *)bytes)[i];
}

/* A request with a sound header: type, transaction, and the next bytes as its payload. */
static size_t put_request(struct domain *d, const uint8_t *data, size_t size)
{
    struct xsd_sockmsg header = { 0 };

    if (size < 3)
        return size;
    header.type = data[0] % (XS_TYPE_COUNT + 1);
    header.tx_id = data[1] % 4;
    header.len = data[2] % 64 < size - 3 ? data[2] % 64 : (uint32_t)size - 3;
    put(d, &header, sizeof(header));
    put(d, data + 3, header.len);
    return 3 + header.len;
}

static void serve(struct domain *d)
{
    for (unsigned int i = 0; i < 8 && (ring_serve(d->conn, &d->page) & RING_MORE) != 0; i++)
        ;
    d->page.rsp_cons = d->page.rsp_prod;
}

static size_t one(struct domain *d, const uint8_t *data, size_t size)
{
    size_t n = size < 16 ? size : 16;

    switch (data[0] >> 1 & 7) {
    case 0:
        put(d, data + 1, n - 1);
        return n;
    case 1:
        d->page.req_prod += data[0];
        return 1;
    case 2:
        d->page.connection = XENSTORE_RECONNECT;
        return 1;
    default:
        return 1 + put_request(d, data + 1, size - 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct domain domain[2] = { { 0 } };
    struct xenstored xs;
    struct connection *dom0;

    if (xenstored_init(&xs, &test_ops, NULL, 1) != 0)
        abort();
    dom0 = xenstored_open(&xs, 0);
    ask(dom0, XS_WATCH, "/local|t|");
    ask(dom0, XS_WRITE, "/local/domain/1/a|x");
    ask(dom0, XS_SET_PERMS, "/local/domain/1|b0|");
    for (uint16_t i = 0; i < 2; i++)
        domain[i].conn = introduced(&xs, (uint16_t)(i + 1));
    while (size != 0) {
        struct domain *d = &domain[data[0] & 1];
        size_t used = one(d, data, size);

        data += used;
        size -= used;
        serve(d);
        while (*event(dom0) != '\0')
            ;
    }
    if (strcmp(ask(dom0, XS_CONTROL, "check|"), "OK|") != 0 ||
        strcmp(ask(dom0, XS_WRITE, "/b|1"), "OK|") != 0)
        abort();
    xenstored_free(&xs);
    return 0;
}
