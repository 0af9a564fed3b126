# SPDX-License-Identifier: MIT
#
# SQLite from Debian's source package, unmodified: the upstream tarball, whose own makefile puts the library together as one
# file, sqlite3.c, and the shell as shell.c. kit/samples/sqlite builds them.

SQLITE_SRC    := $(SRC)/sqlite
SQLITE_ORIG   := $(SRC)/sqlite3_3.40.1.orig.tar.xz
SQLITE_SHA256 := aaa776260ab4dc976db34aa7891819484c8676b5b2783123ebc6301e2ca5d655

$(SQLITE_SRC)/.unpacked: setup/sqlite.mk | $(SETUP_TEST)
	$(Q)$(QUIET) 'fetch the sources of SQLite' $(B)/log/sqlite-fetch.log $(FETCH) $(SRC) source --download-only sqlite3
	$(Q)$(call check_sha256,$(SQLITE_SHA256),$(SQLITE_ORIG))
	$(Q)rm -rf $(@D) && mkdir -p $(@D) && tar -C $(@D) --strip-components=1 -xf $(SQLITE_ORIG)
	$(Q)cd $(@D) && MAKEFLAGS= $(abspath $(QUIET)) 'put SQLite together' $(abspath $(B))/log/sqlite-make.log \
	    sh -c './configure --disable-tcl --disable-readline && make sqlite3.c shell.c'
	$(Q)touch $@
