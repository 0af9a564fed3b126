# SPDX-License-Identifier: MIT
#
# Unit tests: hypervisor, guest and tool sources compiled for the host with Criterion, ASan and UBSan.
#
# Each tests/unit/test_NAME.c is one binary. It names the sources it is linked with in lines near its head:
#     /* unit-sources: hv/lib/elf.c hv/lib/bitmap.c */
# and the libraries it needs beside Criterion in another: unit-libs: -lZydis
# Sources are compiled against the host's C library, so a source that defines the library's own names
# (hv/lib/string.c) is to be left out, or included by the test under other names.

UNIT_DIR   := $(B)/unit
UNIT_TESTS := $(sort $(wildcard tests/unit/test_*.c))
UNIT_NAMES := $(UNIT_TESTS:tests/unit/test_%.c=%)
UNIT_BINS  := $(UNIT_NAMES:%=$(UNIT_DIR)/%)

UNIT_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -fno-strict-aliasing -fno-omit-frame-pointer \
               -fsanitize=address,undefined -fno-sanitize-recover=all
UNIT_CPPFLAGS := -I. -I$(B)/include $(XEN_CPPFLAGS) $(HTTP_PARSER_CPPFLAGS) -DCONFIG_DEBUG=1

unit_sources = $(shell sed -n 's|^/\* unit-sources:\(.*\)\*/.*|\1|p' $(1))
unit_libs    = $(shell sed -n 's|^/\* unit-libs:\(.*\)\*/.*|\1|p' $(1))

.PHONY: unit
unit: $(UNIT_BINS) ## build the unit tests (`make test` runs them)

$(UNIT_DIR)/obj/%.o: %.c Makefile tests/unit/unit.mk | $(SETUP_TEST) $(XEN_HEADERS)
	$(call step,CC,$< (unit))
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CPPFLAGS) $(UNIT_CFLAGS) -MMD -MP -c $< -o $@

define unit_rule
$(UNIT_DIR)/$(1): $(UNIT_DIR)/obj/tests/unit/test_$(1).o \
    $(patsubst %.c,$(UNIT_DIR)/obj/%.o,$(call unit_sources,tests/unit/test_$(1).c))
	$$(call step,LD,$$@)
	$$(Q)$(CC) $(UNIT_CFLAGS) $$^ -lcriterion $(call unit_libs,tests/unit/test_$(1).c) -o $$@
endef
$(foreach name,$(UNIT_NAMES),$(eval $(call unit_rule,$(name))))

# Hypercalls that a test answers: they are calls, of which the compiler does not know.
$(UNIT_DIR)/obj/split_drivers/blkback_grants.o: UNIT_CPPFLAGS += -DHYPERCALL_INSTRUCTION=HYPERCALL_GATE
$(UNIT_DIR)/obj/split_drivers/blkback_grants.o: UNIT_CFLAGS += -mno-red-zone

# The one test that stands on a library which is built here.
$(UNIT_DIR)/obj/pvguest/ext4/%.o $(UNIT_DIR)/obj/tests/unit/test_pvguest_ext4.o: UNIT_CPPFLAGS += $(EXT2FS_HOST_CPPFLAGS)
$(patsubst %.c,$(UNIT_DIR)/obj/%.o,$(wildcard pvguest/ext4/*.c) tests/unit/test_pvguest_ext4.c): | $(EXT2FS_HOST_LIB)
$(UNIT_DIR)/pvguest_ext4: | $(EXT2FS_HOST_LIB)

-include $(shell find $(UNIT_DIR)/obj -name '*.d' 2>/dev/null)
