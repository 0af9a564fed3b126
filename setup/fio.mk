# SPDX-License-Identifier: MIT
#
# fio from Debian's source package: the packaged program needs the libraries of every storage cluster there is. For tests only.

FIO         := $(B)/fio/fio
FIO_VERSION := 3.33-3
FIO_DSC     := $(SRC)/fio_$(FIO_VERSION).dsc
FIO_ORIG_SHA256   := d2410e13e0f379d061d077cc5ae325835bb7c6186aa7bafc1df954cbc9b014fc
FIO_DEBIAN_SHA256 := 796ef40f7f1de5b4d3698024b4c56eb1b7b86fb1fef58ec41c966deebbafd515

FIO_OPTIONS := --disable-native --disable-numa --disable-rdma --disable-rados --disable-rbd --disable-gfapi --disable-http \
    --disable-pmem --disable-shm --disable-lex --disable-libnfs  --disable-libzbc --disable-dfs --disable-xnvme

$(SRC)/fio/.unpacked: | $(SETUP_TEST)
	$(Q)rm -rf $(SRC)/fio
	$(Q)$(QUIET) 'fetch fio $(FIO_VERSION)' $(B)/log/fio-fetch.log $(FETCH) $(SRC) source --download-only fio=$(FIO_VERSION)
	$(Q)$(call check_sha256,$(FIO_ORIG_SHA256),$(SRC)/fio_3.33.orig.tar.gz)
	$(Q)$(call check_sha256,$(FIO_DEBIAN_SHA256),$(SRC)/fio_$(FIO_VERSION).debian.tar.xz)
	$(Q)dpkg-source --no-check -x $(FIO_DSC) $(SRC)/fio > $(B)/log/fio-unpack.log 2>&1
	$(Q)touch $@

$(FIO): $(SRC)/fio/.unpacked
	$(Q)mkdir -p $(@D)
	$(Q)cd $(SRC)/fio && MAKEFLAGS= $(abspath $(QUIET)) 'configure fio' $(abspath $(B))/log/fio-configure.log ./configure $(FIO_OPTIONS)
	$(Q)MAKEFLAGS= $(QUIET) 'compile fio (a minute)' $(B)/log/fio-make.log make -C $(SRC)/fio -j$$(nproc) fio
	$(Q)strip -o $@ $(SRC)/fio/fio
