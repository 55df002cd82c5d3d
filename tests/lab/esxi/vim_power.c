/*
 * vim-cmd: power and pending questions. Only the state changes; no guest
 * runs behind it. A guest with VMware Tools takes its time to shut down.
 */
#include "vim.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int wrong_state(const struct vm *vm, const char *doing, const char *want,
	const char *failed)
{
	static const char *const api[] = {
		"poweredOff", "poweredOn", "suspended"};
	static const char *const words[] = {
		"Powered Off", "Powered On", "Suspended"};

	if (doing)
		puts(doing);
	if (!lab_old() && failed) {
		puts(failed);
		return 1;
	}
	return vim_fault("vim.fault.InvalidPowerState",
		text_fmt("The attempted operation cannot be performed in the "
			 "current state (%s).",
			words[vm->power]),
		"requestedState", want, "existingState", api[vm->power], NULL);
}

static char *swap_file(const struct vm *vm)
{
	return text_fmt("%s/%s-1f2e3d4c.vswp", vm->dir, vm->base);
}

/* What a running VM leaves beside its disks, besides the locks. */
static void run_files(const struct vm *vm, bool on)
{
	char *lck = text_fmt("%s.lck", vm->vmx_path), *swp = swap_file(vm);
	long long mem = text_num(vmx_get(&vm->vmx, "memSize"));
	int fd;

	if (!on) {
		unlink(lck);
		unlink(swp);
		return;
	}
	if (!text_write(swp, "", 0) && truncate(swp, mem * LAB_MIB))
		unlink(swp);
	fd = open(lck, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}

void power_set(struct vm *vm, enum power power)
{
	static const char *const word[] = {"off", "on", "suspended"};

	inv_again(vm);
	vm->power = power;
	vmx_set(&vm->vmx, "cleanShutdown",
		power == POWER_OFF ? "TRUE" : "FALSE");
	if (vmx_save(vm->vmx_path, &vm->vmx))
		perror(vm->vmx_path);
	state_put(inv_key(vm, "power"), "%s", word[power]);
	run_files(vm, power == POWER_ON);
	if (power == POWER_ON) {
		state_put(inv_key(vm, "boot"), "%s", text_utc());
		state_put(inv_key(vm, "world"), "%lld",
			state_next("next-world", lab_old() ? 35790 : 527610));
	}
}

int vim_getstate(struct vm *vm, int argc, char **argv)
{
	static const char *const word[] = {
		"Powered off", "Powered on", "Suspended"};

	(void)argc, (void)argv;
	printf("Retrieved runtime info\n%s\n", word[vm->power]);
	return 0;
}

static int failed(const char *key, const char *doing, const char *say,
	const char *fault, const char *msg)
{
	task_end(key, fault, msg);
	state_unlock();
	puts(doing);
	if (!lab_old()) {
		puts(say);
		return 1;
	}
	return vim_fault(fault, msg, NULL);
}

/* Why the VM cannot be started, as fault type and message; 0 when it can. */
static int obstacle(const struct vm *vm, const char **fault, char **msg)
{
	const char *lock = fault_get("locked"), *why;
	char *busy = state_get("vm/%d/busy", vm->id);
	struct disk disk;
	size_t i;

	if (busy) {
		*fault = "vim.fault.TaskInProgress";
		*msg = text_dup("The operation is not allowed in the current "
				"state, another task is in progress.");
		return 1;
	}
	if (lock && (!*lock || !strcmp(lock, vm->name))) {
		*fault = "vim.fault.FileLocked";
		*msg = text_fmt("Unable to access file %s since it is locked",
			inv_ds_path(vm->vmx_path));
		return 1;
	}
	for (i = 0; i < vm->ndisk; i++) {
		if (disk_open(vm->disk[i].path, &disk, &why)) {
			*fault = "vim.fault.FileNotFound";
			*msg = text_fmt("File %s was not found",
				inv_ds_path(vm->disk[i].path));
			return 1;
		}
		disk_close(&disk);
	}
	return 0;
}

/* Starting waits while a question is open; false when it was cancelled. */
static bool answered(const struct vm *vm)
{
	struct timespec ts = {0, 50000000};
	int i;

	if (!state_get("vm/%d/question", vm->id))
		return true;
	state_del(inv_key(vm, "answer"));
	for (i = 0; i < 12000 && state_get("vm/%d/question", vm->id); i++)
		nanosleep(&ts, NULL);
	return state_num(inv_key(vm, "answer"), 0) != 0;
}

int vim_on(struct vm *vm, int argc, char **argv)
{
	const char *doing = "Powering on VM:", *fault;
	char *key, *msg;

	(void)argc, (void)argv;
	if (vm->power == POWER_ON)
		return wrong_state(vm, doing, "poweredOn", "Power on failed");
	state_lock();
	key = task_new(vm, "powerOn");
	state_unlock();
	if (!answered(vm)) {
		fault = "vim.fault.Timedout";
		msg = text_dup("The operation was cancelled by a question.");
		return failed(key, doing, "Power on failed", fault, msg);
	}
	state_lock();
	if (obstacle(vm, &fault, &msg))
		return failed(key, doing, "Power on failed", fault, msg);
	power_set(vm, POWER_ON);
	task_end(key, NULL, NULL);
	state_unlock();
	puts(doing);
	return 0;
}

int vim_off(struct vm *vm, int argc, char **argv)
{
	const char *doing = "Powering off VM:";
	char *key;

	(void)argc, (void)argv;
	if (vm->power == POWER_OFF)
		return wrong_state(vm, doing, "poweredOff", "Power off failed");
	state_lock();
	key = task_new(vm, "powerOff");
	if (fault_get("no-poweroff"))
		return failed(key, doing, "Power off failed",
			"vim.fault.GenericVmConfigFault",
			"The operation is not allowed in the current state.");
	power_set(vm, POWER_OFF);
	task_end(key, NULL, NULL);
	state_unlock();
	puts(doing);
	return 0;
}

static void guest_off(void *arg)
{
	struct vm vm;

	state_lock();
	if (!inv_vm(arg, &vm) && vm.power == POWER_ON)
		power_set(&vm, POWER_OFF);
	state_unlock();
}

int vim_shutdown(struct vm *vm, int argc, char **argv)
{
	(void)argc, (void)argv;
	if (vm->power != POWER_ON)
		return wrong_state(vm, NULL, "poweredOff", NULL);
	if (!vm->tools)
		return vim_fault("vim.fault.ToolsUnavailable",
			"Cannot complete operation because VMware Tools is "
			"not running in this virtual machine.",
			NULL);
	if (!fault_get("no-shutdown"))
		state_later(state_num("shutdown-ms", 1500), guest_off,
			text_fmt("%d", vm->id));
	return 0;
}

int vim_reset(struct vm *vm, int argc, char **argv)
{
	(void)argc;
	if (vm->power != POWER_ON)
		return wrong_state(vm, "Reset VM:", "poweredOn", NULL);
	if (!strcmp(argv[0], "vmsvc/power.reset"))
		puts("Reset VM:");
	else if (!vm->tools)
		return vim_fault("vim.fault.ToolsUnavailable",
			"Cannot complete operation because VMware Tools is "
			"not running in this virtual machine.",
			NULL);
	state_put(inv_key(vm, "boot"), "%s", text_utc());
	return 0;
}

int vim_suspend(struct vm *vm, int argc, char **argv)
{
	(void)argc, (void)argv;
	if (vm->power != POWER_ON)
		return wrong_state(vm, "Suspending VM:", "suspended", NULL);
	state_lock();
	power_set(vm, POWER_SUSPENDED);
	vmx_set(&vm->vmx, "checkpoint.vmState", "%s.vmss", vm->base);
	vmx_save(vm->vmx_path, &vm->vmx);
	text_write(text_fmt("%s/%s.vmss", vm->dir, vm->base), "", 0);
	state_unlock();
	puts("Suspending VM:");
	return 0;
}

int vim_message(struct vm *vm, int argc, char **argv)
{
	char *q = state_get("vm/%d/question", vm->id);

	if (!q) {
		puts("No message.");
		return 0;
	}
	if (argc > 3) {
		state_del(inv_key(vm, "question"));
		state_put(inv_key(vm, "answer"), "%s", argv[3]);
		return 0;
	}
	printf("Virtual machine message %d:\n%s%s\n"
	       "   0. button.uuid.cancel (Cancel)\n"
	       "   1. button.uuid.movedTheVM (I Moved It)\n"
	       "   2. button.uuid.copiedTheVM (I Copied It) [default]\n",
		vm->id + 26, lab_old() ? "" : "msg.uuid.altered:", q);
	return 0;
}
