/* SPDX-License-Identifier: MIT */
/* Frames between network ports: headers, checksums, segmentation. */
/* unit-sources: split_drivers/coalesce.c split_drivers/packet.c split_drivers/segment.c */
#include <criterion/criterion.h>

#include "tests/unit/fake_pages.h"
#include "tests/unit/frames.h"

static struct frame frame, out;

static void fetch(const struct packet *packet)
{
    out.length = packet->length;
    packet_read(packet, 0, out.data, packet->length);
}

static void no_leak(void)
{
    cr_expect_eq(pages_out, 0, "%ld pages are lost", pages_out);
}

TestSuite(packet, .fini = no_leak);

Test(packet, sizes_and_pages)
{
    static const uint32_t sizes[] = { 1, 14, 4095, 4096, 4097, 65535 };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct packet *packet = packet_alloc(sizes[i]);

        cr_assert_not_null(packet);
        cr_expect_eq(packet->nr_frags, (sizes[i] + 4095) / 4096);
        cr_expect_eq(pages_out, packet->nr_frags);
        packet_put(packet);
    }
}

Test(packet, no_memory)
{
    pages_left = 3;
    cr_expect_null(packet_alloc(65535));
    pages_left = -1;
}

Test(packet, checksums_are_filled_in)
{
    for (unsigned int v6 = 0; v6 < 2; v6++) {
        for (uint32_t payload = 0; payload < 9000; payload += 997) {
            struct packet *packet;

            frame_make(&frame, v6, payload & 1 ? PROTOCOL_TCP : PROTOCOL_UDP, payload);
            packet = frame_packet(&frame);
            cr_assert(packet_complete_checksum(packet));
            cr_expect_eq(packet->checksum, CHECKSUM_VALID);
            fetch(packet);
            cr_expect(frame_is_right(out.data, out.length), "v6 %u, %u bytes", v6, payload);
            packet->checksum = CHECKSUM_UNKNOWN;
            cr_expect(packet_verify_checksum(packet));
            packet->checksum = CHECKSUM_UNKNOWN;
            packet_data(packet)[packet->length < 4096 ? packet->length - 1 : 4000] ^= 1;
            cr_expect_not(packet_verify_checksum(packet));
            packet_put(packet);
        }
    }
}

Test(packet, a_sum_goes_on_where_the_pseudo_header_ends)
{
    struct packet *packet;
    uint32_t sum;

    frame_make(&frame, false, PROTOCOL_TCP, 100);
    packet = frame_packet(&frame);
    cr_assert(packet_prepare_checksum(packet));
    fetch(packet);
    sum = frame_sum(0, out.data + 34, 120);
    put16(out.data + 34 + 16, (uint16_t)~sum);
    cr_expect(frame_is_right(out.data, out.length));
    packet_put(packet);
}

Test(packet, lying_headers_are_refused)
{
    static const struct {
        unsigned int offset;
        uint8_t value;
    } lies[] = {
        { 14, 0x65 },      /* version */
        { 14, 0x44 },      /* short IP header */
        { 14, 0x4f },      /* IP header longer than the packet says */
        { 16, 0xff },      /* total length */
        { 14 + 32, 0x10 }, /* short TCP header */
        { 14 + 32, 0xf0 }, /* TCP header beyond the end */
    };
    struct packet_headers headers;

    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct packet *packet;

        frame_make(&frame, false, PROTOCOL_TCP, 10);
        frame.data[lies[i].offset] = lies[i].value;
        packet = frame_packet(&frame);
        cr_expect_not(packet_parse(packet, &headers), "lie %zu", i);
        cr_expect_not(packet_complete_checksum(packet), "lie %zu", i);
        packet_put(packet);
    }
}

Test(packet, short_frames)
{
    for (uint32_t length = 1; length < 54; length++) {
        struct packet_headers headers;
        struct packet *packet;

        frame_make(&frame, false, PROTOCOL_TCP, 0);
        frame.length = length;
        packet = frame_packet(&frame);
        cr_expect_not(packet_parse(packet, &headers), "%u bytes", length);
        packet_put(packet);
    }
}

