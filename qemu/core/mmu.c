// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From virtual addresses to host memory: the page table walk, the check of a
 * whole operand before a command begins, and the mapping of a slice.
 *
 * Tables are in HBM, which the guest may change at any moment: every entry is
 * loaded exactly once, and judged by that value.
 */
#include "internal.h"

#define LEVEL_BITS	9
#define PAGE_SHIFT	12
#define TABLE_SIZE	4096

#define LEAF_ONLY	(SFAB_PTE_READ | SFAB_PTE_WRITE | SFAB_PTE_LARGE | \
			 SFAB_PTE_APERTURE_MASK)
#define RESERVED	(~(SFAB_PTE_VALID | LEAF_ONLY | SFAB_PTE_ADDR_MASK))

/* A translation: @len bytes from @addr on, in one page or several in a row. */
struct leaf {
	unsigned int aperture;
	uint64_t addr;
	uint64_t len;
};

/*
 * The level 0 table that was used last: neighbouring pages need one load. Lives
 * as long as one check or mapping, that is, well within a slice.
 */
struct cache {
	bool valid;
	uint64_t key;		/* VA >> 21 */
	uint64_t table;
};

static bool fail(struct sfab_job *job, unsigned int cause, uint64_t need,
		 uint64_t va)
{
	job->fault.cause = cause;
	job->fault.access = need & SFAB_NEED_WRITE ? SFAB_ACCESS_WRITE :
						     SFAB_ACCESS_READ;
	job->fault.addr = va;
	return false;
}

static uint64_t load_entry(const struct sfab_core *core, uint64_t table,
			   uint64_t va, unsigned int level)
{
	unsigned int shift = PAGE_SHIFT + LEVEL_BITS * level;
	uint64_t index = va >> shift & ((1u << LEVEL_BITS) - 1);
	uint8_t *entry = (uint8_t *)core->config.hbm + table + index * 8;

	return atomic_load_explicit((_Atomic uint64_t *)(void *)entry,
				    memory_order_relaxed);
}

static bool table_in_hbm(const struct sfab_core *core, uint64_t table)
{
	return table <= core->config.hbm_size - TABLE_SIZE;
}

/*
 * Walk down to the leaf entry of @va; *size becomes the size of its page.
 * Returns 0 with job->fault set if there is none.
 */
static uint64_t walk(struct sfab_core *core, struct sfab_job *job,
		     struct cache *cache, uint64_t va, uint64_t need,
		     uint64_t *size)
{
	uint64_t table = job->root & SFAB_VM_ROOT_ADDR;
	int level = 3;

	if (cache->valid && cache->key == va >> 21) {
		table = cache->table;
		level = 0;
	} else if (!(job->root & SFAB_VM_ROOT_VALID) ||
		   !table_in_hbm(core, table)) {
		job->fault = (struct sfab_fault) { .cause = SFAB_FAULT_BAD_VM };
		return 0;
	}
	for (;; level--) {
		uint64_t entry = load_entry(core, table, va, level);
		bool leaf = level == 0 || (level == 1 && entry & SFAB_PTE_LARGE);

		if (!(entry & SFAB_PTE_VALID)) {
			fail(job, SFAB_FAULT_UNMAPPED, need, va);
			return 0;
		}
		if (leaf) {
			*size = 1ull << (PAGE_SHIFT + LEVEL_BITS * level);
			if (entry & RESERVED ||
			    entry & SFAB_PTE_ADDR_MASK & (*size - 1) ||
			    (level == 0 && entry & SFAB_PTE_LARGE))
				break;
			return entry;
		}
		table = entry & SFAB_PTE_ADDR_MASK;
		if (entry & (RESERVED | LEAF_ONLY) || !table_in_hbm(core, table))
			break;
		if (level == 1)
			*cache = (struct cache) { true, va >> 21, table };
	}
	fail(job, SFAB_FAULT_BAD_PTE, need, va);
	return 0;
}

static bool translate(struct sfab_core *core, struct sfab_job *job,
		      struct cache *cache, uint64_t va, uint64_t need,
		      struct leaf *leaf)
{
	uint64_t size, entry = walk(core, job, cache, va, need, &size);
	uint64_t addr = entry & SFAB_PTE_ADDR_MASK;

	if (!entry)
		return false;
	leaf->aperture = (entry & SFAB_PTE_APERTURE_MASK) >>
			 SFAB_PTE_APERTURE_SHIFT;
	leaf->addr = addr + va % size;
	leaf->len = size - va % size;

	/* Pages are aligned and the HBM is a multiple of the largest. */
	if (leaf->aperture == SFAB_APERTURE_HBM &&
	    addr >= core->config.hbm_size)
		return fail(job, SFAB_FAULT_BAD_PTE, need, va);
	if (leaf->aperture == SFAB_APERTURE_FABRIC &&
	    (need & SFAB_NEED_LOCAL ||
	     !sfab_import_valid(core, addr >> SFAB_PTE_IMPORT_SHIFT)))
		return fail(job, SFAB_FAULT_APERTURE, need, va);
	if (need & ~entry & SFAB_NEED_READ)
		return fail(job, SFAB_FAULT_NO_READ, SFAB_NEED_READ, va);
	if (need & ~entry & SFAB_NEED_WRITE)
		return fail(job, SFAB_FAULT_NO_WRITE, SFAB_NEED_WRITE, va);
	if (leaf->aperture == SFAB_APERTURE_PEER && !core->config.peer)
		return fail(job, SFAB_FAULT_BUS_ERROR, need, va);
	return true;
}

