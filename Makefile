# vmferry: make builds ./vmferry and build/libcore.a. Targets:
#   all unit test e2e demo bench lint asan install clean   (docs/HACKING.md)
# Packages come from tests/deps.txt; registries (verbs, steps, sources, sinks,
# hosters) are made from file names.

VERSION := 0.1
PREFIX ?= /usr/local
# A second build (asan, clang) has a directory of its own: make B=build-asan.
B ?= build
CC = gcc
SAN ?=
WERROR ?= $(if $(CI),-Werror)
PKGS := libcurl jansson libssh2 libpci libnbd libguestfs libarchive yaml-0.1 \
	libssl libcrypto libxml-2.0 ext2fs com_err zlib
TEST_PKGS := cmocka hivex

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wformat=2 -Wvla -Wpointer-arith \
	-Wwrite-strings -Wimplicit-fallthrough
OPT ?= -O2 -D_FORTIFY_SOURCE=2
CFLAGS_ALL = -std=gnu11 -g $(OPT) -fPIE -fstack-protector-strong $(WARN) \
	$(WERROR) $(SAN) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
	-DVERSION='"$(VERSION)"' -I. -Icore -I$(B) $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now $(SAN) $(LDFLAGS)

REGISTRIES := verb step source sink hoster
GEN := $(REGISTRIES:%=$(B)/gen/%.h)
CORE := $(sort $(wildcard core/*.c core/*/*.c))
UI := $(sort $(wildcard tui/*.c screens/*.c))
FUZZ := $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
UNIT := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
UITESTS := $(patsubst tests/ui/%.c,%,$(sort $(wildcard tests/ui/test_*.c)))
# Shared by the tests of screens; test_* and demo are programs.
UIHELP := $(filter-out tests/ui/test_% tests/ui/demo.c,\
	$(sort $(wildcard tests/ui/*.c)))
LABS := $(patsubst tests/lab/%/,%,$(sort $(dir $(wildcard tests/lab/*/*.c))))
obj = $(1:%.c=$(B)/%.o)

.PHONY: all unit test e2e kill-sweep demo lint asan install clean test-deps
.SECONDARY:
.DELETE_ON_ERROR:

ifeq ($(B),build)
BIN := vmferry
else
BIN := $(B)/vmferry
endif
# Languages: po/LANG.po, found at run time beside the program (core/i18n.h).
MO := $(patsubst po/%.po,$(B)/locale/%/LC_MESSAGES/vmferry.mo,$(wildcard po/*.po))
all: $(BIN) $(MO)

ifneq ($(MAKECMDGOALS),clean)
include $(B)/config.mk
endif

# Remade (and make restarted) when the list of packages changes.
$(B)/config.mk: tests/deps.txt Makefile
	@mkdir -p $(@D)
	@tests/deps.sh build
	@{ echo "PKG_CFLAGS := $$(pkg-config --cflags $(PKGS))"; \
	   echo "PKG_LIBS := $$(pkg-config --libs $(PKGS)) -laio"; } > $@

$(B)/test-deps: tests/deps.txt
	@tests/deps.sh build test
	@touch $@
test-deps: $(B)/test-deps

# build/gen/verb.h: one X(name) a file of core/verb/, in name order.
$(B)/gen/%.h: FORCE
	@mkdir -p $(@D)
	@for f in $(sort $(wildcard core/$*/*.c)); do \
	   n=$${f##*/}; echo "X($${n%.c})"; done > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
.PHONY: FORCE

# What only tests is not run long enough to be worth -O2.
$(B)/tests/%.o: CFLAGS_ALL += $(if $(filter -O2,$(OPT)),-O1)

$(B)/%.o: %.c $(B)/config.mk | $(GEN)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/libcore.a: $(call obj,$(CORE))
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/libui.a: $(call obj,$(UI))
	@rm -f $@
	$(AR) rcs $@ $^

$(BIN): $(B)/main.o $(B)/libui.a $(B)/libcore.a
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS) \
		$(shell pkg-config --libs ncursesw) -lpthread

# Unit tests link without ncurses: the engine needs no screen.
$(B)/unit/%: $(B)/tests/unit/%.o $(B)/libcore.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(filter %.a,$^) \
		$(PKG_LIBS) $(shell pkg-config --libs $(TEST_PKGS)) -lpthread
