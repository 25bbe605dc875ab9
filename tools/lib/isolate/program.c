/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/program.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

/* Of program headers; QEMU's have a dozen. */
#define MAX_HEADERS 256

static bool read_at(int fd, void *bytes, size_t size, off_t offset)
{
	ssize_t n = IO_RETRY(pread(fd, bytes, size, offset));

	if (n >= 0 && (size_t)n != size)
		errno = ENOEXEC;
	return n >= 0 && (size_t)n == size;
}

static bool read_loader(int fd, const ElfW(Phdr) * header, char **loader)
{
	size_t size = header->p_filesz;

	errno = ENOEXEC;
	if (size < 2 || size > PATH_MAX)
		return false;
	cleanup_free char *text = xcalloc(size + 1, 1);
	if (!read_at(fd, text, size, (off_t)header->p_offset))
		return false;
	errno = ENOEXEC;
	if (text[0] != '/')
		return false;
	*loader = steal_pointer(&text);
	return true;
}

bool program_loader(const char *path, char **loader, char **error)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ElfW(Ehdr) head;

	*loader = NULL;
	if (fd < 0)
		return error_set_errno(error, "cannot open %s", path);
	if (!read_at(fd, &head, sizeof head, 0))
		return errno == ENOEXEC || error_set_errno(error, "cannot read %s", path);
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
		return true;
	for (unsigned i = 0; i < head.e_phnum && i < MAX_HEADERS; i++) {
		ElfW(Phdr) header;
		if (head.e_phentsize != sizeof header ||
			!read_at(fd, &header, sizeof header,
				(off_t)(head.e_phoff + i * sizeof header)))
			return error_set_errno(
				error, "cannot read the program headers of %s", path);
		if (header.p_type == PT_INTERP)
			return read_loader(fd, &header, loader) ||
			       error_set_errno(error, "cannot read the interpreter of %s", path);
	}
	return true;
}

bool program_is_foreign(const char *path)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	cleanup_fd int own = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	/* The class decides where what follows stands; e_machine is at the same place in both. */
	ElfW(Ehdr) head, ours;

	if (fd < 0 || own < 0 || !read_at(fd, &head, sizeof head, 0) ||
		!read_at(own, &ours, sizeof ours, 0) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
		return false;
	return head.e_ident[EI_CLASS] != ours.e_ident[EI_CLASS] ||
	       head.e_ident[EI_DATA] != ours.e_ident[EI_DATA] || head.e_machine != ours.e_machine;
}

bool program_is_script(const char *path)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char start[2];

	return fd >= 0 && read_at(fd, start, sizeof start, 0) && memcmp(start, "#!", 2) == 0;
}
