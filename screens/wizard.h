/*
 * What the screens share: all that was typed and found, the pages and their
 * order. Keeps true: a page changes only this struct, so Back loses nothing;
 * a secret stands in locked memory only; facts, choices and plan go to the
 * verbs as files of STATE/wizard (0700; small, written by core/json.h), the
 * secrets through an inherited pipe.
 */
#ifndef SCREENS_WIZARD_H
#define SCREENS_WIZARD_H

#include "core/err.h"
#include "core/i18n.h"
#include "core/json.h"
#include "core/str.h"
#include "tui/form.h"
#include "tui/tui.h"

#define WIZ_TEXT 256
#define WIZ_NICS 10
#define WIZ_DISKS 64
#define WIZ_HOSTER_SECRETS 8

struct disk_choice {
	char slot[24];
	int storage; /* index of target.storages */
	int format;  /* 0 proposed, 1 qcow2, 2 raw */
	bool move;   /* false: leave this disk out */
};

struct nic_choice {
	char slot[24];
	int bridge; /* index of target.bridges */
	int model;  /* 0 proposed, 1 virtio, 2 e1000, 3 vmxnet3 */
	char vlan[8], mac[24];
	char address[64], gateway[64], dns[WIZ_TEXT];
};

/* In locked memory, wiped. */
struct wizard_secrets {
	char esxi[WIZ_TEXT], pve[WIZ_TEXT], guest[WIZ_TEXT];
	char hoster[WIZ_HOSTER_SECRETS][WIZ_TEXT]; /* see hoster.c */
};

struct wizard {
	struct tui *t;
	const char *self; /* the binary that knows the verbs */
	char *dir;        /* STATE/wizard */
	struct wizard_secrets *secret;
	json_t *recent; /* STATE/recent as read or written */
	/* Passwords: to be kept; at hand is the kept one; "to be kept" was set
	 * because one is kept, not by the operator. See kept.h. */
	bool keep_esxi, keep_pve;
	bool kept_esxi, kept_pve;
	bool auto_esxi, auto_pve;
	/* Source */
	int from; /* 0 an ESXi host, 1 files here: file */
	char file[4096];
	char esxi[WIZ_TEXT], esxi_user[64], esxi_key[WIZ_TEXT];
	char hostkey[128]; /* accepted by the operator, not yet pinned */
	json_t *list;      /* facts: every VM of the host */
	json_t *details;   /* by VM id: the VM in full */
	/* VM */
	char vm_id[32];
	int vm_row;
	const json_t *vm; /* borrowed from details; null: none */
	/* Target */
	char pve[WIZ_TEXT], pve_user[WIZ_TEXT], cert[128];
	json_t *target; /* facts.target */
	char choices_for[32];
	char name[64], vmid[16];
	int cpu, machine, bus, firmware;
	bool onboot;
	struct disk_choice disks[WIZ_DISKS];
	int n_disks;
	struct nic_choice nics[WIZ_NICS];
	int n_nics;
	/* Network */
	int hoster;     /* 0 none, 1 by hand, then as hoster_names has them */
	int hoster_url; /* of its endpoints */
	int hoster_nic, hoster_timing, hoster_mac;
	int hoster_network; /* 0 bridged, 1 routed */
	bool hoster_met;    /* this machine's was looked for */
	char hoster_to[WIZ_TEXT], hoster_gateway[64];
	json_t *hoster_seen; /* what the hoster said of the address, or null */
	char failover[64], tcp[WIZ_TEXT];
	char keep_days[8]; /* the old VM is kept so long */
	bool guest_fix;
	int tools; /* 0 kept quiet, 1 removed, 2 as they are */
	bool agent, serial, ssh;
	char agent_package[WIZ_TEXT];
	char ssh_user[64], ssh_key[WIZ_TEXT], ssh_address[64], ssh_port[8];
	/* Review */
	json_t *plan;
	char save_as[WIZ_TEXT];
	/* Checklist */
	char job[64];
	bool guided;
	bool back;     /* the page is entered from the one after it */
	bool begin;    /* the checklist is to make the job of the plan */
	bool way_back; /* the checklist is to open the way back */
};

/* What a page ends with. */
enum wiz_go {
	WIZ_NEXT = TUI_OWN,
	WIZ_BACK,
	WIZ_START,     /* to the first page */
	WIZ_CHECKLIST, /* a job was chosen: w->job */
	WIZ_QUIT,
	WIZ_OWN /* ids of a page's own keys begin here */
};

