# SPDX-License-Identifier: MIT
#
# Split drivers, front and back ends, as a library for guests and dom0. Images that use it are also linked with lwIP
# (PVGUEST_NET_LIBS); what an image does not refer to stays out.

SPLIT_DIR := $(B)/split_drivers
SPLIT_LIB := $(SPLIT_DIR)/libsplit_drivers.a
SPLIT_OBJ := $(patsubst split_drivers/%.c,$(SPLIT_DIR)/obj/%.o,$(wildcard split_drivers/*.c))

$(SPLIT_LIB): $(SPLIT_OBJ)
	$(call step,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(SPLIT_DIR)/obj/%.o: split_drivers/%.c split_drivers/split_drivers.mk Makefile | $(XEN_HEADERS) $(NEWLIB_LIBC) $(LWIP_LIB)
	$(call step,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PVGUEST_CPPFLAGS) $(LWIP_CPPFLAGS) $(PVGUEST_CFLAGS) -MMD -MP -c $< -o $@

-include $(shell find $(SPLIT_DIR)/obj -name '*.d' 2>/dev/null)
