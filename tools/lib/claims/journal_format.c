/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/journal_format.h"

#include "base/log.h"
#include "claims/journal_text.h"
#include "claims/ownable_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

static void put_entry(FILE *out, const struct entry *e)
{
	fprintf(out, "entry %s\n", e->kind == ENTRY_OWNER ? "owner" : "grant");
	journal_text_put(out, "path", e->path);
	fprintf(out, "type %c\n", e->type);
	journal_text_put(out, "filesystem", e->id.filesystem);
	if (e->id.disk.dev)
		fprintf(out, "device %u:%u %llu\n", major(e->id.disk.dev), minor(e->id.disk.dev),
			e->id.disk.sequence);
	if (e->id.disk.name)
		journal_text_put(out, "disk", e->id.disk.name);
	if (e->id.handle_size) {
		fprintf(out, "handle %d:", e->id.handle_type);
		journal_text_put_hex(out, e->id.handle, e->id.handle_size);
		putc('\n', out);
	}
	fprintf(out, "inode %" PRIu64 "\n", e->id.inode);
	if (e->id.born >= 0)
		fprintf(out, "born %" PRId64 ".%09" PRIu32 "\n", e->id.born, e->id.born_nsec);
	if (e->rdev)
		fprintf(out, "rdev %u:%u\n", major(e->rdev), minor(e->rdev));
	fprintf(out, "owner %u:%u\nmode %04o\nto %u:%u\n", e->old_uid, e->old_gid, e->mode,
		e->new_uid, e->new_gid);
	if (e->attributes)
		fprintf(out, "attributes %u\n", e->refs_before);
	if (e->releasing)
		fprintf(out, "releasing %u\n", e->releasing);
	if (e->kind == ENTRY_GRANT) {
		journal_text_put(out, "acl-before", e->acl_before);
		journal_text_put(out, "acl-after", e->acl_after);
	}
	if (e->kept)
		journal_text_put(out, "kept", e->kept);
	ownable_record_put(out, &e->ownable);
	fputs("end\n", out);
}

struct grown {
	char *text;
	size_t length, size;
};

/* open_memstream(3) copies all of it at each growth, and clears the room: that is what counts. */
static ssize_t grow(void *cookie, const char *bytes, size_t n)
{
	struct grown *grown = cookie;

	if (grown->size - grown->length <= n) {
		grown->size = 2 * (grown->length + n) + 1;
		grown->text = xreallocarray(grown->text, grown->size, 1);
	}
	memcpy(grown->text + grown->length, bytes, n);
	grown->length += n;
	return (ssize_t)n;
}

char *journal_format(const struct journal *journal)
{
	struct grown grown = {0};
	FILE *out = fopencookie(&grown, "w", (cookie_io_functions_t){.write = grow});

	if (!out)
		die_out_of_memory();
	fprintf(out, JOURNAL_FIRST_LINE "\nname %s\nboot %s\nbooted %lld\n", journal->name,
		journal->boot, journal->boot_time);
	if (journal->holder)
		fprintf(out, "holder %d %llu", journal->holder, journal->holder_start);
	if (journal->holder && journal->holder_namespace)
		fprintf(out, " %llu", journal->holder_namespace);
	if (journal->holder)
		fputc('\n', out);
	for (size_t i = 0; i < journal->n_entries; i++)
		put_entry(out, &journal->entries[i]);
	fprintf(out, "entries %zu\n%s", journal->n_entries, journal->settled ? "settled\n" : "");
	if (fclose(out) != 0)
		die_out_of_memory();
	grown.text[grown.length] = '\0';
	return grown.text;
}
