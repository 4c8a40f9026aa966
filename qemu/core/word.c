// SPDX-License-Identifier: GPL-2.0-or-later
/* One word of 4 or 8 bytes, aligned, that others may use at the same moment. */
#include "internal.h"

uint64_t sfab_load(const void *p, unsigned int width)
{
	if (width == 4)
		return atomic_load((_Atomic uint32_t *)p);
	return atomic_load((_Atomic uint64_t *)p);
}

void sfab_store(void *p, unsigned int width, uint64_t value)
{
	if (width == 4)
		atomic_store((_Atomic uint32_t *)p, (uint32_t)value);
	else
		atomic_store((_Atomic uint64_t *)p, value);
}

static uint32_t atomic32(_Atomic uint32_t *p, unsigned int op, uint32_t operand,
			 uint32_t comparand)
{
	if (op == SFAB_ATOMIC_ADD)
		return atomic_fetch_add(p, operand);
	if (op == SFAB_ATOMIC_SWAP)
		return atomic_exchange(p, operand);
	atomic_compare_exchange_strong(p, &comparand, operand);
	return comparand;
}

static uint64_t atomic64(_Atomic uint64_t *p, unsigned int op, uint64_t operand,
			 uint64_t comparand)
{
	if (op == SFAB_ATOMIC_ADD)
		return atomic_fetch_add(p, operand);
	if (op == SFAB_ATOMIC_SWAP)
		return atomic_exchange(p, operand);
	atomic_compare_exchange_strong(p, &comparand, operand);
	return comparand;
}

uint64_t sfab_atomic(void *p, unsigned int width, unsigned int op,
		     uint64_t operand, uint64_t comparand)
{
	if (width == 4)
		return atomic32(p, op, operand, comparand);
	return atomic64(p, op, operand, comparand);
}
