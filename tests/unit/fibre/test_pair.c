// SPDX-License-Identifier: MIT
/* Internal fibres: both ends in one process. */
#include <poll.h>
#include <pthread.h>

#include "owner.h"

static struct owner a, b;
static struct owner *both[] = { &a, &b };

static void open_both(struct sfab_fibre *fibre)
{
	owner_open(&a, fibre);
	owner_open(&b, fibre);
	assert_true(serve(both, 2, all_light, 1000));
}

static void test_both_see_the_same_memory(void **state)
{
	struct sfab_fibre *fibre = lay((struct sfab_fibre_config){ .name = "f" });
	size_t i;

	(void)state;
	owner_open(&a, fibre);
	assert_null(a.memory);		/* there is nobody at the other end */
	owner_open(&b, fibre);
	assert_true(serve(both, 2, all_light, 1000));
	assert_ptr_equal(a.memory, b.memory);
	assert_int_equal(a.index, 0);
	assert_int_equal(b.index, 1);
	assert_int_equal((uintptr_t)a.memory % 4096, 0);
	for (i = 0; i < FIBRE_SIZE; i++)
		assert_int_equal(a.memory[i], 0);
	owner_close(&a);
	owner_end(&b);
}

static void test_a_third_end_is_refused(void **state)
{
	struct sfab_fibre *fibre = lay((struct sfab_fibre_config){ .name = "red" });
	struct sfab_fibre_ops ops = { 0 };
	char why[128];

	(void)state;
	open_both(fibre);
	assert_null(sfab_fibre_open(fibre, &ops, NULL, why, sizeof(why)));
	assert_string_equal(why, "both ends of fibre 'red' are in use; a fibre joins two ports");
	owner_close(&a);
	owner_end(&b);
}

static bool first_rung(struct owner **owners)
{
	return owners[0]->rung;
}

static void test_doorbells(void **state)
{
	struct sfab_fibre *fibre = lay((struct sfab_fibre_config){ .name = "f" });
	struct owner *only_a[] = { &a }, *only_b[] = { &b };

	(void)state;
	open_both(fibre);
	serve(both, 2, never, 20);
	a.rung = 0;
	b.rung = 0;
	sfab_fibre_ring(a.end);
	assert_true(serve(only_b, 1, first_rung, 1000));
	assert_false(serve(only_a, 1, first_rung, 20));
	b.rung = 0;
	sfab_fibre_ring(b.end);
	assert_true(serve(only_a, 1, first_rung, 1000));
	assert_false(serve(only_b, 1, first_rung, 20));
	owner_close(&a);
	owner_end(&b);
}

static void test_cut_and_mend(void **state)
{
	struct sfab_fibre *fibre = lay((struct sfab_fibre_config){ .name = "f" });
	unsigned int i;

	(void)state;
	open_both(fibre);
	for (i = 1; i <= 3; i++) {
		sfab_fibre_cut(fibre, true);
		assert_true(serve(both, 2, all_dark, 1000));
		sfab_fibre_ring(a.end);		/* into the dark */
		sfab_fibre_cut(fibre, false);
		assert_true(serve(both, 2, all_light, 1000));
		assert_int_equal(a.attached, i + 1);
		assert_ptr_equal(a.memory, b.memory);
	}
	owner_close(&a);
	owner_end(&b);
}

/* Nobody looked in between: the light was gone all the same. */
static void test_a_short_cut_is_not_missed(void **state)
{
	struct sfab_fibre *fibre = lay((struct sfab_fibre_config){ .name = "f" });

	(void)state;
	open_both(fibre);
	a.memory[0] = 1;
	sfab_fibre_cut(fibre, true);
	sfab_fibre_cut(fibre, false);
	assert_true(sfab_fibre_service(a.end));
	assert_true(sfab_fibre_service(b.end));
	assert_int_equal(a.attached, 2);
	assert_int_equal(b.attached, 2);
	assert_ptr_equal(a.memory, b.memory);
	assert_int_equal(a.memory[0], 0);
	owner_close(&a);
	owner_end(&b);
}

/* The end that stays keeps its memory until it lets go of it itself. */
static void test_an_end_that_goes_takes_the_light_along(void **state)
{
	struct sfab_fibre *fibre = lay((struct sfab_fibre_config){ .name = "f" });

	(void)state;
	open_both(fibre);
	owner_close(&a);
	b.memory[FIBRE_SIZE - 1] = 7;
	sfab_fibre_service(b.end);
	assert_null(b.memory);
	owner_open(&a, fibre);
	assert_true(serve(both, 2, all_light, 1000));
	assert_int_equal(a.index, 0);
	assert_int_equal(a.memory[FIBRE_SIZE - 1], 0);
	owner_close(&b);
	owner_end(&a);
}

static void test_created_cut(void **state)
{
	struct sfab_fibre *fibre = lay((struct sfab_fibre_config){ .name = "f" });

	(void)state;
	sfab_fibre_cut(fibre, true);
	owner_open(&a, fibre);
	owner_open(&b, fibre);
	assert_false(serve(both, 2, all_light, 20));
	sfab_fibre_cut(fibre, false);
	assert_true(serve(both, 2, all_light, 1000));
	owner_close(&a);
	owner_end(&b);
}

static void test_names(void **state)
{
	char name[SFAB_FIBRE_NAME_MAX + 2] = "", why[256];
	struct sfab_fibre_config config = { .name = name };

	(void)state;
	assert_null(sfab_fibre_create(&config, why, sizeof(why)));
	assert_non_null(strstr(why, "1 to 64 bytes"));
	memset(name, 'x', SFAB_FIBRE_NAME_MAX + 1);
	assert_null(sfab_fibre_create(&config, why, sizeof(why)));
	name[SFAB_FIBRE_NAME_MAX] = 0;
	sfab_fibre_destroy(lay(config));
	sfab_fibre_destroy(NULL);
	sfab_fibre_close(NULL);
}

/* Owners in threads of their own write into what they have while somebody cuts. */
static atomic_bool stop;

static void *work(void *opaque)
{
	struct owner *owner = opaque;
	struct pollfd pfd = { sfab_fibre_fd(owner->end), POLLIN, 0 };

	while (!atomic_load(&stop)) {
		if (poll(&pfd, 1, 1) > 0)
			sfab_fibre_service(owner->end);
		if (owner->memory)
			owner->memory[owner->index * HALF_SIZE]++;
		sfab_fibre_ring(owner->end);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct sfab_fibre *fibre = lay((struct sfab_fibre_config){ .name = "f" });
	pthread_t threads[2];
	unsigned int i;

	(void)state;
	owner_open(&a, fibre);
	owner_open(&b, fibre);
	for (i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, work, both[i]);
	for (i = 0; i < 400; i++) {
		sfab_fibre_cut(fibre, !(i % 2));
		usleep(500);
	}
	atomic_store(&stop, true);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_true(serve(both, 2, all_light, 1000));
	assert_true(a.attached > 10 && b.attached > 10);
	owner_close(&a);
	owner_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_see_the_same_memory),
		cmocka_unit_test(test_a_third_end_is_refused),
		cmocka_unit_test(test_doorbells),
		cmocka_unit_test(test_cut_and_mend),
		cmocka_unit_test(test_a_short_cut_is_not_missed),
		cmocka_unit_test(test_an_end_that_goes_takes_the_light_along),
		cmocka_unit_test(test_created_cut),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("pair", tests, NULL, NULL);
}
