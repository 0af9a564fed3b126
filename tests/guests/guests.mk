# SPDX-License-Identifier: MIT
# The guest-side tests: one PV64 image with the framework and every test in it (build/guests/suite.elf), and the bench
# guest (build/guests/bench.elf). Included by the top Makefile; also usable alone with make -f.

GUESTS_BUILD := build/guests
GUESTS_CC ?= gcc
GUESTS_CFLAGS := -std=gnu11 -O2 -g -ffreestanding -fno-strict-aliasing -fno-common -fno-pic -mcmodel=kernel \
	-mno-red-zone -mgeneral-regs-only -mno-sse -fcf-protection=none -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fno-omit-frame-pointer \
	-Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wundef -Wvla -Wcast-qual \
	-Wwrite-strings -Wold-style-definition -Wtype-limits \
	-nostdinc -isystem $(shell $(GUESTS_CC) -print-file-name=include) -I. -I$(GUESTS_BUILD)/include \
	-D__XEN_TOOLS__ -MMD -MP
GUESTS_LDFLAGS := -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack \
	-Wl,--no-warn-rwx-segments

GUESTS_SHARED := $(filter-out %/suite.c,$(wildcard tests/guests/framework/*.[cS]))
GUESTS_FRAMEWORK := $(GUESTS_SHARED) $(wildcard tests/guests/framework/pv/*.[cS])
GUESTS_FRAMEWORK_PVH := $(GUESTS_SHARED) $(wildcard tests/guests/framework/pvh/*.[cS])
GUESTS_TESTS := $(filter-out tests/guests/framework/%,$(sort $(wildcard tests/guests/*/*.c)))
GUESTS_BENCH := $(sort $(wildcard tests/bench/guest/*.c)) tests/bench/guest/stubs.S tests/bench/guest/peer.S

# The tests that make sense in a hardware guest too: not those of PV page tables, traps and emulation.
GUESTS_PVH_NAMES := evtchn_bind_vcpu evtchn_close evtchn_fifo evtchn_ipi evtchn_limits evtchn_unbound evtchn_upcall_once evtchn_virq \
                    fpu_preserved gnttab_misc gnttab_setup hostile_calls hostile_races hypercall_page hypercall_pointers \
                    memory_maps memory_reservation multicall \
                    sched_block sched_misc sched_poll smp_event_storm \
                    time_monotonic time_wallclock timer_periodic timer_singleshot vcpu_errors vcpu_info vcpu_many \
                    vcpu_runstate vcpu_time_area vcpu_up_down vm_assist xen_features xen_version crash_shutdown
GUESTS_PVH_TESTS := $(wildcard $(GUESTS_PVH_NAMES:%=tests/guests/%/*.c)) $(wildcard tests/guests/pvh/*/main.c)

guests_objects = $(addprefix $(GUESTS_BUILD)/,$(addsuffix .o,$(basename $(1))))

guests_pvh_objects = $(addprefix $(GUESTS_BUILD)/pvh/,$(addsuffix .o,$(basename $(1))))

.PHONY: guests
guests: $(GUESTS_BUILD)/suite.elf $(GUESTS_BUILD)/suite-pvh.elf $(GUESTS_BUILD)/bench-pvh.elf $(if $(GUESTS_BENCH),$(GUESTS_BUILD)/bench.elf) ## build the guest-side tests

$(GUESTS_BUILD)/suite.elf: $(call guests_objects,$(GUESTS_FRAMEWORK) tests/guests/framework/suite.c $(GUESTS_TESTS))
$(GUESTS_BUILD)/bench.elf: $(call guests_objects,$(GUESTS_FRAMEWORK) $(GUESTS_BENCH))
$(GUESTS_BUILD)/suite-pvh.elf: $(call guests_pvh_objects,$(GUESTS_FRAMEWORK_PVH) tests/guests/framework/suite.c $(GUESTS_PVH_TESTS))
$(GUESTS_BUILD)/bench-pvh.elf: $(call guests_pvh_objects,$(GUESTS_FRAMEWORK_PVH) $(wildcard tests/bench/guest_pvh/*.c))
$(GUESTS_BUILD)/suite.elf $(GUESTS_BUILD)/suite-pvh.elf $(GUESTS_BUILD)/bench.elf $(GUESTS_BUILD)/bench-pvh.elf: tests/guests/framework/guest.lds tests/guests/guests.mk
	@mkdir -p $(@D)
	$(call step,LD,$@)
	$(Q)$(GUESTS_CC) $(GUESTS_LDFLAGS) -Wl,-T,$< -o $@ $(filter %.o,$^)

# The public headers come from libxen-dev; a link of our own keeps the rest of /usr/include out of the search path.
$(GUESTS_BUILD)/include/xen: | $(SETUP)
	@mkdir -p $(@D)
	$(Q)ln -sfn /usr/include/xen $@

$(GUESTS_BUILD)/%.o: %.c | $(GUESTS_BUILD)/include/xen $(SETUP)
	@mkdir -p $(@D)
	$(call step,CC,$<)
	$(Q)$(GUESTS_CC) $(GUESTS_CFLAGS) -Itests/guests/framework/pv -DTEST_NAME='"$(notdir $(patsubst %/,%,$(dir $<)))"' -c -o $@ $<

$(GUESTS_BUILD)/pvh/%.o: %.c | $(GUESTS_BUILD)/include/xen $(SETUP)
	@mkdir -p $(@D)
	$(call step,CC,$< (pvh))
	$(Q)$(GUESTS_CC) $(GUESTS_CFLAGS) -Itests/guests/framework/pvh -DHYPERCALL_INSTRUCTION='"call hypercall_gate"' \
	    -DTEST_NAME='"$(notdir $(patsubst %/,%,$(dir $<)))"' -c -o $@ $<

$(GUESTS_BUILD)/pvh/%.o: %.S | $(GUESTS_BUILD)/include/xen
	@mkdir -p $(@D)
	$(call step,AS,$< (pvh))
	$(Q)$(GUESTS_CC) $(filter-out -Wold-style-definition,$(GUESTS_CFLAGS)) -c -o $@ $<

$(GUESTS_BUILD)/%.o: %.S | $(GUESTS_BUILD)/include/xen
	@mkdir -p $(@D)
	$(call step,AS,$<)
	$(Q)$(GUESTS_CC) $(filter-out -Wold-style-definition,$(GUESTS_CFLAGS)) -c -o $@ $<

-include $(shell find $(GUESTS_BUILD) -name '*.d' 2>/dev/null)