Test(packet, fragments_have_no_transport)
{
    struct packet_headers headers;
    struct packet *packet;

    frame_make(&frame, false, PROTOCOL_UDP, 100);
    frame.data[20] = 0x20;
    packet = frame_packet(&frame);
    cr_assert(packet_parse(packet, &headers));
    cr_expect(headers.fragment);
    cr_expect_eq(headers.checksum, 0);
    cr_expect_not(packet_complete_checksum(packet));
    packet_put(packet);
}

static void check_segments(struct packet_list *list, bool v6, uint32_t payload, uint16_t size)
{
    uint32_t header = 14 + (v6 ? 40 : 20) + 20, offset = 0;
    struct packet *segment;

    while ((segment = STAILQ_FIRST(list))) {
        bool last;

        STAILQ_REMOVE_HEAD(list, next);
        cr_assert(packet_complete_checksum(segment));
        fetch(segment);
        last = offset + out.length - header == payload;
        cr_expect(frame_is_right(out.data, out.length));
        cr_expect_eq(out.length - header, payload - offset < size ? payload - offset : size);
        cr_expect_eq(get32(out.data + header - 16), 0xfffff000 + offset);
        cr_expect_eq(out.data[header - 7], (offset ? 0 : 0x80) | (last ? 0x09 : 0));
        cr_expect_eq(memcmp(out.data + header, frame.data + header + offset, out.length - header), 0);
        offset += out.length - header;
        packet_put(segment);
    }
    cr_expect_eq(offset, payload);
}

Test(packet, segments)
{
    static const struct {
        uint32_t payload;
        uint16_t size;
    } cases[] = {
        { 1, 1448 }, { 1448, 1448 }, { 1449, 1448 }, { 64000, 1448 }, { 30000, 500 }, { 9000, 8192 }
    };

    for (unsigned int v6 = 0; v6 < 2; v6++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct packet_list list = STAILQ_HEAD_INITIALIZER(list);
            struct packet *packet;

            frame_make(&frame, v6, PROTOCOL_TCP, cases[i].payload);
            packet = frame_packet(&frame);
            packet->gso = v6 ? GSO_TCP6 : GSO_TCP4;
            packet->gso_size = cases[i].size;
            cr_expect(packet_gso_is_sane(packet));
            cr_assert(packet_segment(packet, &list));
            check_segments(&list, v6, cases[i].payload, cases[i].size);
            packet_put(packet);
        }
    }
}

Test(packet, segments_all_or_none)
{
    struct packet_list list = STAILQ_HEAD_INITIALIZER(list);
    struct packet *packet;

    frame_make(&frame, false, PROTOCOL_TCP, 10000);
    packet = frame_packet(&frame);
    packet->gso = GSO_TCP4;
    packet->gso_size = 1448;
    pages_left = 4;
    cr_expect_not(packet_segment(packet, &list));
    cr_expect(STAILQ_EMPTY(&list));
    pages_left = -1;
    packet_put(packet);
}

Test(packet, insane_segmentation)
{
    struct packet *packet;

    frame_make(&frame, false, PROTOCOL_TCP, 10000);
    packet = frame_packet(&frame);
    packet->gso = GSO_TCP4;
    packet->gso_size = 0;
    cr_expect_not(packet_gso_is_sane(packet));
    packet->gso_size = 10; /* a thousand packets of one */
    cr_expect_not(packet_gso_is_sane(packet));
    packet->gso_size = 1448;
    cr_expect(packet_gso_is_sane(packet));
    packet->gso = GSO_TCP6;
    cr_expect_not(packet_gso_is_sane(packet));
    packet_put(packet);
    frame_make(&frame, false, PROTOCOL_UDP, 10000);
    packet = frame_packet(&frame);
    packet->gso = GSO_TCP4;
    packet->gso_size = 1448;
    cr_expect_not(packet_gso_is_sane(packet));
    packet_put(packet);
}

