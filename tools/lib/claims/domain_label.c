/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/domain_label.h"

#include "base/cleanup.h"

#include <string.h>

/* libvirt's VIR_SECURITY_LABEL_BUFLEN, with its NUL byte. */
#define LABEL_SIZE 4097

/*
 * USER:GROUP as virParseOwnershipIds() splits it. A name of an account can hold a
 * space, but neither a colon nor control characters nor a space first.
 */
static bool is_label(const char *label)
{
	const char *colon = strchr(label, ':');

	if (!colon || colon == label || !colon[1] || strchr(colon + 1, ':'))
		return false;
	if (*label == ' ' || colon[1] == ' ' || strlen(label) >= LABEL_SIZE)
		return false;
	for (const char *c = label; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	return true;
}

/* An empty <label/> counts as none, as in libvirt. */
static bool parse_label(struct domain_parser *p, const xmlNode *seclabel, char **label)
{
	const xmlNode *node = xml_child(seclabel, "label");
	cleanup_free char *text = node ? xml_content(node) : NULL;

	*label = NULL;
	if (!text || !*text)
		return true;
	if (!is_label(text))
		return xml_fail(&p->xml, node,
			"<label> of model dac: \"%.256s\" is not of the form USER:GROUP", text);
	*label = steal_pointer(&text);
	return true;
}

/*
 * The seclabel of model dac among the children. One without a model means the first
 * security driver of the host, which dac is nowhere.
 */
static bool find_dac(struct domain_parser *p, const xmlNode *parent, const xmlNode **found)
{
	*found = NULL;
	for_xml_children(n, parent, "seclabel")
	{
		cleanup_free char *model = xml_attribute(n, "model");
		if (!xml_is(model, "dac"))
			continue;
		if (*found)
			return xml_fail(&p->xml, n,
				"more than one <seclabel> of model dac in the same element");
		*found = n;
	}
	return true;
}

/* The rules of virSecurityLabelDefParseXML(), which refuses the contradictions, too. */
bool domain_label_parse(struct domain_parser *p, const xmlNode *root)
{
	const xmlNode *node;
	cleanup_free char *label = NULL;

	if (!find_dac(p, root, &node))
		return false;
	if (!node)
		return true;
	cleanup_free char *type = xml_attribute(node, "type");
	bool is_static = xml_is(type, "static"), is_none = xml_is(type, "none");
	if (type && !is_static && !is_none && !xml_is(type, "dynamic"))
		return xml_fail_value(&p->xml, node, "type", type);

	p->relabel = !is_static && !is_none;
	if (!xml_yes_no(&p->xml, node, "relabel", &p->relabel) || !parse_label(p, node, &label))
		return false;
	if (is_none && p->relabel)
		return xml_fail(&p->xml, node, "<seclabel> of type none with relabel='yes'");
	if (!is_none && !is_static && !p->relabel)
		return xml_fail(&p->xml, node, "<seclabel> of type dynamic with relabel='no'");
	if (is_static && !label)
		return xml_fail(&p->xml, node, "<seclabel> of type static without a <label>");
	/*
	 * A dynamic label is output: what the domain was given where it ran, which can be another
	 * host. libvirt ignores it in a domain that it is to start.
	 */
	if (is_static)
		*p->label = steal_pointer(&label);
	return true;
}

/* As virSecurityDeviceLabelDefParseXML() and ...Validate() have it. */
bool domain_label_override(
	struct domain_parser *p, const xmlNode *source, struct domain_override *override)
{
	const xmlNode *node;

	if (!find_dac(p, source, &node))
		return false;
	override->present = node != NULL;
	override->relabel = true;
	if (!node)
		return true;
	if (!p->relabel)
		return xml_fail(&p->xml, node,
			"<seclabel> of a source, while that of the domain has relabel='no'");
	if (!xml_yes_no(&p->xml, node, "relabel", &override->relabel) ||
		!parse_label(p, node, &override->label))
		return false;
	if (override->label && !override->relabel)
		return xml_fail(&p->xml, node, "<seclabel> with a <label> and relabel='no'");
	return true;
}
