// SPDX-License-Identifier: MIT
/* A thread that is hastened has a short slice, and is otherwise what it was. */
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "owner.h"

#define NICE	3

/* The first version of the kernel's structure, by what lies where. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

struct result {
	const struct sched_param *batch;	/* or NULL */
	int failed;
	struct attributes before, after;
};

static int look(struct attributes *a)
{
	return syscall(SYS_sched_getattr, 0, a, sizeof(*a), 0);
}

/* A thread of its own, as it stays so; it only reports. */
static void *hasten(void *arg)
{
	struct result *r = arg;

	r->failed |= setpriority(PRIO_PROCESS, gettid(), NICE);
	if (r->batch)
		r->failed |= sched_setscheduler(0, SCHED_BATCH, r->batch);
	r->failed |= look(&r->before);
	sfab_fibre_hasten();
	r->failed |= look(&r->after);
	return NULL;
}

static struct result hastened(const struct sched_param *batch)
{
	struct result r = { .batch = batch };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, hasten, &r), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(r.failed, 0);
	return r;
}

static void test_short_slice(void **state)
{
	struct attributes before, after;
	struct result r;

	(void)state;
	assert_int_equal(look(&before), 0);
	r = hastened(NULL);
	/* Kernels before 6.12 know no slices. */
	assert_int_equal(r.after.runtime, r.before.runtime ? 100000 : 0);
	assert_int_equal(r.after.nice, NICE);
	r.after.runtime = r.before.runtime;
	assert_memory_equal(&r.before, &r.after, sizeof(r.before));
	assert_int_equal(look(&after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
}

/* Whoever runs it under another policy knows why. */
static void test_other_policies_stay(void **state)
{
	struct sched_param param = { 0 };
	struct result r = hastened(&param);

	(void)state;
	assert_int_equal(r.before.policy, SCHED_BATCH);
	assert_memory_equal(&r.before, &r.after, sizeof(r.before));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_slice),
		cmocka_unit_test(test_other_policies_stay),
	};

	return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