/* Whether the @len bytes at @leaf, that is at @va, are not to be read or can be. */
static bool readable(struct sfab_core *core, struct sfab_job *job,
		     const struct leaf *leaf, uint64_t va, uint64_t len,
		     uint64_t need)
{
	uint64_t at;

	if (!(need & SFAB_NEED_READ) || leaf->aperture != SFAB_APERTURE_HBM ||
	    !sfab_poisoned(core, leaf->addr, len, &at))
		return true;
	return fail(job, SFAB_FAULT_POISON, need, va + (at - leaf->addr));
}

bool sfab_check(struct sfab_core *core, struct sfab_job *job,
		const struct sfab_operand *o, uint64_t *offset)
{
	uint64_t size = sfab_operand_size(o);
	struct cache cache = { 0 };
	struct leaf leaf;

	for (; *offset < size && job->lookups; job->lookups--) {
		uint64_t row = *offset / o->len, within = *offset % o->len;
		uint64_t va = o->va + row * o->pitch + within;
		uint64_t left = o->len - within, more = 0;
		uint64_t len;

		if (!translate(core, job, &cache, va, o->need, &leaf))
			return false;
		if (leaf.aperture == SFAB_APERTURE_FABRIC)
			job->progress.remote = true;
		len = leaf.len < left ? leaf.len : left;
		if (!readable(core, job, &leaf, va, len, o->need))
			return false;
		if (len < left) {
			*offset += len;
			continue;
		}
		/* And the rows after it that end within the same page. */
		if (!sfab_any_poison(core))
			more = (leaf.len - left) / o->pitch;
		if (more > o->rows - 1 - row)
			more = o->rows - 1 - row;
		*offset += left + more * o->len;
	}
	return true;
}

/* Translate @va and as much of the @len bytes as follows it contiguously. */
static bool translate_run(struct sfab_core *core, struct sfab_job *job,
			  struct cache *cache, uint64_t va, uint64_t len,
			  uint64_t need, struct leaf *run)
{
	struct leaf next;

	if (!translate(core, job, cache, va, need, run))
		return false;
	while (run->len < len) {
		if (!translate(core, job, cache, va + run->len, need, &next))
			return false;
		if (next.aperture != run->aperture ||
		    next.addr != run->addr + run->len)
			break;
		run->len += next.len;
	}
	if (run->len > len)
		run->len = len;
	return true;
}

/* A leaf that begins where @leaf, @len bytes of which are used, ends. */
static bool follows(const struct leaf *next, const struct leaf *leaf,
		    uint64_t len)
{
	return next->aperture == leaf->aperture &&
	       next->addr == leaf->addr + len &&
	       next->addr >> SFAB_PTE_IMPORT_SHIFT ==
	       leaf->addr >> SFAB_PTE_IMPORT_SHIFT;
}

bool sfab_locate(struct sfab_core *core, struct sfab_job *job,
		 const struct sfab_operand *o, uint64_t offset, uint64_t want,
		 struct sfab_place *place)
{
	struct cache cache = { 0 };
	struct leaf first = { 0 }, leaf;

	place->len = 0;
	for (unsigned int i = 0; place->len < want && i < SFAB_PLAN_PIECES; i++) {
		uint64_t at = offset + place->len;
		uint64_t row = at / o->len, within = at % o->len;
		uint64_t left = o->len - within;

		if (!translate(core, job, &cache,
			       o->va + row * o->pitch + within, o->need, &leaf))
			return false;
		if (!i)
			first = leaf;
		place->remote = first.aperture == SFAB_APERTURE_FABRIC;
		if (i && place->remote && !follows(&leaf, &first, place->len))
			break;
		if (!place->remote && leaf.aperture == SFAB_APERTURE_FABRIC)
			break;
		place->len += leaf.len < left ? leaf.len : left;
	}
	if (place->len > want)
		place->len = want;
	place->import = first.addr >> SFAB_PTE_IMPORT_SHIFT;
	place->offset = first.addr & (SFAB_PTE_PAGE_MASK | (TABLE_SIZE - 1));
	return true;
}

static void add_piece(struct sfab_plan *plan, unsigned int aperture, void *host,
		      uint64_t len)
{
	plan->piece[plan->pieces++] = (struct sfab_piece) {
		.host = host, .len = len, .aperture = aperture,
	};
	plan->bytes += len;
}

/*
 * Map bus memory: the surroundings may give it in several parts. Parts end on
 * multiples of 8 bytes, and have the alignment of their bus address: elements
 * and atomic operands are never torn.
 */
