# SPDX-License-Identifier: MIT
#
# newlib from Debian's package newlib-source, built for pvguest with the host's gcc: installed in
# $(NEWLIB)/{include,lib}.

NEWLIB         := $(B)/newlib/x86_64-elf
NEWLIB_LIBC    := $(NEWLIB)/lib/libc.a
NEWLIB_VERSION := 3.3.0-1.3+deb12u1
NEWLIB_SHA256  := c6f3a88b9d93420904241b231ca8647303be3bfb3cfef6adc8d1ea9207291033
NEWLIB_TAR     := $(SRC)/newlib-3.3.0.tar.xz

# What everything that is linked with newlib must be compiled with: guests live below 2 GiB of virtual address
# space, and each thread has a reentrancy structure of its own. There is a C library, so the compiler may count on it, and copy
# a few bytes without a call.
NEWLIB_CFLAGS  := -fbuiltin -mcmodel=small -fno-pic -fno-pie -D__DYNAMIC_REENT__ -isystem $(NEWLIB)/include

NEWLIB_TARGET_CFLAGS := -O2 -g -ffreestanding -mno-red-zone -fno-stack-protector -fno-pic -fno-pie \
    -mcmodel=small -fcf-protection=none -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections \
    -D__DYNAMIC_REENT__ -U__linux__ -Ulinux -U__gnu_linux__ -U__unix__ -Uunix \
    -nostdinc -isystem $(GCC_INCLUDE)

NEWLIB_TOOLS := CC_FOR_TARGET=gcc AS_FOR_TARGET=as LD_FOR_TARGET=ld AR_FOR_TARGET=ar RANLIB_FOR_TARGET=ranlib \
    NM_FOR_TARGET=nm OBJCOPY_FOR_TARGET=objcopy OBJDUMP_FOR_TARGET=objdump READELF_FOR_TARGET=readelf \
    STRIP_FOR_TARGET=strip MAKEINFO=true

# Without C99 formats %zu and %hhx print literally; the retargetable locks are what makes malloc safe for threads; with
# global streams all threads share one stdout instead of each having its own buffer.
NEWLIB_OPTIONS := --target=x86_64-elf --prefix=$(abspath $(B)/newlib) --disable-multilib --disable-nls \
    --disable-shared --disable-libssp --disable-newlib-supplied-syscalls --enable-newlib-retargetable-locking \
    --enable-newlib-io-c99-formats --enable-newlib-io-long-long \
    --enable-newlib-global-stdio-streams

.PHONY: newlib
newlib: $(NEWLIB_LIBC)

$(NEWLIB_TAR): | $(SETUP)
	$(Q)$(QUIET) 'fetch newlib $(NEWLIB_VERSION)' $(B)/log/newlib-fetch.log \
	    $(FETCH) $(SRC) download newlib-source=$(NEWLIB_VERSION)
	$(Q)dpkg-deb --fsys-tarfile $(SRC)/newlib-source_*.deb | tar xO ./usr/src/newlib/newlib-3.3.0.tar.xz > $@
	$(Q)rm $(SRC)/newlib-source_*.deb
	$(Q)$(call check_sha256,$(NEWLIB_SHA256),$@)

# Built again only when its options change, not when this file's date does.
NEWLIB_CONFIG := $(B)/.newlib-config
$(NEWLIB_CONFIG): FORCE
	$(Q)mkdir -p $(@D) && printf '%s\n' '$(NEWLIB_VERSION) $(NEWLIB_TARGET_CFLAGS) $(NEWLIB_OPTIONS)' > $@.new
	$(Q)cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# The tree unpacks as newlib-salsa/; it and the objects go away again, 250 MB that nobody needs.
NEWLIB_BUILD := $(B)/newlib-build
$(NEWLIB_LIBC): $(NEWLIB_TAR) $(NEWLIB_CONFIG)
	$(Q)rm -rf $(NEWLIB_BUILD) $(B)/newlib && mkdir -p $(NEWLIB_BUILD)/obj
	$(Q)$(QUIET) 'unpack newlib' $(B)/log/newlib-unpack.log tar xf $(NEWLIB_TAR) -C $(NEWLIB_BUILD)
	$(Q)cd $(NEWLIB_BUILD)/obj && MAKEFLAGS= $(abspath $(QUIET)) 'configure newlib' $(abspath $(B))/log/newlib-configure.log \
	    ../newlib-salsa/configure $(NEWLIB_OPTIONS) $(NEWLIB_TOOLS) CFLAGS_FOR_TARGET='$(NEWLIB_TARGET_CFLAGS)'
	$(Q)MAKEFLAGS= $(QUIET) 'compile newlib (about a minute)' $(B)/log/newlib-make.log \
	    make -C $(NEWLIB_BUILD)/obj -j$$(nproc) MAKEINFO=true all-target-newlib
	$(Q)MAKEFLAGS= $(QUIET) 'install newlib under $(B)' $(B)/log/newlib-install.log \
	    make -C $(NEWLIB_BUILD)/obj MAKEINFO=true install-target-newlib
	$(Q)rm -rf $(NEWLIB_BUILD)
	$(Q)touch $@

# Installed by the same commands.
$(NEWLIB)/lib/libm.a: $(NEWLIB_LIBC) ;