/* Segments of a stream in a list, as lwIP would send them. */
static void make_stream(struct packet_list *list, bool v6, uint32_t payload, uint16_t size)
{
    struct packet *whole;

    frame_make(&frame, v6, PROTOCOL_TCP, payload);
    frame.data[14 + (v6 ? 40 : 20) + 13] = 0x18; /* PSH, ACK */
    whole = frame_packet(&frame);
    whole->gso = v6 ? GSO_TCP6 : GSO_TCP4;
    whole->gso_size = size;
    cr_assert(packet_segment(whole, list));
    packet_put(whole);
}

static struct packet *coalesce_all(struct packet_list *list, unsigned int *others)
{
    struct packet *head = STAILQ_FIRST(list), *next;
    struct packet_run run;

    STAILQ_REMOVE_HEAD(list, next);
    packet_run_begin(&run, head);
    for (*others = 0; (next = STAILQ_FIRST(list)); (*others)++) {
        STAILQ_REMOVE_HEAD(list, next);
        if (!packet_run_add(&run, next))
            packet_put(next);
        else
            (*others)--;
    }
    packet_run_end(&run);
    return head;
}

Test(packet, segments_become_one_again)
{
    for (unsigned int v6 = 0; v6 < 2; v6++) {
        for (uint32_t payload = 1449; payload < 20000; payload += 1999) {
            struct packet_list list = STAILQ_HEAD_INITIALIZER(list), again = STAILQ_HEAD_INITIALIZER(again);
            struct packet *head;
            unsigned int others;

            make_stream(&list, v6, payload, 1448);
            head = coalesce_all(&list, &others);
            cr_expect_eq(others, 0);
            cr_expect_eq(head->length, frame.length);
            cr_expect_eq(head->gso, v6 ? GSO_TCP6 : GSO_TCP4);
            cr_expect_eq(head->gso_size, 1448);
            cr_expect(packet_gso_is_sane(head));
            /* But for the IP header's checksum and the blank one of TCP it is what it was. */
            cr_assert(packet_complete_checksum(head));
            fetch(head);
            cr_expect(frame_is_right(out.data, out.length));
            cr_expect_eq(memcmp(out.data + 54 + (v6 ? 20 : 0), frame.data + 54 + (v6 ? 20 : 0), payload), 0);
            head->checksum = CHECKSUM_BLANK;
            cr_assert(packet_segment(head, &again));
            while (!STAILQ_EMPTY(&again)) {
                struct packet *segment = STAILQ_FIRST(&again);

                STAILQ_REMOVE_HEAD(&again, next);
                packet_put(segment);
            }
            packet_put(head);
        }
    }
}

Test(packet, what_does_not_continue_stays)
{
    static const struct {
        unsigned int offset;
        uint8_t value;
    } differences[] = {
        { 0, 9 },          /* Ethernet address */
        { 15, 0x10 },      /* service class */
        { 29, 77 },        /* IP address */
        { 34, 9 },         /* port */
        { 41, 1 },         /* sequence number */
        { 45, 1 },         /* acknowledgement */
        { 34 + 13, 2 },    /* SYN */
        { 34 + 13, 0x30 }, /* URG */
        { 34 + 15, 1 },    /* window */
    };

    for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++) {
        struct packet_list list = STAILQ_HEAD_INITIALIZER(list);
        struct packet *head;
        unsigned int others;

        make_stream(&list, false, 2000, 1448);
        packet_data(STAILQ_NEXT(STAILQ_FIRST(&list), next))[differences[i].offset] = differences[i].value;
        head = coalesce_all(&list, &others);
        cr_expect_eq(others, 1, "difference %zu", i);
        packet_put(head);
    }
}

Test(packet, pages_are_the_limit)
{
    struct packet_list list = STAILQ_HEAD_INITIALIZER(list);
    struct packet *head;
    unsigned int others;

    make_stream(&list, false, 1448 * 20, 1448);
    head = coalesce_all(&list, &others);
    cr_expect_eq(head->nr_frags, PACKET_FRAGS);
    cr_expect_eq(others, 20 - PACKET_FRAGS);
    packet_put(head);
}

