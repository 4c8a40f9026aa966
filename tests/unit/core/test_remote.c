// SPDX-License-Identifier: MIT
/* Commands with FABRIC operands: every operation, every mixture, right to the byte. */
#include <stdlib.h>

#include "supernode.h"

static void test_smoke(void **state)
{
	struct supernode *sn = sn_new(2);
	struct rig *a = sn->rig[0], *b = sn->rig[1];

	(void)state;
	sn_share(sn);
	sn_do(sn, a, &(struct cmd) {
		.opcode = SFAB_CMD_WRITE, .dtype = 8, .dst = VA_FAR(1) + 64,
		.arg0 = 0x1234,
	});
	assert_int_equal(*(uint64_t *)(b->hbm + SHARED + 64), 0x1234);
	rig_fill_random(a->hbm + HBM_DATA, MIB, 7);
	sn_do(sn, a, &(struct cmd) {
		.opcode = SFAB_CMD_COPY, .flags = 1, .dst = VA_FAR(1) + 4096,
		.src = VA_HBM + HBM_DATA, .len = MIB, .timeline = 9,
	});
	assert_memory_equal(b->hbm + SHARED + 4096, a->hbm + HBM_DATA, MIB);
	assert_int_equal(*rig_timeline(a, 0), 9);
	sn_do(sn, a, &(struct cmd) {
		.opcode = SFAB_CMD_COPY, .dst = VA_SYS + SYS_DATA,
		.src = VA_FAR(1) + 4096, .len = MIB,
	});
	assert_memory_equal(a->sys + SYS_DATA, a->hbm + HBM_DATA, MIB);
	sn_free(sn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smoke),
	};

	return cmocka_run_group_tests_name("remote", tests, NULL, NULL);
}
