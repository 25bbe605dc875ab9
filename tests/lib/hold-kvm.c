/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Holds a virtual machine of KVM open, and is not QEMU. It says "ready" when it does; with an
 * argument, its first thread has ended then.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *hold(void *first)
{
	/* The kernel wakes who waits for it. */
	if (first)
		pthread_join(*(pthread_t *)first, NULL);
	puts("ready");
	fflush(stdout);
	pause();
	return NULL;
}

int main(int argc, char *argv[])
{
	static pthread_t first, other;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0 || ioctl(kvm, KVM_CREATE_VM, 0) < 0) {
		perror("hold-kvm: /dev/kvm");
		return 1;
	}
	(void)argv;
	if (argc == 1) {
		hold(NULL);
		return 0;
	}
	first = pthread_self();
	if (pthread_create(&other, NULL, hold, &first) != 0)
		return 1;
	syscall(SYS_exit, 0);
	return 0;
}