static bool map_run(struct sfab_core *core, struct sfab_plan *plan,
		    const struct leaf *run, uint64_t *done)
{
	for (*done = 0; *done < run->len; ) {
		uint64_t bus = run->addr + *done, want = run->len - *done;
		uint64_t len = want;
		uint8_t *host;

		if (plan->maps == SFAB_PLAN_MAPS ||
		    plan->pieces == SFAB_PLAN_PIECES)
			return true;
		host = core->ops->map(core->opaque, bus, &len, plan->write);
		if (!host)
			return false;
		if (((uintptr_t)host ^ bus) % 8 ||
		    (len < want && (bus + len) % 8)) {
			core->ops->unmap(core->opaque, host, len, plan->write,
					 0);
			return false;
		}
		plan->maps++;
		add_piece(plan, run->aperture, host, len);
		*done += len;
	}
	return true;
}

/* Map up to @want bytes of @o from byte @offset on. Opens a batch if needed. */
static bool map_operand(struct sfab_core *core, struct sfab_job *job,
			struct sfab_plan *plan, const struct sfab_operand *o,
			uint64_t offset, uint64_t want, bool *batch)
{
	uint64_t size = sfab_operand_size(o);
	struct cache cache = { 0 };

	if (want > size - offset)
		want = size - offset;
	while (plan->bytes < want && plan->pieces < SFAB_PLAN_PIECES &&
	       plan->maps < SFAB_PLAN_MAPS) {
		uint64_t at = offset + plan->bytes;
		uint64_t row = at / o->len, within = at % o->len;
		uint64_t va = o->va + row * o->pitch + within;
		uint64_t len = o->len - within, done;
		struct leaf run;

		if (len > want - plan->bytes)
			len = want - plan->bytes;
		if (!translate_run(core, job, &cache, va, len,
				   o->need | SFAB_NEED_LOCAL, &run))
			return false;
		if (!readable(core, job, &run, va, run.len, o->need))
			return false;
		if (run.aperture == SFAB_APERTURE_HBM) {
			add_piece(plan, run.aperture,
				  (uint8_t *)core->config.hbm + run.addr,
				  run.len);
			continue;
		}
		if (!*batch)
			core->ops->batch_begin(core->opaque);
		*batch = true;
		if (!map_run(core, plan, &run, &done))
			return fail(job, SFAB_FAULT_BUS_ERROR, o->need,
				    va + done);
	}
	return true;
}

static void unmap(struct sfab_core *core, struct sfab_plan *plan,
		  uint64_t accessed)
{
	for (unsigned int i = 0; i < plan->pieces; i++) {
		const struct sfab_piece *p = &plan->piece[i];
		uint64_t used = accessed < p->len ? accessed : p->len;

		accessed -= used;
		if (p->aperture != SFAB_APERTURE_HBM)
			core->ops->unmap(core->opaque, p->host, p->len,
					 plan->write, used);
	}
}

bool sfab_map(struct sfab_core *core, struct sfab_engine *engine,
	      const struct sfab_operand operand[SFAB_SIDES], uint64_t offset,
	      uint64_t *bytes)
{
	bool batch = false, ok = true;

	for (unsigned int i = 0; i < SFAB_SIDES; i++) {
		struct sfab_plan *plan = &engine->plan[i];

		plan->pieces = 0;
		plan->maps = 0;
		plan->bytes = 0;
		plan->write = operand[i].need & SFAB_NEED_WRITE;
		if (!ok || !operand[i].need)
			continue;
		ok = map_operand(core, &engine->job, plan, &operand[i], offset,
				 *bytes, &batch);
		*bytes = plan->bytes;
	}
	for (unsigned int i = 0; !ok && i < SFAB_SIDES; i++)
		unmap(core, &engine->plan[i], 0);
	if (batch)
		core->ops->batch_end(core->opaque);
	return ok;
}

/* The first @written bytes have been: who keeps track of the HBM is told. */
static void tell_written(struct sfab_core *core, const struct sfab_plan *plan,
			 uint64_t written)
{
	for (unsigned int i = 0; written && i < plan->pieces; i++) {
		const struct sfab_piece *p = &plan->piece[i];
		uint64_t used = written < p->len ? written : p->len;
		uint64_t offset = p->host - (uint8_t *)core->config.hbm;

		written -= used;
		if (p->aperture != SFAB_APERTURE_HBM)
			continue;
		if (core->ops->hbm_written)
			core->ops->hbm_written(core->opaque, offset, used);
		sfab_poison_cleared(core, offset, used);
	}
}

void sfab_release(struct sfab_core *core, struct sfab_engine *engine,
		  uint64_t accessed)
{
	bool mapped = false;

	for (unsigned int i = 0; i < SFAB_SIDES; i++) {
		struct sfab_plan *plan = &engine->plan[i];

		mapped |= plan->maps;
		if (plan->write &&
		    (core->ops->hbm_written || sfab_any_poison(core)))
			tell_written(core, plan, accessed);
	}
	if (!mapped)
		return;
	core->ops->batch_begin(core->opaque);
	for (unsigned int i = 0; i < SFAB_SIDES; i++)
		unmap(core, &engine->plan[i], accessed);
	core->ops->batch_end(core->opaque);
}
