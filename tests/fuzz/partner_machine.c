// SPDX-License-Identifier: MIT
/* The device of partner_fuzz, and the fibres at its ports. */
#include <sys/mman.h>
#include <unistd.h>

#include "crc32c.h"
#include "partner.h"

struct fibre fibres[FIBRES];

/* ---- ops ---- */

static void batch(void *opaque)
{
	(void)opaque;
}

static void *map(void *opaque, uint64_t bus, uint64_t *len, bool write)
{
	struct machine *m = opaque;
	uint64_t offset = bus - SYS_BUS;

	(void)write;
	if (offset >= SYS_SIZE)
		return NULL;
	if (*len > SYS_SIZE - offset)
		*len = SYS_SIZE - offset;
	m->mapped++;
	return m->sys + offset;
}

static void unmap(void *opaque, void *host, uint64_t len, bool write,
		  uint64_t accessed)
{
	struct machine *m = opaque;

	(void)host;
	(void)write;
	CHECK(accessed <= len);
	m->mapped--;
}

static void one(void *opaque, unsigned int n)
{
	(void)opaque;
	CHECK(n == 0);
}

static uint64_t now(void *opaque)
{
	return ((struct machine *)opaque)->clock;
}

static void ring(void *opaque, unsigned int port, unsigned int path)
{
	((struct machine *)opaque)->rung = true;
	CHECK(port < FIBRES && path == 0);
}

static const struct sfab_ops ops = {
	.batch_begin = batch, .batch_end = batch, .map = map, .unmap = unmap,
	.irq = one, .kick = one, .now = now, .fabric_wake = batch,
	.fibre_ring = ring,
};

/* ---- a device that speaks, and listens, to EID 2 or 1 ---- */

static uint64_t *entry(struct machine *m, unsigned int table, unsigned int i)
{
	return (uint64_t *)(m->hbm + table * PAGE) + i;
}

static void make_tables(struct machine *m)
{
	uint64_t rw = SFAB_PTE_VALID | SFAB_PTE_READ | SFAB_PTE_WRITE;

	for (unsigned int t = 1; t < 4; t++)
		*entry(m, t, 0) = (t + 1) * PAGE | SFAB_PTE_VALID;
	for (unsigned int i = LOCAL; i < LOCAL + 4; i++)
		*entry(m, 4, i) = rw | (DATA + i) * PAGE;
	*entry(m, 4, EXPORTED) = rw | (DATA + EXPORTED) * PAGE;
	for (unsigned int i = 0; i < 4; i++)
		*entry(m, 4, FAR + i) = rw | i << 12 |
			SFAB_APERTURE_FABRIC << SFAB_PTE_APERTURE_SHIFT;
}

void reg(struct machine *m, uint64_t at, uint64_t value, unsigned int size)
{
	sfab_core_write(m->core, at, value, size);
}

static void make_segment(struct machine *m)
{
	uint64_t s = SFAB_SEGMENT_BASE;

	reg(m, s + SFAB_REG_S_VA, EXPORTED * PAGE + SEGMENT_AT, 8);
	reg(m, s + SFAB_REG_S_LEN, SEGMENT_LEN, 8);
	reg(m, s + SFAB_REG_S_TOKEN, TOKEN, 8);
	reg(m, s + SFAB_REG_S_VM, 0, 4);
	reg(m, s + SFAB_REG_S_EPOCH, EPOCH, 4);
	reg(m, s + SFAB_REG_S_CTRL, 0xf, 4);
}

static void make_import(struct machine *m, unsigned int target)
{
	uint64_t i = SFAB_IMPORT_BASE;

	reg(m, i + SFAB_REG_I_TOKEN, TOKEN, 8);
	reg(m, i + SFAB_REG_I_BASE, 0, 8);
	reg(m, i + SFAB_REG_I_TARGET, target, 4);
	reg(m, i + SFAB_REG_I_EPOCH, EPOCH, 4);
	reg(m, i + SFAB_REG_I_CTRL, 1, 4);
}

