/*
 * vim-cmd: which sub-command is meant, and the errors that come before it.
 */
#include "vim.h"

#include <string.h>
#include <time.h>

static int vim_tasklist(struct vm *vm, int argc, char **argv)
{
	(void)argc, (void)argv;
	return task_list(vm);
}

static int vim_all_tasks(struct vm *vm, int argc, char **argv)
{
	(void)vm, (void)argc, (void)argv;
	return task_list(NULL);
}

static int vim_task_info(struct vm *vm, int argc, char **argv)
{
	(void)vm, (void)argc;
	return task_info(argv[1]);
}

static const struct vim_verb verbs[] = {
	{"vmsvc/getallvms", 0, vim_getallvms, false},
	{"vmsvc/get.summary", 1, vim_summary, true},
	{"vmsvc/get.runtime", 1, vim_runtime, true},
	{"vmsvc/get.config", 1, vim_config, true},
	{"vmsvc/get.guest", 1, vim_guest, true},
	{"vmsvc/get.filelayout", 1, vim_filelayout, true},
	{"vmsvc/get.filelayoutex", 1, vim_filelayoutex, true},
	{"vmsvc/get.datastores", 1, vim_datastores, true},
	{"vmsvc/get.networks", 1, vim_networks, true},
	{"vmsvc/get.tasklist", 1, vim_tasklist, true},
	{"vmsvc/power.getstate", 1, vim_getstate, true},
	{"vmsvc/power.on", 1, vim_on, true},
	{"vmsvc/power.off", 1, vim_off, true},
	{"vmsvc/power.shutdown", 1, vim_shutdown, true},
	{"vmsvc/power.reset", 1, vim_reset, true},
	{"vmsvc/power.reboot", 1, vim_reset, true},
	{"vmsvc/power.suspend", 1, vim_suspend, true},
	{"vmsvc/message", 1, vim_message, true},
	{"vmsvc/snapshot.get", 1, vim_snap_get, true},
	{"vmsvc/snapshot.create", 1, vim_snap_create, true},
	{"vmsvc/snapshot.remove", 2, vim_snap_remove, true},
	{"vmsvc/snapshot.removeall", 1, vim_snap_removeall, true},
	{"vmsvc/get.snapshotinfo", 1, vim_snap_info, true},
	{"vmsvc/unregister", 1, vim_unregister, true},
	{"vmsvc/destroy", 1, vim_destroy, true},
	{"vmsvc/reload", 1, vim_reload, true},
	{"solo/registervm", 1, vim_register, false},
	{"vimsvc/task_info", 1, vim_task_info, false},
	{"vimsvc/task_list", 0, vim_all_tasks, false},
	{"hostsvc/datastore/listsummary", 0, vim_listsummary, false},
	{"hostsvc/datastorebrowser/search", 2, vim_search, false},
	{"hostsvc/datastorebrowser/searchsubfolders", 2, vim_search, false},
	{"hostsvc/hostsummary", 0, vim_hostsummary, false},
	{"hostsvc/net/info", 0, vim_netinfo, false},
	{"hostsvc/autostartmanager/get_autostartseq", 0, vim_autostart_get,
		false},
	{"hostsvc/autostartmanager/update_autostartentry", 2, vim_autostart_put,
		true},
};

static int usage(void)
{
	puts("Commands available under /:\n"
	     "hbrsvc/           internalsvc/      solo/             "
	     "vmsvc/\n"
	     "hostsvc/          proxysvc/         vimsvc/           help");
	return 1;
}

/* hostd does not answer: the next N commands fail to log in. */
static bool hostd_down(void)
{
	long long n;
	char *arg;

	state_lock();
	arg = fault_get("hostd-down");
	n = arg ? text_num(arg) : 0;
	if (n > 1)
		state_put("fault/hostd-down", "%lld", n - 1);
	else if (arg)
		state_del("fault/hostd-down");
	state_unlock();
	return n > 0;
}

static void take_time(void)
{
	long long ms = state_num("vim-cmd-ms", 0);
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

int cmd_vim_cmd(int argc, char **argv)
{
	const char *name;
	struct vm vm;
	size_t i;

	if (argc < 2)
		return usage();
	take_time();
	if (hostd_down()) {
		puts("Failed to login: Connection reset by peer");
		return 1;
	}
	name = argv[1] + (*argv[1] == '/');
	for (i = 0; i < ARRAY_LEN(verbs); i++)
		if (!strcmp(verbs[i].name, name))
			break;
	if (i == ARRAY_LEN(verbs)) {
		printf("Invalid command '%s'.\n", text_base(name));
		return usage();
	}
	if (argc - 2 < verbs[i].min) {
		printf("Insufficient arguments.\nUsage: %s vmid\n",
			text_base(name));
		return 1;
	}
	if (!verbs[i].takes_vm)
		return verbs[i].run(NULL, argc - 1, argv + 1);
	if (inv_vm(argv[2], &vm))
		return vim_no_vm(argv[2]);
	return verbs[i].run(&vm, argc - 1, argv + 1);
}
