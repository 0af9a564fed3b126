# SPDX-License-Identifier: MIT
#
# The porting kit: build/kit is a folder that can be moved anywhere, with all that a program needs to become a guest and to be
# tried out: headers, libraries, start files, a compiler driver, a project template, and both hypervisors to boot it on.

KIT       := $(B)/kit
KIT_STAMP := $(KIT)/.complete

# What the compiler driver adds: the flags of the library itself, without its warnings and its folders. The program is compiled as a
# hosted one, for newlib; it is Unix-like, and not Linux.
KIT_CFLAGS := $(filter-out -std=% -ffreestanding -nostdinc -isystem $(GCC_INCLUDE) $(NEWLIB)/include,$(FREE_FLAGS) $(NEWLIB_CFLAGS)) \
    -fno-stack-protector -fno-omit-frame-pointer -ffunction-sections -fdata-sections \
    -U__linux__ -U__linux -Ulinux -U__gnu_linux__ -D__ryokan__=1 \
    $(filter -D%,$(PVGUEST_CPPFLAGS))

# In the order of the link: the library's functions take the place of newlib's of the same name.
KIT_LIBS    := $(SPLIT_LIB) $(PVGUEST_LIB) $(PVGUEST_NET_LIBS) $(PVGUEST_EXT4_LIBS) $(NEWLIB)/lib/libc.a $(NEWLIB)/lib/libm.a
KIT_HEADERS := $(wildcard pvguest/*.h pvguest/include/*.h pvguest/include/*/*.h pvguest/lwip/*.h pvguest/lwip/*/*.h \
               pvguest/ext4/*.h split_drivers/*.h)
KIT_RUN     := run/run.py run/guest.py run/qemu.py run/trace.py
KIT_BOOT    := $(HV) $(DOM0_ELF) $(DOM0_INITRD) $(XEN_REAL)
KIT_FILES   := $(wildcard kit/*.* kit/ryokan-* kit/new-guest kit/template/* kit/samples/*/* kit/samples/*/files/*) $(KIT_RUN) hv/ksyms.awk

# The reference describes every header of the library and of the split drivers but these, which are parts of one another.
KIT_PRIVATE_HEADERS := $(addprefix pvguest/,cpu_layout.h entry.h pvh.h libc.h layout.h) \
    $(addprefix split_drivers/,blkback_grants.h blkback_io.h blkfront_pool.h blkfront_ring.h blkif_ring.h dhcp_server.h dns_forwarder.h fair_share.h gateway.h grant_copy.h lwip_packet.h \
    netback.h netback_queue.h nat.h netfront_multicast.h netfront_ring.h packet.h ring.h stack_port.h switch.h transfer.h vbd_number.h worker.h)
REFERENCE_HEADERS := $(filter-out $(KIT_PRIVATE_HEADERS),$(wildcard pvguest/*.h split_drivers/*.h)) pvguest/ext4/ext4.h pvguest/lwip/start.h

.PHONY: docs
docs: | $(SETUP) ## the guest library's reference, from its headers: build/REFERENCE.md
	$(call step,DOC,$(B)/REFERENCE.md)
	$(Q)python3 kit/reference.py $(REFERENCE_HEADERS) > $(B)/REFERENCE.md

.PHONY: kit
kit: $(KIT_STAMP) ## the porting kit, a folder that can be moved: build/kit

$(KIT_STAMP): $(KIT_FILES) $(KIT_HEADERS) $(KIT_LIBS) $(PVGUEST_DEPS) $(KIT_BOOT) pvguest/pvguest.mk | $(XEN_HEADERS)
	$(call step,KIT,$(KIT))
	$(Q)rm -rf $(KIT) && mkdir -p $(KIT)/include/c $(KIT)/include/posix $(KIT)/include/net $(KIT)/include/pvguest $(KIT)/lib/pkgconfig $(KIT)/bin $(KIT)/boot
	$(Q)cp -r $(NEWLIB)/include/. $(KIT)/include/c && cp -r pvguest/include/. $(KIT)/include/posix
	$(Q)cp -r $(LWIP_SRC)/src/include/. $(KIT)/include/net
	$(Q)mkdir -p $(KIT)/src/lwip && cp -rp $(LWIP_SRC)/src/apps $(KIT)/src/lwip
	$(Q)cp -r pvguest/lwip/include/. $(KIT)/include/posix && mkdir -p $(KIT)/include/pvguest/lwip && cp pvguest/lwip/start.h $(KIT)/include/pvguest/lwip
	$(Q)cp pvguest/lwip/*.h $(KIT)/include/net && cp -r pvguest/lwip/arch $(KIT)/include/net
	$(Q)mkdir -p $(KIT)/include/pvguest/ext4 $(KIT)/include/split_drivers
	$(Q)cp pvguest/*.h $(KIT)/include/pvguest && cp pvguest/ext4/*.h $(KIT)/include/pvguest/ext4
	$(Q)cp split_drivers/*.h $(KIT)/include/split_drivers && cp -rL $(XEN_HEADERS) $(KIT)/include
	$(Q)cp $(KIT_LIBS) $(PVGUEST_START) $(PVGUEST_LDS) hv/ksyms.awk $(KIT)/lib
	$(Q)printf '%s\n' $(KIT_CFLAGS:%='%') > $(KIT)/lib/cflags
	$(Q)printf '%s\n' $(PVGUEST_LDFLAGS:%='%') > $(KIT)/lib/ldflags
	$(Q)printf '%s\n' $(notdir $(KIT_LIBS)) > $(KIT)/lib/libraries
	$(Q)sed -e 's|@CFLAGS@|$(KIT_CFLAGS)|' -e 's|@LDFLAGS@|$(PVGUEST_LDFLAGS)|' -e 's|@GCC_INCLUDE@|$(GCC_INCLUDE)|' \
	    -e 's|@LIBS@|$(foreach lib,$(notdir $(KIT_LIBS)),$${prefix}/lib/$(lib))|' kit/pvguest.pc > $(KIT)/lib/pkgconfig/pvguest.pc
	$(Q)cp kit/ryokan-cc kit/ryokan-run kit/new-guest $(KIT_RUN) $(KIT)/bin
	$(Q)cp -p kit/guest.mk kit/README.md LICENSE $(KIT) && cp -rp kit/template kit/samples $(KIT)
	$(Q)python3 kit/reference.py $(REFERENCE_HEADERS) > $(KIT)/REFERENCE.md
	$(Q)cp $(KIT_BOOT) $(KIT)/boot
	$(Q)touch $@

.PHONY: new-guest
new-guest: kit ## a project of your own, outside this tree: NAME=path/to/foo
	$(if $(NAME),,$(error usage: make new-guest NAME=path/to/foo))
	$(Q)$(KIT)/bin/new-guest $(NAME)

# The samples are projects like any other, and built as such: kit/samples/NAME becomes build/samples/NAME/NAME.elf.
SAMPLES := $(notdir $(patsubst %/,%,$(dir $(wildcard kit/samples/*/Makefile))))

.PHONY: samples $(SAMPLES:%=sample-%)
samples: $(SAMPLES:%=sample-%) ## build the sample guests of kit/samples

$(SAMPLES:%=sample-%): sample-%: $(KIT_STAMP)
	$(Q)$(MAKE) --no-print-directory $(if $(Q),--quiet) -C kit/samples/$* KIT=$(abspath $(KIT)) O=$(abspath $(B)/samples/$*) \
	    LUA_SRC=$(abspath $(LUA_SRC)) SQLITE_SRC=$(abspath $(SQLITE_SRC))

sample-lua: $(LUA_SRC)/.unpacked
sample-sqlite: $(SQLITE_SRC)/.unpacked

test: kit samples
