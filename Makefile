# SPDX-License-Identifier: MIT
#
# Ryokan's top Makefile: the tools and flags that every folder shares, then one fragment per folder.
# `make help` lists the targets.

SHELL       := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --jobs=$(shell nproc)

.PHONY: all
all: hv

# A variant (DEBUG=1) has its own object folders, so that switching between them rebuilds nothing.
DEBUG   ?= 0
V       ?= 0
B       := build
VARIANT := $(if $(filter 1,$(DEBUG)),-debug)

CC      := gcc
LD      := ld
AR      := ar
NM      := nm
OBJCOPY := objcopy

# `$(call step,CC,$@)` is the one line that a quiet build shows for a command.
Q    := $(if $(filter 1,$(V)),,@)
step  = @printf '  %-8s %s\n' '$(1)' '$(2)'

# Flags that every freestanding part shares. The ABI headers come from libxen-dev through one symbolic link,
# because the rest of /usr/include must stay out of sight.
GCC_INCLUDE  := $(shell $(CC) -print-file-name=include)
XEN_CPPFLAGS := -D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__ -D__XEN_TOOLS__
CONFIG_FLAGS := -DCONFIG_DEBUG=$(if $(filter 1,$(DEBUG)),1,0)
WARN_FLAGS   := -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wundef -Wvla \
                -Wcast-qual -Wwrite-strings -Wold-style-definition -Wtype-limits
FREE_FLAGS   := -std=gnu11 -g -ffreestanding -fno-strict-aliasing -fno-common -mno-red-zone \
                -fno-asynchronous-unwind-tables -fcf-protection=none -nostdinc -isystem $(GCC_INCLUDE)

# Every rule that compiles or runs something has this as an order-only prerequisite.
SETUP := $(B)/.setup

XEN_HEADERS := $(B)/include/xen $(B)/include/xenstore.h $(B)/include/xenstore_lib.h
$(XEN_HEADERS): | $(SETUP)
	$(Q)mkdir -p $(@D) && ln -sfn /usr/include/$(@F) $@

include setup/setup.mk
include hv/hv.mk
include $(wildcard pvguest/pvguest.mk split_drivers/split_drivers.mk dom0_tools/dom0_tools.mk)
include $(wildcard tests/unit/unit.mk tests/guests/guests.mk tests/system/system.mk tests/bench/bench.mk tests/fuzz/fuzz.mk tests/interop/interop.mk)
include kit/kit.mk run/run.mk tests/lint/lint.mk

.PHONY: clean
clean: ## remove everything that was built (the fetched sources and newlib too)
	rm -rf $(B)

.PHONY: help
help: ## show this list
	@echo 'usage: make [target] [VARIABLE=value ...]'
	@sed -n 's/^\([a-z][a-z._ -]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | sort -u | \
	    awk -F'\t' '{ printf "  %-24s %s\n", $$1, $$2 }'
