// SPDX-License-Identifier: MIT
/*
 * Who leaves a neighbour must not touch it any more: its worker, which waits for run, may be the
 * one that ends it (unplug). Linked with --wrap=pthread_mutex_unlock, which lets that other thread
 * run at the only moment that matters.
 */
#include "fabric_internal.h"
#include "fabric_rig.h"

int __real_pthread_mutex_unlock(pthread_mutex_t *m);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *m);

static struct node *victim;

int __wrap_pthread_mutex_unlock(pthread_mutex_t *m)
{
	int r = __real_pthread_mutex_unlock(m);

	if (victim && m == &victim->fabric->run) {
		struct node *node = victim;

		victim = NULL;
		/* The worker of B: it gives its ends back, and the device is finalized. */
		sfab_fabric_attach(node->fabric, 0, 0, NULL, 1);
		sfab_fabric_attach(node->fabric, 1, 0, NULL, 0);
		sfab_fabric_destroy(node->fabric);
		node->fabric = NULL;
		node->dead = true;
	}
	return r;
}

static void unplugged(void **state)
{
	struct net *net = net_chain(3, NULL);

	(void)state;
	net->node[1].dead = true;
	flow_start(&net->node[0], 0, 3, 10, 5000);
	victim = &net->node[1];
	net_run_by_hand(&net->node[0], 1);
	assert_null(victim);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(unplugged) };

	setenv("NEAR", "1", true);
	return cmocka_run_group_tests_name("near_leave", tests, NULL, NULL);
}