/*
 * The wizard, to its end. how: plain, or a test's terminal; program and help
 * are added. secrets: file as for --secrets, or null. 0, or -1 with the error
 * where it could not begin.
 */
int wizard_run(const struct tui_opts *how, const char *secrets, struct err *e);

/* The pages, in their order. */
int page_start(struct wizard *w);
int page_source(struct wizard *w);
int page_choose_vm(struct wizard *w);
int page_target(struct wizard *w);
int page_network(struct wizard *w);
int page_review(struct wizard *w);
int page_checklist(struct wizard *w);
int page_done(struct wizard *w);

/* The VM is in files on this machine. */
bool wizard_from_file(const struct wizard *w);

/* The login of the Proxmox node, as a page of its own. */
int target_login(struct wizard *w);

/* "2/8  Source > ..." of page n (1..8). Static storage. */
const char *wizard_crumbs(int n);
/* A page's answer to the id its screen ended with: Back, Quit after asking,
 * hang-up. ok is what TUI_OK means. */
int wizard_answer(struct wizard *w, int id, int ok);
/* Take the secrets of a file into locked memory; null: none. 0 or -1. */
int wizard_secrets(struct wizard *w, const char *path, struct err *e);
/* Is this machine a Proxmox VE node? */
bool wizard_on_node(void);
/* Begin a form at the first field that is still missing. */
void wizard_focus(struct tui_form *form);
/* Show an error with one button. */
void wizard_error(struct wizard *w, const struct err *e);
/* "STATE/wizard/name", to be freed. */
char *wizard_file(const struct wizard *w, const char *name);

/* --- recent.c: what is proposed next time; never a secret --- */

/* What was typed to and from STATE/recent; failure is no matter. */
void wizard_remember(struct wizard *w);
void wizard_recall(struct wizard *w);
/* The row whose member key was chosen last time, else def. */
int recent_row(const struct wizard *w, const char *name, const json_t *rows,
	const char *key, int def);
/* What was typed for this NIC of this VM. */
void recent_nic(const struct wizard *w, struct nic_choice *c);

/* --- choices.c --- */

/* Fill disks, nics, names from the VM and the target; what was chosen for
 * the same VM stays. */
void choices_propose(struct wizard *w);
/* The choices as docs/plan.md has them. New reference. */
json_t *choices_json(const struct wizard *w);
/* The facts of the chosen VM and the target. New reference. */
json_t *choices_facts(const struct wizard *w);
/* A job name that is free: the VM's, or with -2, -3... */
void choices_job_name(const struct wizard *w, char *out, size_t size);
/* The storage with most room that takes VM disks, -1: none. */
int choices_best_storage(const struct wizard *w);
/* "address/prefix", "address", "80 443", a MAC, a VLAN: null or what is
 * wrong. For struct tui_field's check. */
const char *check_cidr(const struct tui_field *f, void *arg);
const char *check_ip(const struct tui_field *f, void *arg);
const char *check_ips(const struct tui_field *f, void *arg);
const char *check_ports(const struct tui_field *f, void *arg);
const char *check_mac(const struct tui_field *f, void *arg);
const char *check_host(const struct tui_field *f, void *arg);
const char *check_package(const struct tui_field *f, void *arg);

/* --- blocked.c --- */

/* No plan could be made: says why. TUI_STAY: the choices were mended, try
 * again; else what the page ends with. */
int review_blocked(struct wizard *w, const struct err *e);

/* --- checklist and what belongs to it --- */

/* The gate of the question (as journalled, with "step"): a form in place,
 * answered by `vmferry answer`. True: answered. */
bool gate_open(struct wizard *w, const json_t *question);
/*
 * Let the operator change a text of the job w->job: hex is its digest, name
 * the guest's path. again: go on with what was edited last. The file that
 * holds it then, to be freed; null: given up, or told why not. edit.c.
 */
char *edit_text(
	struct wizard *w, const char *hex, const char *name, bool again);
/* Remove what edit_text left in STATE/wizard/edit. */
void edit_forget(const struct wizard *w);
/* Ask for the secrets a job of this plan needs and the wizard has not. False:
 * given up. */
bool unlock_for(struct wizard *w, const json_t *plan);
/* The worker's login was refused (code): what was sent is not sent again. */
void unlock_refused(struct wizard *w, const json_t *plan, enum err_code code);
/* The way back: what it does, in words, then true to begin it. */
bool way_back_page(struct wizard *w, const char *job);
/* The report of a job as a page, with its exports. */
int report_page(struct wizard *w, const char *job, bool done);

#endif
