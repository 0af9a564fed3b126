# SPDX-License-Identifier: MIT
#
# What a project's Makefile includes. Before that it may set
#     NAME     the image's name (default: the folder's)
#     SOURCES  C and assembly files (default: all of the folder)
#     CFLAGS, LDLIBS
#     FILES    a folder that becomes the guest's read-only root file system (default: files/, if it is there)
#     CFG      lines of xl.cfg for `make run`: disks, network, type (default: guest.cfg, if it is there)
#     O        where everything built goes (default: build)
# and `make run` takes ARGS="..." MEM=64 VCPUS=1 TYPE=pv|pvh ALONE=1 GDB=1 VERBOSE=1 QEMU="...", and NET=1 for a network card of the
# machine, with FORWARD="PORT:PORT ..." for ports of this machine that lead to the guest.

NAME    ?= $(notdir $(CURDIR))
SOURCES ?= $(wildcard *.c *.S)
CFLAGS  ?= -O2 -g -Wall -Wextra
FILES   ?= $(wildcard files)
CFG     ?= $(wildcard guest.cfg)
O       ?= build
ARGS    ?=
MEM     ?= 64
VCPUS   ?= 1
TYPE    ?= pv
NET     ?= 0
FORWARD ?=

GUEST_CC := $(KIT)/bin/ryokan-cc
IMAGE    := $(O)/$(NAME).elf
OBJECTS  := $(patsubst %,$(O)/%.o,$(basename $(SOURCES)))
ARCHIVE  := $(if $(FILES),$(O)/$(NAME).tar)

.PHONY: all run run-xen gdb clean
all: $(IMAGE) $(ARCHIVE)

$(O)/%.o: %.c $(MAKEFILE_LIST)
	@mkdir -p $(@D)
	$(GUEST_CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(O)/%.o: %.S $(MAKEFILE_LIST)
	@mkdir -p $(@D)
	$(GUEST_CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(IMAGE): $(OBJECTS) $(KIT)/.complete
	$(GUEST_CC) $(CFLAGS) $(OBJECTS) $(LDLIBS) -o $@

ifneq ($(FILES),)
$(ARCHIVE): $(shell find $(FILES))
	@mkdir -p $(@D)
	tar --format=ustar --sort=name --owner=0 --group=0 --numeric-owner -cf $@ -C $(FILES) .
endif

# A text as one word of the shell; and a variable's: what the user gives is not expanded, so that `$` too reaches the guest.
quote = '$(subst ','\'',$(1))'
given = $(call quote,$(if $(filter command environment,$(firstword $(origin $(1)))),$(value $(1)),$($(1))))

RUN = $(KIT)/bin/ryokan-run --mem $(MEM) --vcpus $(VCPUS) $(if $(ARCHIVE),--archive $(ARCHIVE)) --line=$(call given,ARGS) \
      $(if $(filter 1,$(GDB)),--gdb) $(if $(filter 1,$(VERBOSE)),--verbose) --qemu=$(call quote,$(QEMU))

# The guest's address is the second that QEMU's user network gives out; dom0 has the first.
NETWORK = $(if $(filter 1,$(NET)),--net $(FORWARD:%=--forward %))

run: all
	@$(RUN) $(if $(filter 1,$(ALONE)),--alone,$(if $(CFG),--cfg=$(call given,CFG)) --type $(TYPE) $(NETWORK)) $(IMAGE)

run-xen: all
	@$(RUN) --xen $(IMAGE)

# In another terminal, while `make run GDB=1` waits: stops at main().
gdb: $(IMAGE)
	gdb -q $(IMAGE) -ex 'target remote 127.0.0.1:1234' -ex 'thbreak main' -ex continue

clean:
	rm -rf $(O)

-include $(OBJECTS:.o=.d)