# A guest that is a directory tree.
$(patsubst %,$(B)/unit/%,$(filter test_guest%,$(filter-out test_guestos,$(UNIT)))): \
	$(B)/tests/unit/guest_dir.o

# Tests of screens: key scripts, libvterm instead of a terminal. build/ui/demo
# shows every widget.
$(B)/ui/%: $(B)/tests/ui/%.o $(call obj,$(UIHELP)) $(B)/libui.a $(B)/libcore.a \
		| $(BIN) $(MO)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS) -lutil \
		$(shell pkg-config --libs ncursesw vterm $(TEST_PKGS)) -lpthread

# The screens of tests/ui/golden anew, after a change that is meant: read the
# diff.
ui-golden: $(UITESTS:%=$(B)/ui/%)
	@for t in $^; do UI_GOLDEN=write $$t >/dev/null 2>&1 || $$t; done
	@git diff --stat -- tests/ui/golden
.PHONY: ui-golden

$(B)/locale/%/LC_MESSAGES/vmferry.mo: po/%.po
	@mkdir -p $(@D)
	msgfmt -c -o $@ $<

# Every message of the sources into po/*.po; new ones stand there empty.
pot:
	@mkdir -p $(B)
	@po/xgettext.sh $(B)/vmferry.pot
	@for f in po/*.po; do msgmerge -q -U --backup=none --no-location \
	   --no-fuzzy-matching --sort-output $$f $(B)/vmferry.pot && \
	   msgattrib --no-obsolete --sort-output -o $$f $$f; done
.PHONY: pot

unit: $(B)/test-deps
	@$(MAKE) --no-print-directory $(UNIT:%=$(B)/unit/%) \
		$(UITESTS:%=$(B)/ui/%) $(B)/ui/demo \
		$(FUZZ:%=$(B)/fuzz/%) $(LABS:%=$(B)/lab-%) all
	@tests/run-unit $(UNIT:%=$(B)/unit/%) $(UITESTS:%=$(B)/ui/%) \
		$(FUZZ:%=$(B)/fuzz/%)

# Fuzz targets: with driver.c a fixed row of mutations, part of unit.
$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/driver.o $(B)/libcore.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS) -lpthread

# The same with libFuzzer and sanitizers, FUZZ_TIME seconds a target, in
# build-fuzz; real files of ../shared are seeds too.
FUZZ_TIME ?= 60
fuzz: $(B)/test-deps
	@$(MAKE) --no-print-directory B=build-fuzz CC=clang OPT=-O1 \
		SAN=-fsanitize=fuzzer-no-link,address,undefined fuzz-run
fuzz-run: $(FUZZ:%=$(B)/libfuzzer/%)
	@tests/fuzz/run $(FUZZ_TIME) $^
$(B)/libfuzzer/%: $(B)/tests/fuzz/%.o $(B)/libcore.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $^ $(PKG_LIBS) -lpthread
.PHONY: fuzz fuzz-run

# Lab programs: build/lab-NAME from tests/lab/NAME/*.c; libs.mk there may set
# LAB_PKGS_NAME and LAB_LDFLAGS_NAME, and LAB_ALSO_NAME: sources shared.
-include $(wildcard tests/lab/*/libs.mk)
define lab_rule
$(B)/lab-$(1): $(call obj,$(sort $(wildcard tests/lab/$(1)/*.c)) \
		$(LAB_ALSO_$(1)))
	$$(CC) $$(LDFLAGS_ALL) $$(LAB_LDFLAGS_$(1)) -o $$@ $$^ \
		$$(if $$(LAB_PKGS_$(1)),$$(shell pkg-config --libs $$(LAB_PKGS_$(1)))) -lpthread
endef
$(foreach l,$(LABS),$(eval $(call lab_rule,$(l))))
lab: $(B)/test-deps
	@$(MAKE) --no-print-directory $(LABS:%=$(B)/lab-%)
.PHONY: lab

# The rules of docs/HACKING.md; lint-self shows that each of them bites.
lint: $(B)/test-deps
	@tests/lint-self
	@tests/lint

# Manual pages: those of docs/, and vmferry-errors(7) made from errors.def.
MAN := $(wildcard docs/*.[1-8]) $(B)/vmferry-errors.7
$(B)/vmferry-errors.7: core/errors.def docs/errors7.sh
	@mkdir -p $(@D)
	docs/errors7.sh core/errors.def $(VERSION) > $@
docs: $(B)/vmferry-errors.7
.PHONY: docs

# --- tests ---

test: $(B)/test-deps
	@$(MAKE) --no-print-directory -j2 all lab $(UNIT:%=$(B)/unit/%) \
		$(UITESTS:%=$(B)/ui/%)
	@tests/run-all

# Both lab VMs from the ESXi host to Proxmox VE, without a hand.
e2e: $(B)/test-deps
	@$(MAKE) --no-print-directory -j2 all lab
	@tests/e2e/cross
	@tests/e2e/image inside
	@tests/e2e/guest all

# kill -9 of the worker at KILLS random moments; make test takes five.
KILLS ?= 50
kill-sweep: $(B)/test-deps
	@$(MAKE) --no-print-directory -j2 all lab
	@KILLS=$(KILLS) tests/e2e/kills

# Real Debian guests from VMware-like to Proxmox-like hardware; the ladder of
# buses, the rehearsal, what comes after the start, older layouts: half an hour
# without KVM, more to build the images. Last line: N up of N.
boot-matrix: $(B)/test-deps
	@$(MAKE) --no-print-directory -j2 all lab
	@tests/matrix/run --all
.PHONY: boot-matrix

# What the copy is worth against what else there is: docs/benchmarks.md.
# BENCH_RUNS, BENCH_SCALE and BENCH_WORK: tests/bench/run. An hour at full size.
bench: $(B)/test-deps
	@$(MAKE) --no-print-directory -j2 all lab $(B)/bench-delay
	@tests/bench/run
.PHONY: bench

# The copy's fault matrix in full: 200 offsets (test_copy_matrix has some).
copy-faults: $(B)/test-deps
	@$(MAKE) --no-print-directory -j2 lab $(B)/unit/test_copy_matrix
	COPY_FAULTS=200 $(B)/unit/test_copy_matrix
.PHONY: copy-faults

$(B)/bench-delay: $(B)/tests/bench/delay.o
	$(CC) $(LDFLAGS_ALL) -o $@ $^

# The failover address at three hosters: every case, a kill after every
# request, three guests that boot behind it.
e2e-hosters: $(B)/test-deps
	@$(MAKE) --no-print-directory -j2 all lab
	@tests/e2e/hoster
	@tests/e2e/hoster-job all
	@tests/e2e/hoster-cross ovh dedibox hetzner
.PHONY: e2e-hosters

demo: $(B)/test-deps
	@$(MAKE) --no-print-directory -j2 all lab
	@tests/demo

# The unit tests and those of screens again with address, leak and undefined
# behaviour sanitizers.
ASAN := B=build-asan SAN="-fsanitize=address,undefined \
	-fno-sanitize-recover=undefined" OPT=-O1
asan: $(B)/test-deps
	@$(MAKE) --no-print-directory -j2 all lab
	@$(MAKE) --no-print-directory -j2 $(ASAN) $(LABS:%=build-asan/lab-%) \
		$(UNIT:%=build-asan/unit/%) $(UITESTS:%=build-asan/ui/%)
	@tests/run-unit $(UNIT:%=build-asan/unit/%) \
		$(UITESTS:%=build-asan/ui/%)

# And under valgrind: slow, so not in test.
valgrind: $(B)/test-deps
	@$(MAKE) --no-print-directory -j2 $(UNIT:%=$(B)/unit/%) $(B)/ui/test_widgets
	@tests/run-valgrind $(UNIT:%=$(B)/unit/%) $(B)/ui/test_widgets
.PHONY: valgrind

install: all docs
	install -D -m 755 vmferry $(DESTDIR)$(PREFIX)/sbin/vmferry
	for m in $(MO:$(B)/%=%); do install -D -m 644 $(B)/$$m \
	   $(DESTDIR)$(PREFIX)/share/$$m; done
	for m in $(MAN); do install -D -m 644 $$m \
	   $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done

# The Debian package of what is committed: build/deb/vmferry_*.deb.
deb: $(B)/test-deps
	@rm -rf $(B)/deb && mkdir -p $(B)/deb/vmferry
	@git archive HEAD | tar -x -C $(B)/deb/vmferry
	cd $(B)/deb/vmferry && dpkg-buildpackage -us -uc -b
	@ls $(B)/deb/*.deb
.PHONY: deb

clean:
	rm -rf build build-* vmferry

# Not build/guests: packages unpacked there have directories named *.d.
-include $(shell find $(B) -path $(B)/guests -prune -o -type f -name '*.d' -print 2>/dev/null)
