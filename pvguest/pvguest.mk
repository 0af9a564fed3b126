# SPDX-License-Identifier: MIT
#
# The guest kernel library, and what a program is compiled and linked with to be a guest:
#     object:  $(CC) $(PVGUEST_CPPFLAGS) $(PVGUEST_CFLAGS) -c prog.c
#     image:   $(call pvguest_link,image.elf,objects and further libraries)      needs $(PVGUEST_DEPS)

PVGUEST_DIR   := $(B)/pvguest
PVGUEST_LIB   := $(PVGUEST_DIR)/libpvguest.a
PVGUEST_START := $(PVGUEST_DIR)/obj/head.o
PVGUEST_LDS   := $(PVGUEST_DIR)/guest.lds
PVGUEST_DEPS   = $(PVGUEST_START) $(PVGUEST_LIB) $(PVGUEST_LDS) $(NEWLIB_LIBC) hv/ksyms.awk

# newlib declares only those parts of POSIX of which it is told that they exist.
# Hypercalls go through the gate that head.S has, because the same image may be paravirtual or PVH.
PVGUEST_CPPFLAGS := -DHYPERCALL_INSTRUCTION=HYPERCALL_GATE -I. -I$(B)/include -Ipvguest/include $(XEN_CPPFLAGS) $(CONFIG_FLAGS) \
                    -D_POSIX_TIMERS=200112L -D_POSIX_MONOTONIC_CLOCK=200112L -D_POSIX_TIMEOUTS=200112L \
                    -D_POSIX_THREADS=200112L -D_UNIX98_THREAD_MUTEX_ATTRIBUTES=1 -D_POSIX_READER_WRITER_LOCKS=200112L \
                    -D_POSIX_BARRIERS=200112L -D_POSIX_SPIN_LOCKS=200112L -D_POSIX_CLOCK_SELECTION=200112L
PVGUEST_CFLAGS   := -O2 $(FREE_FLAGS) $(NEWLIB_CFLAGS) $(WARN_FLAGS) -Wno-format-truncation -fno-stack-protector \
                    -fno-omit-frame-pointer -ffunction-sections -fdata-sections

PVGUEST_LDFLAGS := -nostdlib -static -no-pie -Wl,--gc-sections -Wl,--build-id=none \
    -Wl,-z,max-page-size=4096,-z,noexecstack,--no-warn-rwx-segments,--fatal-warnings
PVGUEST_LINK = $(CC) $(PVGUEST_LDFLAGS) -Wl,-T,$(PVGUEST_LDS) $(PVGUEST_START)
PVGUEST_LINK_END = $(PVGUEST_LIB) $(NEWLIB)/lib/libc.a $(NEWLIB)/lib/libm.a -Wl,--end-group -lgcc

# Twice: the second time with the table of function names (symbols.c), which follows the text and so does not move it.
define pvguest_link
$(Q)$(PVGUEST_LINK) -o $(1).link -Wl,--start-group $(2) $(PVGUEST_LINK_END)
$(Q)$(NM) $(1).link | LC_ALL=C sort | awk -f hv/ksyms.awk > $(1).ksyms.S && $(CC) -c $(1).ksyms.S -o $(1).ksyms.o
$(Q)$(PVGUEST_LINK) -o $(1) $(1).ksyms.o -Wl,--start-group $(2) $(PVGUEST_LINK_END)
$(Q)$(NM) $(1) | LC_ALL=C sort | awk -f hv/ksyms.awk | cmp - $(1).ksyms.S && rm $(1).link $(1).ksyms.S $(1).ksyms.o
endef

