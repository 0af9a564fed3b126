/* SPDX-License-Identifier: MIT */
/* What hostile_races draws: values at boundaries, and calls whose arguments are nearly right. */
#ifndef HOSTILE_RACES_ATTACK_H
#define HOSTILE_RACES_ATTACK_H

#include "tests/guests/framework/guest.h"

#define MAX_ATTACKERS 16u
#define ARG_PAGES     4u
#define FRAMES        24u /* that calls name: tables, data, granted, given away */
#define SLOTS         64u /* of virtual addresses that calls map and unmap */
#define REFS          16u

struct attacker {
    void (*act)(void *attacker);
    uint64_t random;
    volatile uint64_t calls;
};

/* Where arguments are: always mapped. Behind its last page there is nothing. */
extern uint8_t arguments[(ARG_PAGES + 1) * PAGE_SIZE];

void attack_prepare(void);
uint32_t draw(struct attacker *a, uint32_t n); /* below n */
uint64_t draw_value(struct attacker *a);
/* One hypercall. */
void attack(void *attacker);
/* Puts the arguments' pages back. */
void attack_repair(void);
/* One entry of the grant table. */
void change_grant(struct attacker *a);

#endif
