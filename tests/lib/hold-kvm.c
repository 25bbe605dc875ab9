/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holds a virtual machine of KVM open, and is not QEMU. It says "ready" when it does. */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0 || ioctl(kvm, KVM_CREATE_VM, 0) < 0) {
		perror("hold-kvm: /dev/kvm");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
