# make install and enable, which replace the package, and uninstall and disable, which undo them.

# For those who look after many hosts; nothing of the package needs it. Below $(VENDORDIR) as below conf/.
FLEET := $(sort $(wildcard conf/prometheus/*.* $(addprefix conf/ansible/roles/*/,README.md */*.yml */*.j2 */*.py)))
# The page for Cockpit, which looks for such directories in $(DATADIR)/cockpit.
COCKPITDIR ?= $(DATADIR)/cockpit/virt-privileges
PAGE := $(wildcard $(addprefix conf/cockpit/*.,json html css js))

# What is installed, as DIRECTORY:FILE, with the installed name of the file.
INSTALLED := $(addprefix $(BINDIR):,$(TOOLS)) \
	$(addprefix $(VENDORDIR):,qemu.conf $(notdir $(wildcard conf/kickstart/*.ks))) \
	$(addprefix $(VENDORDIR)/schema:,$(notdir $(wildcard tests/schema/*.json))) \
	$(foreach file,$(FLEET),$(VENDORDIR)/$(patsubst conf/%/,%,$(dir $(file))):$(notdir $(file))) \
	$(addprefix $(UDEVRULESDIR):,$(notdir $(wildcard udev-rules/*.rules))) \
	$(addprefix $(SYSUSERSDIR):,$(notdir $(wildcard sysusers.d/*.conf))) \
	$(addprefix $(TMPFILESDIR):,$(notdir $(wildcard conf/tmpfiles.d/*.conf))) \
	$(addprefix $(UNITDIR):,$(notdir $(wildcard conf/systemd/*))) \
	$(addprefix $(PRESETDIR):,$(notdir $(wildcard conf/systemd-preset/*.preset))) \
	$(addprefix $(COCKPITDIR):,$(notdir $(PAGE))) \
	$(foreach page,$(notdir $(MANUALS)),$(MANDIR)/man$(subst .,,$(suffix $(page))):$(page)) \
	$(addprefix $(BASHCOMPDIR):,$(notdir $(COMPLETIONS)))
INSTALL_DIRS := $(sort $(foreach item,$(INSTALLED),$(firstword $(subst :, ,$(item)))))

# Created directories are recorded for each DESTDIR, so that uninstall removes these and no others.
MADE := $(BUILD)/made-directories$(subst /,-,$(DESTDIR))
.PHONY: install uninstall
install: all
	@for dir in $(addprefix $(DESTDIR),$(INSTALL_DIRS)); do \
		while [ ! -e "$${dir:-/}" ]; do \
			echo "$$dir"; case $$dir in */*) dir=$${dir%/*} ;; *) break ;; esac; \
		done; \
	done | sort -u >>$(MADE)
	install -d $(addprefix $(DESTDIR),$(INSTALL_DIRS))
	install -m 0755 $(PROGRAMS) $(DESTDIR)$(BINDIR)
	install -m 0644 conf/qemu.conf conf/kickstart/*.ks $(DESTDIR)$(VENDORDIR)
	install -m 0644 tests/schema/*.json $(DESTDIR)$(VENDORDIR)/schema
	for file in $(FLEET); do install -m 0644 $$file $(DESTDIR)$(VENDORDIR)/$${file#conf/} || exit; done
	install -m 0644 udev-rules/*.rules $(DESTDIR)$(UDEVRULESDIR)
	install -m 0644 sysusers.d/*.conf $(DESTDIR)$(SYSUSERSDIR)
	install -m 0644 conf/tmpfiles.d/*.conf $(DESTDIR)$(TMPFILESDIR)
	install -m 0644 conf/systemd/* $(DESTDIR)$(UNITDIR)
	sed -i 's,/usr/bin/virt-priv,$(BINDIR)/virt-priv,' \
		$(addprefix $(DESTDIR)$(UNITDIR)/,$(notdir $(wildcard conf/systemd/*)))
	install -m 0644 conf/systemd-preset/*.preset $(DESTDIR)$(PRESETDIR)
	install -m 0644 $(PAGE) $(DESTDIR)$(COCKPITDIR)
	sed -i 's,/usr/bin/virt-priv,$(BINDIR)/virt-priv,' $(DESTDIR)$(COCKPITDIR)/tools.js
	for page in $(MANUALS); do \
		install -m 0644 -t $(DESTDIR)$(MANDIR)/man$${page##*.} $$page || exit; \
	done
	install -m 0644 $(COMPLETIONS) $(DESTDIR)$(BASHCOMPDIR)

uninstall:
	rm -f $(foreach item,$(INSTALLED),$(DESTDIR)$(subst :,/,$(item)))
	[ ! -d $(DESTDIR)$(VENDORDIR) ] || find $(DESTDIR)$(VENDORDIR) -depth -type d -empty -delete
	[ ! -d $(DESTDIR)$(COCKPITDIR) ] || rmdir --ignore-fail-on-non-empty $(DESTDIR)$(COCKPITDIR)
	if [ -e $(MADE) ]; then \
		sort -ru $(MADE) | while read -r dir; do \
			[ ! -d "$$dir" ] || rmdir --ignore-fail-on-non-empty "$$dir"; \
		done && rm $(MADE); \
	fi

# What the scriptlets of the package do: account, ids of isolated VMs, directories, recovery at
# boot, and, on a running system, the device. Without systemd, sysusers.d/ lists the accounts to create. With
# DESTDIR, only that directory is changed; the device follows at the first boot.
.PHONY: enable disable
IN_ROOT := $(if $(DESTDIR),--root=$(abspath $(DESTDIR)))
enable disable: $(BUILD)/virt-priv-conf
enable:
	systemd-sysusers $(IN_ROOT) $(notdir $(wildcard sysusers.d/*.conf))
	systemd-tmpfiles $(IN_ROOT) --create $(if $(DESTDIR),--exclude-prefix=/dev) virt-privileges.conf
	systemctl $(IN_ROOT) --no-reload preset virt-priv-recover.service
	$(BUILD)/virt-priv-conf reserve-ids $(IN_ROOT)
	$(apply_kvm_rule)

# The accounts stay, since they may own files, and so do directories that are not empty.
disable:
	systemctl $(IN_ROOT) --no-reload disable virt-priv-recover.service virt-priv-audit.timer virt-priv-vm@.service
	$(BUILD)/virt-priv-conf release-ids $(IN_ROOT)
	rm -f $(DESTDIR)$(UDEVRULESDIR)/80-virt-privileges-kvm.rules
	$(apply_kvm_rule)
	for dir in etc/virt-privileges/vms etc/virt-privileges var/lib/virt-privileges/claims \
		var/lib/virt-privileges/unfinished var/lib/virt-privileges/ids \
		var/lib/virt-privileges/tmp var/lib/virt-privileges run/virt-privileges; do \
		[ ! -d $(DESTDIR)/$$dir ] || rmdir --ignore-fail-on-non-empty $(DESTDIR)/$$dir; \
	done

define apply_kvm_rule
$(if $(DESTDIR),,[ ! -S /run/udev/control ] || { udevadm control --reload && \
	udevadm trigger --action=add --subsystem-match=misc --sysname-match=kvm && \
	udevadm settle --timeout=10; })
endef