static void make_queue(struct machine *m)
{
	uint64_t q = SFAB_QUEUE_BASE;

	reg(m, q + SFAB_REG_Q_CTRL, SFAB_Q_CTRL_RESET, 4);
	reg(m, q + SFAB_REG_Q_BASE, SYS_BUS, 8);
	reg(m, q + SFAB_REG_Q_TIMELINE, SYS_BUS + 4096, 8);
	reg(m, q + SFAB_REG_Q_SIZE, 3, 4);
	reg(m, q + SFAB_REG_Q_CTRL, SFAB_Q_CTRL_ENABLE, 4);
	reg(m, SFAB_REG_CTRL, SFAB_CTRL_ENABLE, 4);
	m->tail = 0;
}

void set_up(struct machine *m, unsigned int eid)
{
	reg(m, SFAB_VM_BASE, PAGE | 1, 8);
	reg(m, SFAB_REG_EID, eid, 4);
	reg(m, SFAB_REG_INT_ENABLE, 0x7f, 4);
	make_segment(m);
	make_import(m, 3 - eid);
	make_queue(m);
	reg(m, SFAB_ROUTE_BASE + 8 * (3 - eid), 0x01410100, 8);	/* port 0, else 1 */
	reg(m, SFAB_ROUTE_BASE + 8 * 3, 0x0101, 8);
}

