# virt-privileges: `make help` lists the targets.

# The spec holds the one version number.
VERSION := $(shell sed -n 's/^Version: *//p' spec/virt-privileges.spec)
PREFIX ?= /usr/local
DESTDIR ?=
BINDIR ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
LIBDIR ?= $(PREFIX)/lib
UDEVRULESDIR ?= $(LIBDIR)/udev/rules.d
SYSUSERSDIR ?= $(LIBDIR)/sysusers.d
TMPFILESDIR ?= $(LIBDIR)/tmpfiles.d
UNITDIR ?= $(LIBDIR)/systemd/system
PRESETDIR ?= $(LIBDIR)/systemd/system-preset
BASHCOMPDIR ?= $(DATADIR)/bash-completion/completions
# Where objects and programs go; another one for another compiler or sanitizer.
BUILD ?= build
# How long make fuzz gives each target, and which ones: all, or names of FUZZ_TARGETS.
FUZZ_SECONDS ?= 60
# The vendor settings, read where there is no /etc/libvirt/qemu.conf.
VENDORDIR ?= $(DATADIR)/virt-privileges

CC ?= gcc
PKG_CONFIG ?= pkg-config
ARCH_HARDENING := $(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
# A packager's CFLAGS and LDFLAGS take the place of these.
CFLAGS ?= -O2 -g -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection \
	$(ARCH_HARDENING) -fPIE
LDFLAGS ?= -pie -Wl,-z,relro,-z,now,-z,noexecstack
WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wpointer-arith -Wvla $(if $(WERROR),-Werror)
ALL_CFLAGS = -std=gnu11 $(WARNINGS) -D_GNU_SOURCE -Itools/lib -DVERSION='"$(VERSION)"' \
	-DVENDOR_CONF='"$(VENDORDIR)/qemu.conf"' $(PC_CFLAGS) $(CFLAGS) -MMD -MP \
	-ffunction-sections -fdata-sections
# A function that a program does not call would bring its imports, which are looked up at each start.
ALL_LDFLAGS = $(LDFLAGS) -Wl,--as-needed -Wl,--gc-sections

# Each tools/NAME.c is a program; what it links beside libc stands here.
TOOLS := $(basename $(notdir $(wildcard tools/*.c)))
PC_virt-priv-exec := libcap-ng
PC_virt-priv-audit := blkid libcap-ng smartcols
PC_virt-priv-chown := blkid libacl libcap-ng libxml-2.0 smartcols
PC_virt-priv-run := blkid json-c libacl libcap-ng libxml-2.0 smartcols
PC_ALL := $(sort $(foreach tool,$(TOOLS),$(PC_$(tool))))
PC_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PC_ALL))

# The auditor's programs for the kernel, where they can be compiled: "make BPF=no" leaves
# them out. libbpf is needed for the build alone (tools/bpf/loaders.c).
BPF_CLANG ?= clang
PC_BPF := libbpf
BPF := $(shell $(PKG_CONFIG) --exists $(PC_BPF) 2>/dev/null && \
	$(BPF_CLANG) -target bpf -x c -c -o /dev/null /dev/null 2>/dev/null && echo yes || echo no)
BPF_LOADERS := $(if $(filter yes,$(BPF)),$(BUILD)/bpf/audit_loaders.h)

LIB_OBJECTS := $(patsubst tools/lib/%.c,$(BUILD)/lib/%.o,$(wildcard tools/lib/*/*.c))
PROGRAMS := $(addprefix $(BUILD)/,$(TOOLS))
# The page of the auditor gets its catalogue of checks when it is built.
AUDIT_MANUAL := $(BUILD)/man/virt-priv-audit.8
MANUALS := $(filter-out %/virt-priv-audit.8,$(wildcard tools/man/*.[0-9])) $(AUDIT_MANUAL)
COMPLETIONS := $(addprefix $(BUILD)/completion/,$(TOOLS))

.PHONY: all help
all: $(PROGRAMS) $(COMPLETIONS) $(AUDIT_MANUAL)

help:
	@echo 'make              build the tools into $$(BUILD) [$(BUILD)]'
	@echo 'make install      install below $$(DESTDIR)$$(PREFIX) [$(DESTDIR)$(PREFIX)]'
	@echo 'make enable       create the account, and make /dev/kvm accessible, after make install (as root)'
	@echo 'make disable      undo make enable (as root)'
	@echo 'make uninstall    undo make install'
	@echo 'make deps         install what the other targets need, with apt-get or dnf (as root)'
	@echo 'make check        run the fast tests, some minutes (as root)'
	@echo 'make check-all    run all tests except $$(WITHOUT) and those that boot virtual machines (as root)'
	@echo 'make check-vm     run the tests that boot virtual machines'
	@echo 'make check-releases run the tests in roots of other releases of Debian (as root)'
	@echo 'make vm-shell     open such a virtual machine on this terminal'
	@echo 'make fuzz         fuzz the parsers of untrusted input, $$(FUZZ_SECONDS) s each [$(FUZZ_SECONDS)]'
	@echo 'make coverage     report the lines that the tests, or $$(SUITES), do not cover, and why (as root)'
	@echo 'make bench        measure the cost, compared with other tools (as root)'
	@echo 'make rpm          build source and binary packages in $$(BUILD)/rpm; SIGN=KEY signs them'
	@echo 'make demo         run a guest as root and under virt-priv-exec, and compare them (as root)'
	@echo 'make format       format the C sources with clang-format'
	@echo 'make clean        remove $$(BUILD)'

$(BUILD)/bpf/audit.bpf.o: tools/bpf/audit.bpf.c tools/bpf/audit_record.h
	@mkdir -p $(@D)
	$(BPF_CLANG) -target bpf -mcpu=v3 -O2 -g -fdebug-compilation-dir=. -Wall $(if $(WERROR),-Werror) \
		$(shell $(PKG_CONFIG) --cflags $(PC_BPF)) -c -o $@ $<

$(BUILD)/bpf/loaders: tools/bpf/loaders.c tools/bpf/audit_record.h
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(shell $(PKG_CONFIG) --cflags --libs $(PC_BPF))

$(BUILD)/bpf/audit_loaders.h: $(BUILD)/bpf/loaders $(BUILD)/bpf/audit.bpf.o
	$< $(BUILD)/bpf/audit.bpf.o >$@.new
	@mv $@.new $@

$(BUILD)/lib/audit/bpf.o: $(BPF_LOADERS) tools/bpf/audit_record.h
$(BUILD)/lib/audit/bpf.o: private ALL_CFLAGS += $(BPF_LOADERS:%=-DBPF_LOADERS='"%"' -I.)

$(BUILD)/lib/%.o: tools/lib/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/lib/libvirtpriv.a: $(LIB_OBJECTS)
	@rm -f $@
	$(AR) qcs $@ $^

$(BUILD)/%: tools/%.c $(BUILD)/lib/libvirtpriv.a
	$(CC) $(ALL_CFLAGS) -MF $@.d $(ALL_LDFLAGS) -o $@ $< $(BUILD)/lib/libvirtpriv.a \
		$(if $(PC_$*),$(shell $(PKG_CONFIG) --libs $(PC_$*)))

# The bash completion of a tool is printed by its table of options, which another main() does.
$(BUILD)/generate/%.o: tools/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Dmain=main_of_tool -Wno-missing-prototypes -c -o $@ $<

$(BUILD)/generate/%: $(BUILD)/generate/%.o tools/completion/bash.c $(BUILD)/lib/libvirtpriv.a
	$(CC) $(ALL_CFLAGS) -MF $@.d $(ALL_LDFLAGS) -o $@ tools/completion/bash.c $< \
		$(BUILD)/lib/libvirtpriv.a $(if $(PC_$*),$(shell $(PKG_CONFIG) --libs $(PC_$*)))

$(BUILD)/completion/%: $(BUILD)/generate/%
	@mkdir -p $(@D)
	$< >$@.new
	@mv $@.new $@

$(BUILD)/man/catalogue: tools/man/catalogue.c $(BUILD)/lib/libvirtpriv.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MF $@.d $(ALL_LDFLAGS) -o $@ $< $(BUILD)/lib/libvirtpriv.a \
		$(shell $(PKG_CONFIG) --libs $(PC_virt-priv-audit))

$(AUDIT_MANUAL): tools/man/virt-priv-audit.8 $(BUILD)/man/catalogue
	$(BUILD)/man/catalogue >$@.checks
	sed -e '/^\.\\" @CATALOGUE@/ { r $@.checks' -e 'd; }' $< >$@.new
	mv $@.new $@

# Units under test link everything that a tool may link.
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
PC_TESTS := cmocka $(PC_ALL)
$(BUILD)/tests/test_%: tests/unit/test_%.c $(BUILD)/lib/libvirtpriv.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MF $@.d $(ALL_LDFLAGS) -o $@ $< $(BUILD)/lib/libvirtpriv.a \
		$(shell $(PKG_CONFIG) --libs $(PC_TESTS))

# Small programs that tests start, put states together with, or judge with.
HELPERS := $(patsubst tests/lib/%.c,$(BUILD)/tests/%,$(wildcard tests/lib/*.c))
$(BUILD)/tests/%: tests/lib/%.c $(BUILD)/lib/libvirtpriv.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MF $@.d $(ALL_LDFLAGS) -o $@ $< $(BUILD)/lib/libvirtpriv.a \
		$(shell $(PKG_CONFIG) --libs $(PC_TESTS))

# What tests put between a program and its C library.
PRELOADS := $(patsubst tests/fault/%.c,$(BUILD)/tests/%.so,$(wildcard tests/fault/*.c))
$(BUILD)/tests/%.so: tests/fault/%.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -fsanitize=%,$(ALL_CFLAGS)) -fPIC -shared -MF $@.d -o $@ $<

.PHONY: test-programs unit-programs
test-programs: $(UNIT_TESTS) $(HELPERS) $(PRELOADS)
unit-programs: $(UNIT_TESTS)

# What %check of the package runs: all of them, in the source tree.
.PHONY: check-unit $(UNIT_TESTS:%=run-%)
check-unit: $(UNIT_TESTS:%=run-%)
$(UNIT_TESTS:%=run-%): run-%: %
	$<

# Fuzz targets, for a build by clang -fsanitize=fuzzer-no-link: see tests/fuzz/run.
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
PC_FUZZ := $(PC_ALL)
$(BUILD)/fuzz/%: tests/fuzz/%.c $(BUILD)/lib/libvirtpriv.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MF $@.d $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $< \
		$(BUILD)/lib/libvirtpriv.a $(shell $(PKG_CONFIG) --libs $(PC_FUZZ))

# The same, which read files and make nothing up, for any compiler.
REPLAYS := $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/fuzz/replay_%,$(wildcard tests/fuzz/fuzz_*.c))
$(BUILD)/fuzz/replay_%: tests/fuzz/fuzz_%.c tests/fuzz/replay.c $(BUILD)/lib/libvirtpriv.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MF $@.d $(ALL_LDFLAGS) -o $@ $< tests/fuzz/replay.c \
		$(BUILD)/lib/libvirtpriv.a $(shell $(PKG_CONFIG) --libs $(PC_FUZZ))

.PHONY: fuzz-programs replay-programs
fuzz-programs: $(FUZZERS)
replay-programs: $(REPLAYS)

include conf/install.mk

.PHONY: deps check check-all check-releases fuzz coverage bench rpm demo format clean
deps:
	tests/deps all

check:
	tests/deps check
	tests/check

check-all:
	tests/deps check
	tests/check all $(addprefix -,$(WITHOUT))

check-releases:
	tests/deps check
	tests/releases/run $(RELEASES)

fuzz:
	tests/deps check
	FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(FUZZ_TARGETS)

coverage:
	tests/deps check
	tests/coverage/run $(SUITES)

bench:
	tests/deps check
	tests/deps bench
	$(MAKE) -s BUILD=$(BUILD)/plain all test-programs
	VP_BUILD=$(CURDIR)/$(BUILD)/plain tests/bench/run

rpm:
	tests/deps rpm
	spec/build --output $(BUILD)/rpm $(if $(SIGN),--sign '$(SIGN)')

demo:
	tests/deps demo
	tests/demo

format:
	clang-format -i tools/*.c tools/completion/*.c tools/bpf/*.[ch] tools/man/*.c tools/lib/*/*.[ch] tests/*/*.[ch]

clean:
	rm -rf $(BUILD)

-include tests/vm/vm.mk
-include $(wildcard $(BUILD)/*.d $(BUILD)/man/*.d $(BUILD)/lib/*/*.d $(BUILD)/generate/*.d $(BUILD)/tests/*.d $(BUILD)/fuzz/*.d)