/* As lwIP's segments are appended: the headers in one piece, the payload copied into the pages of the first.
 */
Test(packet, a_run_grows_in_its_pages)
{
    struct packet_list list = STAILQ_HEAD_INITIALIZER(list);
    struct packet_run run;
    struct packet *next;

    make_stream(&list, false, 40000, 1460);
    packet_run_begin(&run, STAILQ_FIRST(&list));
    STAILQ_REMOVE_HEAD(&list, next);
    while ((next = STAILQ_FIRST(&list))) {
        struct packet view = *next;
        uint32_t at, length = next->length - 54;

        STAILQ_REMOVE_HEAD(&list, next);
        at = packet_run_extend(&run, &view);
        cr_assert_eq(at, run.head->length - length);
        packet_write(run.head, at, packet_data(next) + 54, length);
        packet_put(next);
    }
    packet_run_end(&run);
    cr_expect_eq(run.head->nr_frags, (40054 + 4095) / 4096, "its pages are full");
    cr_expect(packet_gso_is_sane(run.head));
    cr_assert(packet_complete_checksum(run.head));
    fetch(run.head);
    cr_expect(frame_is_right(out.data, out.length));
    cr_expect_eq(memcmp(out.data + 54, frame.data + 54, 40000), 0);
    packet_put(run.head);
}

Test(packet, what_is_pushed_may_be_followed)
{
    struct packet_list list = STAILQ_HEAD_INITIALIZER(list);
    struct packet *head;
    unsigned int others;

    make_stream(&list, false, 1448 * 3, 1448);
    STAILQ_FOREACH(head, &list, next)
    packet_data(head)[34 + 13] = 0x18;
    head = coalesce_all(&list, &others);
    cr_expect_eq(others, 0);
    cr_expect_eq(packet_data(head)[34 + 13], 0x18);
    packet_put(head);
}

static struct packet *make_ack(uint32_t acknowledged, uint8_t flags)
{
    struct packet *packet;

    frame_make(&frame, false, PROTOCOL_TCP, 0);
    put32(frame.data + 34 + 8, acknowledged);
    frame.data[34 + 13] = flags;
    packet = frame_packet(&frame);
    packet->checksum = CHECKSUM_BLANK;
    return packet;
}

/* Whether the second one of two acknowledgements replaces the first. */
static bool is_replaced(struct packet *first, struct packet *second)
{
    struct packet_run run;
    bool replaced;

    packet_run_begin(&run, first);
    replaced = packet_run_add(&run, second);
    packet_run_end(&run);
    if (!replaced)
        packet_put(second);
    return replaced;
}

Test(packet, the_last_acknowledgement_counts)
{
    static const struct {
        uint32_t first, second;
        uint8_t flags;
        bool replaced;
    } cases[] = {
        { 1000, 2000, 0x10, true },  { 0xfffffff0, 16, 0x10, true },
        { 1000, 1000, 0x10, false }, /* a duplicate: something is missing there */
        { 2000, 1000, 0x10, false }, { 1000, 2000, 0x50, false }, /* congestion was experienced */
        { 1000, 2000, 0x11, false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct packet *first = make_ack(cases[i].first, 0x10);
        bool replaced = is_replaced(first, make_ack(cases[i].second, cases[i].flags));

        cr_expect_eq(replaced, cases[i].replaced, "case %zu", i);
        cr_expect_eq(get32(packet_data(first) + 34 + 8), replaced ? cases[i].second : cases[i].first);
        cr_expect_eq(first->gso, GSO_NONE);
        packet_put(first);
    }
}

Test(packet, acknowledgements_of_others_stay)
{
    struct packet *first = make_ack(1000, 0x10), *second = make_ack(2000, 0x10);

    put16(packet_data(second) + 34, 99); /* port */
    cr_expect_not(is_replaced(first, second));
    packet_put(first);
    first = make_ack(1000, 0x10);
    second = make_ack(2000, 0x10);
    second->checksum = CHECKSUM_UNKNOWN; /* nobody has looked whether it is one */
    cr_expect_not(is_replaced(first, second));
    packet_put(first);
}