static uint8_t *hbm_of(uint8_t *hbm)
{
	if (!hbm)
		hbm = mmap(NULL, HBM_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(hbm != MAP_FAILED);
	/* Tables, and what has translations, and what is beside it. */
	memset(hbm, 0, 8 * PAGE);
	memset(hbm + DATA * PAGE, 0, 64 * PAGE);
	return hbm;
}

void machine_init(struct machine *m, unsigned int eid, unsigned int crc_errors)
{
	static uint8_t *memory[2];
	uint8_t *hbm = hbm_of(memory[eid - 1]);
	struct sfab_config config = {
		.hbm = hbm, .hbm_size = HBM_SIZE, .queues = 1, .vms = 1,
		.engines = 1, .vectors = 1, .serial = eid, .ports = FIBRES,
		.paths = 1, .segments = 2, .imports = 2, .eids = 8, .lanes = 8,
		.lane_rate = 112, .seed = eid, .crc_errors = crc_errors,
	};

	memory[eid - 1] = hbm;
	*m = (struct machine){ .hbm = hbm, .clock = 1000000 };
	m->sys = calloc(1, SYS_SIZE);
	m->core = sfab_core_create(&config, &ops, m, NULL);
	CHECK(m->core);
	m->fabric = sfab_core_fabric(m->core);
	make_tables(m);
	set_up(m, eid);
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
	return !n || (!*bytes && !memcmp(bytes, bytes + 1, n - 1));
}

void machine_free(struct machine *m)
{
	const uint8_t *exported = m->hbm + (DATA + EXPORTED) * PAGE;

	CHECK(m->mapped == 0);
	/* Nothing beside the segment, nothing that nobody has a translation for. */
	CHECK(is_zero(exported, SEGMENT_AT));
	CHECK(is_zero(exported + SEGMENT_AT + SEGMENT_LEN,
		      PAGE - SEGMENT_AT - SEGMENT_LEN));
	CHECK(is_zero(exported - PAGE, PAGE) && is_zero(exported + PAGE, PAGE));
	CHECK(is_zero(m->hbm + (DATA + FAR) * PAGE, 4 * PAGE));
	sfab_core_destroy(m->core);
	free(m->sys);
}

void machine_run(struct machine *m)
{
	uint64_t due;

	for (unsigned int i = 0; i < 4; i++) {
		sfab_core_run(m->core, 0, &due);
		sfab_fabric_sleep(m->fabric, false);
		sfab_fabric_run(m->fabric, &due);
		sfab_fabric_sleep(m->fabric, true);
	}
}

void submit(struct machine *m, const uint64_t command[8])
{
	memcpy(m->sys + m->tail % 8 * 64, command, 64);
	reg(m, SFAB_DOORBELL_BASE, ++m->tail, 4);
}

/* ---- the partner ---- */

static void guard(struct fibre *f, int fd)
{
	size_t half = sizeof(struct sfab_fibre_half);
	uint8_t *at = mmap(NULL, SFAB_FIBRE_SIZE + 2 * PAGE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	at += PAGE;
	f->device = mmap(at, SFAB_FIBRE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, fd, 0);
	CHECK(f->device == (void *)at);
	CHECK(!mprotect(at + PAGE, PAGE, PROT_READ));
	CHECK(!mprotect(at + half, PAGE, PROT_READ));
	CHECK(!mprotect(at + half + 2 * PAGE, half - 2 * PAGE, PROT_READ));
	f->half = mmap(NULL, SFAB_FIBRE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(f->half != MAP_FAILED);
}

void fibre_init(struct fibre *f)
{
	if (!f->half) {
		int fd = memfd_create("fibre", 0);

		CHECK(fd >= 0 && !ftruncate(fd, SFAB_FIBRE_SIZE));
		guard(f, fd);
		close(fd);
	}
	memset(&f->half[0], 0, 2 * PAGE);
	memset(&f->half[1], 0, 2 * PAGE + f->dirty);
	f->light = 0;
	f->dirty = 0;
}

void *ring_at(struct fibre *f, unsigned int ring, uint64_t at, size_t len)
{
	size_t offset = sfab_ring_offset(ring) + at % sfab_ring_bytes(ring);
	size_t rings = sizeof(f->half[1].rings);

	if (len > rings - offset)
		return NULL;
	if (f->dirty < offset + len)
		f->dirty = offset + len;
	return f->half[1].rings + offset;
}

void train(struct fibre *f, struct machine *m, bool lie)
{
	page(f)->light = 0;
	page(f)->locked = 0;
	for (unsigned int r = 0; r < SFAB_FIBRE_RINGS; r++) {
		page(f)->ring[r].head = 0;
		page(f)->ring[r].replayed = 0;
		f->half[0].receiver.ring[r].tail = 0;
		f->half[0].receiver.ring[r].refused = 0;
		f->head[r] = 0;
		f->number[r] = 0;
		f->taken[r] = 0;
	}
	page(f)->magic = SFAB_FIBRE_MAGIC;
	page(f)->version = SFAB_FIBRE_VERSION + lie;
	page(f)->identity = 2 | 1 << 24;
	page(f)->lanes = 8;
	page(f)->light = ++f->light;
	m->clock += 2000000;
	machine_run(m);
	page(f)->locked = f->half[0].sender.light;
	machine_run(m);
}

void frame(struct fibre *f, unsigned int r, const struct sfab_packet *packet,
	   const void *payload, uint32_t bytes, uint32_t spoil)
{
	struct sfab_frame frame = {
		.length = SFAB_PACKET_HEADER + sfab_padded(bytes),
		.number = f->number[r],
	};
	uint32_t size = sfab_ring_bytes(r), need = sfab_frame_bytes(bytes);
	uint8_t *to;

	if (f->head[r] % size + need > size) {
		struct sfab_frame skip = { .number = f->number[r]++ };

		skip.crc = sfab_crc32c(0, &skip, 8);
		to = ring_at(f, r, f->head[r], sizeof(skip));
		memcpy(to, &skip, sizeof(skip));
		f->head[r] += size - f->head[r] % size;
		frame.number++;
	}
	frame.crc = sfab_crc32c(sfab_crc32c(0, packet, sizeof(*packet)), &frame, 8) ^
		    spoil;
	to = ring_at(f, r, f->head[r], need);
	if (!to)
		return;
	memcpy(to, &frame, sizeof(frame));
	memcpy(to + 64, packet, sizeof(*packet));
	memcpy(to + 128, payload, bytes);
	f->head[r] += need;
	f->number[r]++;
	page(f)->ring[r].head = f->head[r];
}

void take_all(struct fibre *f)
{
	for (unsigned int r = 0; r < SFAB_FIBRE_RINGS; r++) {
		f->taken[r] = f->half[0].sender.ring[r].head;
		f->half[0].receiver.ring[r].tail = f->taken[r];
		page(f)->ring[r].replayed = f->half[1].receiver.ring[r].refused;
	}
}
