/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reader of libvirt's domain XML. */
#include "claims/domain_xml.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = fuzz_bytes(data, size);
	cleanup_free char *error = NULL;
	struct domain *domain = domain_parse("fuzz", text, size, &error);

	check((domain != NULL) == (error == NULL));
	if (!domain)
		return 0;
	for (size_t i = 0; i < domain->requests.n; i++) {
		const struct claim_request *r = &domain->requests.all[i];
		check(r->source && r->reason && resource_kind_name(r->kind));
		check(r->path ? r->path[0] == '/' : r->action == ACTION_LEAVE);
		/* These never belong to the QEMU user. */
		check(r->action != ACTION_CLAIM ||
			((r->kind == RESOURCE_DISK || r->kind == RESOURCE_NVRAM) && !r->shared));
		check(!r->is_device && !r->passed && !r->made);
	}
	domain_free(domain);
	return 0;
}
