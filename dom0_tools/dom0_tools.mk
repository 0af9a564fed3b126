# SPDX-License-Identifier: MIT
#
# dom0: one program, linked from a library for each folder of dom0_tools/, and the archive with its files.

DOM0_DIR    := $(B)/dom0
DOM0_ELF    := $(DOM0_DIR)/dom0.elf
DOM0_DEBUG  := $(DOM0_DIR)/dom0.debug.elf
DOM0_INITRD := $(DOM0_DIR)/initrd.tar

DOM0_PARTS := $(notdir $(patsubst %/,%,$(sort $(dir $(wildcard dom0_tools/*/*.c)))))
DOM0_LIBS  := $(DOM0_PARTS:%=$(DOM0_DIR)/lib%.a)
DOM0_MAIN  := $(DOM0_DIR)/obj/main.o
DOM0_FILES := $(shell find dom0_tools/initrd -type f)

.PHONY: dom0
dom0: $(DOM0_ELF) $(DOM0_INITRD) ## build dom0 and its archive of files

$(DOM0_DIR)/obj/%.o: dom0_tools/%.c dom0_tools/dom0_tools.mk Makefile | $(XEN_HEADERS) $(NEWLIB_LIBC)
	$(call step,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PVGUEST_CPPFLAGS) $(PVGUEST_CFLAGS) -MMD -MP -c $< -o $@

# What dom0's builder and the hypervisor's boot-time one have in common is written once, under hv/.
DOM0_SHARED := hv/boot/unpack hv/lib/bzimage_payload hv/lib/elf hv/lib/hvm_exit_names hv/lib/parse hv/lib/pv_layout hv/lib/pvh_acpi hv/lib/pvh_layout hv/lib/xen_elfnotes

$(DOM0_DIR)/obj/hv/%.o: hv/%.c dom0_tools/dom0_tools.mk Makefile $(DECOMPRESS_SRC)/.unpacked | $(XEN_HEADERS) $(NEWLIB_LIBC)
	$(call step,CC,$< (dom0))
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PVGUEST_CPPFLAGS) $(UNPACK_CPPFLAGS) $(PVGUEST_CFLAGS) -MMD -MP -c $< -o $@

$(DOM0_DIR)/libshared.a: $(DOM0_SHARED:%=$(DOM0_DIR)/obj/%.o)
	$(call step,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(DOM0_DIR)/obj/builder/%.o: PVGUEST_CPPFLAGS += $(UNPACK_CPPFLAGS)
$(DOM0_DIR)/obj/builder/kernel_image.o: $(DECOMPRESS_SRC)/.unpacked

# `xl list -l` prints JSON.
$(DOM0_DIR)/obj/xl/%.o: PVGUEST_CPPFLAGS += $(CJSON_CPPFLAGS)
$(DOM0_DIR)/obj/xl/xl_list_json.o: $(CJSON_DIR)/.unpacked

# The API: HTTP, JSON, TLS, sockets.
$(DOM0_DIR)/obj/api/%.o: PVGUEST_CPPFLAGS += $(CJSON_CPPFLAGS) $(HTTP_PARSER_CPPFLAGS) $(MBEDTLS_CPPFLAGS) $(LWIP_CPPFLAGS)
$(patsubst dom0_tools/%.c,$(DOM0_DIR)/obj/%.o,$(wildcard dom0_tools/api/*.c)): $(CJSON_DIR)/.unpacked \
    $(HTTP_PARSER_DIR)/.unpacked $(MBEDTLS_DIR)/.unpacked | $(LWIP_LIB)

$(DOM0_DIR)/obj/network/%.o: PVGUEST_CPPFLAGS += $(LWIP_CPPFLAGS)
$(patsubst dom0_tools/%.c,$(DOM0_DIR)/obj/%.o,$(wildcard dom0_tools/network/*.c)): | $(LWIP_LIB)

define dom0_library_rule
$(DOM0_DIR)/lib$(1).a: $(patsubst dom0_tools/%.c,$(DOM0_DIR)/obj/%.o,$(wildcard dom0_tools/$(1)/*.c))
	$$(call step,AR,$$@)
	$$(Q)rm -f $$@ && $(AR) rcs $$@ $$^
endef
$(foreach part,$(DOM0_PARTS),$(eval $(call dom0_library_rule,$(part))))

DOM0_LINKED := $(DOM0_MAIN) $(DOM0_LIBS) $(DOM0_DIR)/libshared.a $(UNPACK_LIB) $(CJSON_LIB) $(HTTP_PARSER_LIB) $(MBEDTLS_LIB) $(PVGUEST_EXT4_LIBS) $(SPLIT_LIB) $(PVGUEST_NET_LIBS)

# The one with debug information is for gdb; it is six times as large, and all of it would be loaded.
$(DOM0_DEBUG): $(DOM0_LINKED) $(PVGUEST_DEPS)
	$(call step,LD,$@)
	$(call pvguest_link,$@,$(DOM0_LINKED))

$(DOM0_ELF): $(DOM0_DEBUG)
	$(call step,OBJCOPY,$@)
	$(Q)$(OBJCOPY) --strip-debug $< $@

# The same files give the same archive, whoever builds it and when.
$(DOM0_INITRD): $(DOM0_FILES) dom0_tools/dom0_tools.mk
	$(call step,TAR,$@)
	$(Q)mkdir -p $(@D)
	$(Q)tar --format=ustar --sort=name --owner=0 --group=0 --numeric-owner --mode=a=rX,u+w --mtime=@0 \
	    -cf $@ -C dom0_tools/initrd $(sort $(notdir $(wildcard dom0_tools/initrd/*)))

-include $(shell find $(DOM0_DIR)/obj -name '*.d' 2>/dev/null)
