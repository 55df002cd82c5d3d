/* Words of the verb hoster: see hoster_show.h. */
#include "hoster_show.h"

#include "i18n.h"

void hoster_show_list(struct out *o, const json_t *all)
{
	const json_t *v;
	size_t i;

	out_linef(o, "%s", json_str_or(all, "title", ""));
	json_array_foreach (json_object_get(all, "servers"), i, v)
		out_linef(o, "  server   %-28s %-15s %s%s",
			json_str_or(v, "id", "?"), json_str_or(v, "ip", "-"),
			json_str_or(v, "name", ""),
			json_flag(v, "here", false)
				? out_word(o, N_(" (this machine)"))
				: "");
	json_array_foreach (json_object_get(all, "addresses"), i, v)
		out_linef(o, "  address  %-28s -> %s%s%s%s",
			json_str_or(v, "address", "?"),
			json_str_or(v, "server",
				json_str_or(v, "server_ip",
					out_word(o, N_("nowhere")))),
			json_str(v, "mac") ? ", MAC " : "",
			json_str_or(v, "mac", ""),
			json_flag(v, "movable", true)
				? ""
				: out_word(o, N_(", never moves")));
}

void hoster_show_state(struct out *o, const json_t *s)
{
	_free_ char *others = json_join(json_object_get(s, "others"));
	_free_ char *shared = json_join(json_object_get(s, "mac_shared"));
	const json_t *p = json_object_get(s, "pending");

	out_linef(o, "%s  points to %s", json_str_or(s, "address", "?"),
		json_str_or(s, "server",
			json_str_or(
				s, "server_ip", out_word(o, N_("nowhere")))));
	out_linef(o, "  moves as     %s%s", json_str_or(s, "unit", "?"),
		json_flag(s, "movable", true)
			? ""
			: out_word(o, N_(" (never moves)")));
	out_linef(o, "  virtual MAC  %s",
		json_str_or(s, "mac", out_word(o, N_("none"))));
	if (*others)
		out_linef(o, "  with it go   %s", others);
	if (*shared)
		out_linef(o, "  MAC shared   %s", shared);
	if (p)
		out_linef(o, "  task         %s %s", json_str_or(p, "task", ""),
			json_str_or(p, "status", "running"));
}

void hoster_show_help(struct out *o, const struct hoster *h)
{
	out_f(o, "%s  %s\n", h->name, h->title);
	out_f(o, "  a move takes %s; requests: %s\n", out_word(o, h->outage),
		out_word(o, h->limits));
	for (size_t i = 0; h->urls && h->urls[i]; i++)
		out_f(o, "  %s%s\n", h->urls[i],
			i ? "" : out_word(o, N_(" (default)")));
	for (const struct hoster_secret *s = h->secrets; s && s->name; s++)
		out_f(o, "  %s: %s\n", s->name, out_word(o, s->what));
	out_f(o, "%s\n\n", out_word(o, h->credentials));
}
