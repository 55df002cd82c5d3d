/*
 * OVF's XML: libxml2's only user. Keeps true: nothing but the given text is
 * read (no DTD, no entity, no network), elements are known by their local
 * names, and exactly one virtual system comes out.
 */
#include "ovf_doc.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

#include "str.h"

#define NS_OVF "http://schemas.dmtf.org/ovf/envelope/"
#define NS_OLD "http://www.vmware.com/schema/ovf/1/envelope"

static void cleanup_doc(xmlDoc **d)
{
	xmlFreeDoc(*d);
}
#define _xml_ __attribute__((cleanup(cleanup_doc)))

/* --- memory --- */

static void free_files(struct ovf_doc *d)
{
	for (size_t i = 0; i < d->n_files; i++) {
		free(d->files[i].id);
		free(d->files[i].href);
		free(d->files[i].compression);
		free(d->files[i].chunk_size);
	}
	free(d->files);
}

static void free_disks(struct ovf_doc *d)
{
	for (size_t i = 0; i < d->n_disks; i++) {
		free(d->disks[i].id);
		free(d->disks[i].file_ref);
		free(d->disks[i].capacity);
		free(d->disks[i].units);
		free(d->disks[i].populated);
		free(d->disks[i].format);
		free(d->disks[i].parent);
	}
	free(d->disks);
}

/* Children of an <Item> and where they go. */
static const struct {
	const char *element;
	size_t at;
} item_fields[] = {
	{"InstanceID", offsetof(struct ovf_item, id)},
	{"ResourceType", offsetof(struct ovf_item, type)},
	{"ResourceSubType", offsetof(struct ovf_item, subtype)},
	{"Parent", offsetof(struct ovf_item, parent)},
	{"Address", offsetof(struct ovf_item, address)},
	{"AddressOnParent", offsetof(struct ovf_item, unit)},
	{"HostResource", offsetof(struct ovf_item, resource)},
	{"VirtualQuantity", offsetof(struct ovf_item, quantity)},
	{"AllocationUnits", offsetof(struct ovf_item, units)},
	{"Connection", offsetof(struct ovf_item, connection)},
	{"AutomaticAllocation", offsetof(struct ovf_item, automatic)},
	{"CoresPerSocket", offsetof(struct ovf_item, cores)},
	{"ElementName", offsetof(struct ovf_item, title)},
};

static char **item_field(struct ovf_item *i, size_t n)
{
	return (char **)((char *)i + item_fields[n].at);
}

static void free_items(struct ovf_doc *d)
{
	for (size_t i = 0; i < d->n_items; i++) {
		for (size_t f = 0; f < ARRAY_LEN(item_fields); f++)
			free(*item_field(&d->items[i], f));
		free(d->items[i].configuration);
		free(d->items[i].pci_slot);
	}
	free(d->items);
}

void ovf_doc_free(struct ovf_doc *d)
{
	if (!d)
		return;
	free_files(d);
	free_disks(d);
	free_items(d);
	free(d->name);
	free(d->id);
	free(d->system_type);
	free(d->annotation);
	free(d->os_type);
	free(d->os_id);
	free(d->firmware);
	free(d->secure_boot);
	free(d->nested);
	free(d->configuration);
	free(d);
}

void cleanup_ovf_doc(struct ovf_doc **d)
{
	ovf_doc_free(*d);
}

/* --- nodes --- */

static bool is(const xmlNode *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE &&
		strcmp((const char *)n->name, name) == 0;
}

/* The next element child of that name behind `after` (null: the first). */
static const xmlNode *child(
	const xmlNode *n, const xmlNode *after, const char *name)
{
	const xmlNode *c = after ? after->next : n ? n->children : NULL;

	while (c && !is(c, name))
		c = c->next;
	return c;
}

/* To be freed with xmlFree; never null. */
static char *content(const xmlNode *n)
{
	xmlChar *raw = xmlNodeGetContent(n);
	_free_ char *copy = xstrdup(raw ? (const char *)raw : "");

	xmlFree(raw);
	return xstrdup(str_trim(copy));
}

static char *child_text(const xmlNode *n, const char *name)
{
	const xmlNode *c = child(n, NULL, name);

	return c ? content(c) : NULL;
}

/* An attribute by its local name; to be freed, null where absent. */
static char *attr(const xmlNode *n, const char *name)
{
	for (const xmlAttr *a = n->properties; a; a = a->next) {
		if (strcmp((const char *)a->name, name) == 0)
			return content((const xmlNode *)a);
	}
	return NULL;
}

