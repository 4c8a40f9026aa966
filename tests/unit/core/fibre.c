// SPDX-License-Identifier: MIT
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "fibre.h"
#include "sfab/fabric.h"

void fibre_new(void *view[2])
{
	view[0] = mmap(NULL, SFAB_FIBRE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	assert_ptr_not_equal(view[0], MAP_FAILED);
	view[1] = view[0];
	if (!getenv("NEAR"))
		view[1] = mremap(view[0], 0, SFAB_FIBRE_SIZE, MREMAP_MAYMOVE);
	assert_ptr_not_equal(view[1], MAP_FAILED);
}

void fibre_free(void *view[2])
{
	munmap(view[0], SFAB_FIBRE_SIZE);
	if (view[1] != view[0])
		munmap(view[1], SFAB_FIBRE_SIZE);
}
