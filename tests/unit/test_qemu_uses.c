/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What command lines use of the host without being given it. */
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "qemu/uses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* An option, its value, and the paths, with "!" before what is written, "-" for what has none. */
static const struct {
	const char *option, *value, *paths;
} cases[] = {
	{"-display", "gtk", "- "},
	{"-display", "gtk,gl=on", "- "},
	{"-display", "none", ""},
	{"-display", "vnc=:1", ""},
	{"-display", "egl-headless", "- "},
	{"-display", "egl-headless,rendernode=/dev/dri/renderD128", ""},
	{"-display", "dbus", "- "},
	{"-display", "dbus,p2p=off", "- "},
	{"-display", "dbus,p2p=on", ""},
	{"-display", "dbus,addr=unix:path=/run/bus,,guid=1", "!/run/bus "},
	{"-display", "dbus,addr=tcp:host=h", ""},
	{"-display", "{\"type\":\"sdl\"}", "- "},
	{"-spice", "unix=on,addr=/run/s,gl=on", "- "},
	{"-spice", "unix=on,addr=/run/s,gl=off", ""},
	{"-spice", "unix=on,addr=/run/s,gl=on,rendernode=/dev/dri/renderD128", ""},
	{"-spice", "port=5900,sasl=on", "/etc/sasl2 "},
	{"-spice", "port=5900,sasl=off", ""},
	{"-vnc", ":1,sasl", "/etc/sasl2 "},
	{"-vnc", "unix:/run/vnc,sasl=on", "/etc/sasl2 "},
	{"-vnc", ":1", ""},
	{"-audiodev", "pa,id=a", "- "},
	{"-audiodev", "pa,id=a,server=unix:/run/pulse", "!/run/pulse "},
	{"-audiodev", "pa,id=a,server=/run/pulse", "!/run/pulse "},
	{"-audiodev", "pa,id=a,server=h", ""},
	{"-audiodev", "alsa,id=a", "!/dev/snd "},
	{"-audiodev", "wav,id=a,path=/srv/a", ""},
	{"-object", "authz-pam,id=p,service=s", "/etc/pam.d "},
	{"-object", "dbus-vmstate,id=d,addr=unix:path=/run/bus", "!/run/bus "},
	{"-object", "cryptodev-backend-lkcf,id=c", "- "},
	{"-object", "secret,id=s,data=x", ""},
	{"-device", "u2f-passthru", "- "},
	{"-device", "u2f-passthru,hidraw=/dev/hidraw0", ""},
	{"-device", "virtio-net-pci", ""},
	{"-chardev", "braille,id=b", "!/var/lib/BrlAPI "},
	{"-chardev", "null,id=b", ""},
	{"-netdev", "vde,id=n", "!/run/vde.ctl "},
	{"-netdev", "vde,id=n,sock=/srv/vde", "!/srv/vde "},
	{"-netdev", "user,id=n", ""},
	{"-netdev", "user,id=n,smb=/srv/a,,b", "!/srv/a,b "},
	{"-nic", "user,smb=/srv", "!/srv "},
	{"-nic", "user,hostfwd=unix:/srv/a-b/s-:22,hostfwd=unix:/s-10.0.2.15:80", "!/srv/a-b !/ "},
	{"-acpitable", "file=/a", ""},
	{"-acpitable", "file=/a:/b", "/a /b "},
	{"-acpitable", "data=/a::/b:", "/a /b "},
	{"-smbios", "type=11,path=/a", ""},
	{"-smbios", "type=11,path=/a,path=/b", "- "},
	{"-global", "x.y=/srv", ""},
	{"-global", "x.y=1", ""},
	{"-global", "virtio-net-pci.romfile=/srv/rom", ""},
	{"-D", "/srv/%d.log", "!/srv "},
	{"-D", "/%d.log", "!/ "},
	{"-D", "%d.log", "!. "},
	{"-D", "/srv/log", ""},
	{"-incoming", "rdma:h:1", "- "},
	{"-incoming", "tcp:h:1", ""},
	{"-drive", "file=ssh://h/x", "- "},
	{"-drive", "file.driver=ssh,file.path=/x", "- "},
	{"-blockdev", "{\"driver\":\"ssh\",\"node-name\":\"n\"}", "- "},
	{"-blockdev", "{\"driver\":\"rbd\",\"node-name\":\"n\",\"pool\":\"p\"}", "/etc/ceph "},
	{"-blockdev", "{\"driver\":\"rbd\",\"node-name\":\"n\",\"conf\":\"/srv/ceph\"}", ""},
	{"-drive", "file=rbd:p/i", "/etc/ceph "},
	{"-drive", "file=rbd:p/i:conf=/srv/ceph", ""},
	{"-drive", "file=/srv/ssh,format=raw", ""},
	{"-append", "ssh://h/x", ""},
};

static char *paths_of(const struct qemuargs *args)
{
	size_t n;
	struct qemu_use *uses = qemu_uses(args, &n);
	char *all = xstrdup("");

	for (size_t i = 0; i < n; i++) {
		cleanup_free char *before = all;
		all = xasprintf("%s%s%s ", before, uses[i].path && uses[i].writable ? "!" : "",
			uses[i].path ? uses[i].path : "-");
		/* What has no path has something else that helps. */
		assert_true(uses[i].path || uses[i].instead);
		assert_int_equal(uses[i].option, 0);
	}
	qemu_uses_free(uses, n);
	return all;
}

static void uses_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		cleanup_free char *option = xstrdup(cases[i].option);
		cleanup_free char *value = xstrdup(cases[i].value);
		char *words[] = {option, value, NULL};
		cleanup_free char *error = NULL;
		struct qemuargs *args = qemuargs_parse(words, NULL, NULL, &error);
		if (!args)
			fail_msg("%s %s: %s", option, value, error);
		cleanup_free char *found = paths_of(args);
		if (strcmp(found, cases[i].paths) != 0)
			fail_msg("%s %s: %s", option, value, found);
		qemuargs_free(args);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(uses_are_found)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
