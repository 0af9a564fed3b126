/* SPDX-License-Identifier: MIT */
/* Everything a test needs, in one include. */
#ifndef GUESTS_GUEST_H
#define GUESTS_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tests/guests/framework/clock.h"
#include "tests/guests/framework/console.h"
#include "tests/guests/framework/cpu.h"
#include "tests/guests/framework/event.h"
#include "tests/guests/framework/grant.h"
#include "tests/guests/framework/hypercall.h"
#include "tests/guests/framework/memory.h"
#include "tests/guests/framework/print.h"
#include "tests/guests/framework/smp.h"
#include "tests/guests/framework/test.h"
#include "tests/guests/framework/trap.h"

#endif
