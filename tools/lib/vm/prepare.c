/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/prepare.h"

#include "path/open_files.h"
#include "vm/step.h"

#include <unistd.h>

bool vm_prepare(struct vm *vm, char **error)
{
	for (size_t i = 0; i < vm->n_steps; i++) {
		/* A step can add further ones, and move them all. */
		if (!vm->steps[i].prepare(vm, &vm->steps[i], error)) {
			vm_undo(vm);
			return false;
		}
		vm->steps[i].is_prepared = true;
	}
	return true;
}

bool vm_finish(struct vm *vm, char **error)
{
	for (size_t i = 0; i < vm->n_steps; i++)
		if (vm->steps[i].finish && !vm->steps[i].finish(&vm->steps[i], error))
			return false;
	return true;
}

void vm_let_go(struct vm *vm)
{
	for (size_t i = 0; i < vm->n_fds; i++)
		if (vm->fds[i] > STDERR_FILENO)
			close(vm->fds[i]);
	vm->n_fds = 0;
	for (size_t i = 0; i < vm->n_steps; i++) {
		struct vm_step *step = &vm->steps[i];
		if (step->object >= 0)
			close(step->object);
		step->object = -1;
		safepath_close(&step->place.walk);
	}
	for (size_t i = 0; i < vm->n_wanted; i++)
		if (vm->wanted[i].made)
			close(vm->wanted[i].made);
	vm->n_wanted = 0;
	journal_free(vm->draft);
	vm->draft = NULL;
	open_files_forget();
}

void vm_undo(struct vm *vm)
{
	for (size_t i = vm->n_steps; i-- > 0;) {
		struct vm_step *step = &vm->steps[i];
		bool is_prepared = step->is_prepared;
		/* Once, also where the program ends in the midst of it. */
		step->is_prepared = false;
		if (is_prepared && step->give_back)
			step->give_back(vm, step);
	}
}