/* Move s to *to where that is still empty. */
static void take(char **to, char *s)
{
	if (*to)
		free(s);
	else
		*to = s;
}

/* --- sections --- */

static void read_files(struct ovf_doc *d, const xmlNode *refs)
{
	const xmlNode *n = NULL;

	while ((n = child(refs, n, "File"))) {
		d->files = xreallocarray(
			d->files, d->n_files + 1, sizeof(*d->files));
		d->files[d->n_files++] = (struct ovf_file){
			.id = attr(n, "id"),
			.href = attr(n, "href"),
			.compression = attr(n, "compression"),
			.chunk_size = attr(n, "chunkSize"),
		};
	}
}

static void read_disks(struct ovf_doc *d, const xmlNode *section)
{
	const xmlNode *n = NULL;

	while ((n = child(section, n, "Disk"))) {
		d->disks = xreallocarray(
			d->disks, d->n_disks + 1, sizeof(*d->disks));
		d->disks[d->n_disks++] = (struct ovf_disk){
			.id = attr(n, "diskId"),
			.file_ref = attr(n, "fileRef"),
			.capacity = attr(n, "capacity"),
			.units = attr(n, "capacityAllocationUnits"),
			.populated = attr(n, "populatedSize"),
			.format = attr(n, "format"),
			.parent = attr(n, "parentRef"),
		};
	}
}

static void read_configurations(struct ovf_doc *d, const xmlNode *section)
{
	const xmlNode *n = NULL;

	while ((n = child(section, n, "Configuration"))) {
		_free_ char *def = attr(n, "default");
		bool chosen =
			def && (str_eqi(def, "true") || strcmp(def, "1") == 0);

		/* Without a default the first one is it (DSP0243, 9.8). */
		if (!d->n_configurations++ || chosen) {
			free(d->configuration);
			d->configuration = attr(n, "id");
		}
	}
}

static void read_item(struct ovf_doc *d, const xmlNode *n)
{
	struct ovf_item i = {.configuration = attr(n, "configuration")};
	const xmlNode *c = NULL;

	for (size_t f = 0; f < ARRAY_LEN(item_fields); f++)
		*item_field(&i, f) = child_text(n, item_fields[f].element);
	/* Older ovftools, and OVF 0.9 in 1.0's clothes. */
	if (!i.id)
		i.id = child_text(n, "InstanceId");
	if (!i.title)
		i.title = child_text(n, "Caption");
	while ((c = child(n, c, "Config"))) {
		_free_ char *key = attr(c, "key");

		if (key && strcmp(key, "slotInfo.pciSlotNumber") == 0)
			take(&i.pci_slot, attr(c, "value"));
	}
	d->items = xreallocarray(d->items, d->n_items + 1, sizeof(i));
	d->items[d->n_items++] = i;
}

static void read_config(struct ovf_doc *d, const xmlNode *n)
{
	_free_ char *key = attr(n, "key");

	if (!key)
		return;
	if (strcmp(key, "firmware") == 0)
		take(&d->firmware, attr(n, "value"));
	else if (strcmp(key, "bootOptions.efiSecureBootEnabled") == 0)
		take(&d->secure_boot, attr(n, "value"));
	else if (strcmp(key, "nestedHVEnabled") == 0)
		take(&d->nested, attr(n, "value"));
}

static void read_hardware(struct ovf_doc *d, const xmlNode *section)
{
	const xmlNode *system = child(section, NULL, "System");

	if (system)
		take(&d->system_type, child_text(system, "VirtualSystemType"));
	for (const xmlNode *n = section->children; n; n = n->next) {
		if (is(n, "Item") || is(n, "StorageItem") ||
			is(n, "EthernetPortItem"))
			read_item(d, n);
		else if (is(n, "Config"))
			read_config(d, n);
	}
}

static void read_system(struct ovf_doc *d, const xmlNode *vs)
{
	const xmlNode *os = child(vs, NULL, "OperatingSystemSection");
	const xmlNode *note = child(vs, NULL, "AnnotationSection");
	const xmlNode *hw = child(vs, NULL, "VirtualHardwareSection");

	d->id = attr(vs, "id");
	d->name = child_text(vs, "Name");
	if (os) {
		d->os_type = attr(os, "osType");
		d->os_id = attr(os, "id");
	}
	if (note)
		d->annotation = child_text(note, "Annotation");
	if (hw)
		read_hardware(d, hw);
}

/* --- the envelope --- */

struct systems {
	const xmlNode *first;
	size_t n;
	struct buf names;
};

