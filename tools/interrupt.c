// SPDX-License-Identifier: MIT
/*
 * Lets a command that was interrupted clean up before it dies
 */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>

#include "interrupt.h"
#include "tool.h"

static volatile sig_atomic_t caught;

static void note(int sig)
{
	caught = sig;
}

static void catch_one(int sig)
{
	/* No SA_RESTART: a read() that waits for data shall end */
	struct sigaction action = { .sa_handler = note }, old;

	sigaction(sig, &action, &old);
	if (old.sa_handler == SIG_IGN)	/* nohup */
		sigaction(sig, &old, NULL);
}

void interrupt_catch(void)
{
	catch_one(SIGINT);
	catch_one(SIGTERM);
	catch_one(SIGHUP);
	/* A write beyond the limit of the size of files shall fail, not kill */
	signal(SIGXFSZ, SIG_IGN);
}

bool interrupted(void)
{
	return caught;
}

void interrupt_die(void)
{
	if (!caught)
		return;
	output_push();
	signal(caught, SIG_DFL);
	raise(caught);
}