PVGUEST_SRC := $(wildcard pvguest/*.c pvguest/*.S pvguest/posix/*.c)
PVGUEST_OBJ := $(patsubst pvguest/%,$(PVGUEST_DIR)/obj/%.o,$(basename $(PVGUEST_SRC)))

.PHONY: pvguest
pvguest: $(PVGUEST_DEPS) ## build the guest kernel library

$(PVGUEST_LIB): $(filter-out $(PVGUEST_START),$(PVGUEST_OBJ))
	$(call step,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(PVGUEST_DIR)/obj/%.o: pvguest/%.c pvguest/pvguest.mk Makefile | $(XEN_HEADERS) $(NEWLIB_LIBC)
	$(call step,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PVGUEST_CPPFLAGS) $(PVGUEST_CFLAGS) -MMD -MP -c $< -o $@

$(PVGUEST_DIR)/obj/%.o: pvguest/%.S pvguest/pvguest.mk Makefile | $(XEN_HEADERS)
	$(call step,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PVGUEST_CPPFLAGS) $(FREE_FLAGS) -MMD -MP -c $< -o $@

# lwIP on the library: the port, then lwIP itself, for programs that use the network.
PVGUEST_NET_LIBS := $(PVGUEST_DIR)/libpvguest_net.a $(LWIP_LIB)

$(PVGUEST_DIR)/libpvguest_net.a: $(patsubst pvguest/%.c,$(PVGUEST_DIR)/obj/%.o,$(wildcard pvguest/lwip/*.c))
	$(call step,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(PVGUEST_DIR)/obj/lwip/%.o $(PVGUEST_DIR)/obj/guests/net/%.o $(PVGUEST_DIR)/obj/guests/netloop/%.o: PVGUEST_CPPFLAGS += $(LWIP_CPPFLAGS)
$(patsubst pvguest/%.c,$(PVGUEST_DIR)/obj/%.o,$(wildcard pvguest/lwip/*.c pvguest/guests/net/*.c pvguest/guests/netloop/*.c)): | $(LWIP_LIB)

# File systems on block devices: ext4, then the library that it is made of.
PVGUEST_EXT4_LIBS := $(PVGUEST_DIR)/libpvguest_ext4.a $(EXT2FS_LIB)

PVGUEST_EXT4_OBJ := $(patsubst pvguest/%.c,$(PVGUEST_DIR)/obj/%.o,$(wildcard pvguest/ext4/*.c))
$(PVGUEST_DIR)/libpvguest_ext4.a: $(PVGUEST_EXT4_OBJ)
	$(call step,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(PVGUEST_DIR)/obj/ext4/%.o: PVGUEST_CPPFLAGS += $(EXT2FS_CPPFLAGS)
$(PVGUEST_EXT4_OBJ): | $(EXT2FS_LIB)

$(PVGUEST_LDS): pvguest/guest.lds pvguest/layout.h
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -E -P -x c -I. $< -o $@

# Sample guests: pvguest/guests/NAME/*.c becomes build/pvguest/NAME.elf, linked with PVGUEST_LIBS_NAME.
PVGUEST_LIBS_netloop := $(PVGUEST_NET_LIBS)
PVGUEST_LIBS_disk    := $(B)/split_drivers/libsplit_drivers.a $(PVGUEST_NET_LIBS)
PVGUEST_LIBS_baddisk := $(B)/split_drivers/libsplit_drivers.a $(PVGUEST_NET_LIBS)
PVGUEST_LIBS_net     := $(B)/split_drivers/libsplit_drivers.a $(PVGUEST_NET_LIBS)

PVGUEST_GUESTS := $(notdir $(patsubst %/,%,$(dir $(wildcard pvguest/guests/*/main.c))))

define pvguest_guest_rule
$(PVGUEST_DIR)/$(1).elf: $(patsubst pvguest/%.c,$(PVGUEST_DIR)/obj/%.o,$(wildcard pvguest/guests/$(1)/*.c)) \
    $$(PVGUEST_LIBS_$(1)) $$(PVGUEST_DEPS)
	$$(call step,LD,$$@)
	$$(call pvguest_link,$$@,$$(filter $(PVGUEST_DIR)/obj/guests/% $$(PVGUEST_LIBS_$(1)),$$^))
endef
$(foreach name,$(PVGUEST_GUESTS),$(eval $(call pvguest_guest_rule,$(name))))

SELFTEST_FILES := $(shell cd pvguest/guests/selftest/files && find * -type f | sort)

$(PVGUEST_DIR)/selftest.tar: $(SELFTEST_FILES:%=pvguest/guests/selftest/files/%)
	$(Q)mkdir -p $(@D)
	$(Q)tar --format=ustar -C pvguest/guests/selftest/files -cf $@ $(SELFTEST_FILES)

.PHONY: pvguest-guests
pvguest-guests: $(PVGUEST_GUESTS:%=$(PVGUEST_DIR)/%.elf) $(PVGUEST_DIR)/selftest.tar ## build the sample guests

test: pvguest-guests

-include $(shell find $(PVGUEST_DIR)/obj -name '*.d' 2>/dev/null)