/* Every VirtualSystem, also inside (nested) collections. libxml2 allows 256
 * levels. */
static void find_systems(const xmlNode *in, struct systems *s)
{
	for (const xmlNode *n = in->children; n; n = n->next) {
		if (is(n, "VirtualSystem")) {
			_free_ char *id = attr(n, "id");

			buf_addf(&s->names, "%s%s", s->n ? ", " : "",
				id ? id : "?");
			if (!s->n++)
				s->first = n;
		} else if (is(n, "VirtualSystemCollection")) {
			find_systems(n, s);
		}
	}
}

/* The root's, else the one bound to ovf: attributes alone have that prefix in
 * some packages of vCloud Director. */
static const char *name_space(const xmlNode *root)
{
	const xmlNs *ns = root ? root->ns : NULL;

	for (const xmlNs *d = root ? root->nsDef : NULL; !ns && d; d = d->next)
		if (d->prefix && strcmp((const char *)d->prefix, "ovf") == 0)
			ns = d;
	return ns && ns->href ? (const char *)ns->href : "";
}

static int check_root(const xmlNode *root, struct err *e)
{
	const char *ns = name_space(root);

	if (!root || !is(root, "Envelope"))
		return err_set(e, ERR_BAD_OVF,
			"the root element is <%s>, not <Envelope>",
			root ? (const char *)root->name : "");
	if (strcmp(ns, NS_OLD) == 0)
		return err_set(e, ERR_BAD_OVF,
			"OVF 0.9 (of VMware Infrastructure 3) is not read");
	if (!str_starts(ns, NS_OVF))
		return err_set(e, ERR_BAD_OVF,
			"the envelope's name space is '%s', not OVF's", ns);
	return 0;
}

static int read_envelope(
	const xmlNode *root, struct ovf_doc **out, struct err *e)
{
	struct systems s = {0};
	struct ovf_doc *d;
	int failed = 0;

	find_systems(root, &s);
	if (!s.n)
		failed = err_set(e, ERR_BAD_OVF,
			"the package describes no virtual system");
	else if (s.n > 1)
		failed = err_set(e, ERR_BAD_OVF,
			"the package holds %zu virtual systems (%s): export "
			"each of them alone",
			s.n, s.names.s);
	buf_free(&s.names);
	if (failed)
		return -1;
	d = xcalloc(1, sizeof(*d));
	read_files(d, child(root, NULL, "References"));
	read_disks(d, child(root, NULL, "DiskSection"));
	read_configurations(d, child(root, NULL, "DeploymentOptionSection"));
	read_system(d, s.first);
	*out = d;
	return 0;
}

/* Some of libxml2's faults ignore XML_PARSE_NOERROR and would be printed. */
static void quiet(void *unused, xmlError *x)
{
	(void)unused;
	(void)x;
}

static xmlDoc *parse(const char *text, size_t len)
{
	xmlDoc *xml;

	xmlResetLastError();
	xmlSetStructuredErrorFunc(NULL, (xmlStructuredErrorFunc)quiet);
	xml = xmlReadMemory(text, (int)len, NULL, NULL,
		XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	xmlSetStructuredErrorFunc(NULL, NULL);
	return xml;
}

static int bad_xml(struct err *e)
{
	const xmlError *x = xmlGetLastError();
	_free_ char *msg = xstrdup(x && x->message ? x->message : "unknown");

	return err_set(e, ERR_BAD_OVF, "not XML at line %d: %s",
		x ? x->line : 0, str_trim(msg));
}

int ovf_read(const char *text, size_t len, struct ovf_doc **out, struct err *e)
{
	_xml_ xmlDoc *xml = NULL;
	const xmlNode *root;

	if (!len)
		return err_set(e, ERR_BAD_OVF, "the file is empty");
	if (len > OVF_MAX)
		return err_set(
			e, ERR_BAD_OVF, "%zu bytes are no OVF envelope", len);
	/* Before the parser sees it: entities can make work without end. */
	if (memmem(text, len, "<!DOCTYPE", 9))
		return err_set(e, ERR_BAD_OVF,
			"the envelope has a DOCTYPE; no exporter writes one");
	xml = parse(text, len);
	if (!xml)
		return bad_xml(e);
	/* Written in UTF-16, say. */
	if (xmlGetIntSubset(xml))
		return err_set(e, ERR_BAD_OVF,
			"the envelope has a DOCTYPE; no exporter writes one");
	root = xmlDocGetRootElement(xml);
	if (check_root(root, e))
		return -1;
	return read_envelope(root, out, e);
}
