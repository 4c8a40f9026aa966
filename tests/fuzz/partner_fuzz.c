// SPDX-License-Identifier: MIT
/*
 * libFuzzer target for the fabric of qemu/core: the input is a little program of what
 * a hostile partner can do at the other end of a fibre (words, bytes, frames that are
 * right with packets that are not), and of what software and time do meanwhile. The
 * device has no rights to the fibre's memory but those that the protocol gives it, and
 * a segment of its memory is exported, with nothing around it that may change.
 *
 * Seeds are real traffic: two devices speak with one another, and what came to the
 * first one is written down as such a program (partner_seeds.c). It is played back before
 * the search begins, and must do what it did: so the packets are not just refused.
 */
#include "partner.h"

static uint64_t take(struct input *in, unsigned int bytes)
{
	uint64_t value = 0;

	while (bytes-- && in->size) {
		value = value << 8 | *in->data++;
		in->size--;
	}
	return value;
}

static void take_bytes(struct input *in, void *to, size_t n)
{
	size_t there = n < in->size ? n : in->size;

	memcpy(to, in->data, there);
	memset((uint8_t *)to + there, 0, n - there);
	in->data += there;
	in->size -= there;
}

/* ---- the program ---- */

static void do_frame(struct fibre *f, struct input *in)
{
	unsigned int how = take(in, 1), r = how % SFAB_FIBRE_RINGS;
	uint32_t bytes = take(in, 2) % 1025;
	struct sfab_packet packet;
	uint8_t payload[1032];

	take_bytes(in, &packet, sizeof(packet));
	take_bytes(in, payload, bytes);
	memset(payload + bytes, 0, 8);
	frame(f, r, &packet, payload, bytes, how >= 248);
}

static void do_word(struct fibre *f, struct input *in)
{
	unsigned int at = take(in, 1);
	uint64_t value = take(in, take(in, 1) % 9);
	uint8_t *bytes = at & 1 ? f->half[0].receiver_page : f->half[1].sender_page;

	/* The words are in the first 0x1c0 bytes. */
	memcpy(bytes + (at >> 1) % 112 * 4, &value, at & 2 ? 8 : 4);
}

static void do_bytes(struct fibre *f, struct input *in)
{
	unsigned int r = take(in, 1) % SFAB_FIBRE_RINGS;
	uint64_t at = take(in, 3);
	size_t n = take(in, 1);
	uint8_t *to;

	at = at & 1 ? at : at % 4096;	/* mostly where frames are */
	to = ring_at(f, r, at, n);
	if (to)
		take_bytes(in, to, n);
}

/* A command that is at least well formed. */
void do_command(struct machine *m, struct input *in)
{
	static const uint8_t pages[] = { LOCAL, LOCAL + 1, FAR, FAR, FAR + 1, EXPORTED };
	/* Software may write around its segment: we would take that for the partner's. */
	uint64_t dst = pages[take(in, 1) % 5] * PAGE + take(in, 1) * 8;
	uint64_t src = pages[take(in, 1) % 6] * PAGE + take(in, 1) * 8;
	uint64_t opcode = 1 + take(in, 1) % 8, type = take(in, 1);
	uint64_t len = take(in, 2) % 8192, arg = take(in, 2), dtype = 0;
	uint64_t c[8] = { 0 };

	c[1] = dst;
	if (opcode == SFAB_CMD_REDUCE)
		dtype = type % 4;
	else if (opcode != SFAB_CMD_COPY)
		dtype = 8;
	if (opcode != SFAB_CMD_ATOMIC && opcode != SFAB_CMD_WRITE)
		c[3] = opcode == SFAB_CMD_COPY ? len : len & ~7ull;
	if (opcode != SFAB_CMD_WRITE && opcode != SFAB_CMD_FILL)
		c[2] = src;
	if (opcode != SFAB_CMD_REDUCE && opcode != SFAB_CMD_COPY)
		c[4] = arg;
	c[0] = opcode | SFAB_CMD_COMPLETE << 8 | dtype << 16;
	if (opcode == SFAB_CMD_REDUCE || opcode == SFAB_CMD_ATOMIC)
		c[0] |= (type >> 4) % 3 << 24;
	if (opcode == SFAB_CMD_COPY && type & 4) {
		c[0] |= SFAB_CMD_NOTIFY << 8;
		c[4] = FAR * PAGE;
		c[5] = arg;
	}
	c[7] = m->tail + 1;
	submit(m, c);
}

static void do_register(struct machine *m, struct input *in)
{
	static const uint32_t bases[] = {
		0x40, SFAB_PORT_BASE, SFAB_PORT_BASE + 0x400, SFAB_ROUTE_BASE,
		SFAB_SEGMENT_BASE, SFAB_IMPORT_BASE, SFAB_REG_MGMT_TX,
		SFAB_REG_MGMT_CTRL,
	};
	unsigned int how = take(in, 1);
	uint64_t at = bases[how % 8] + take(in, 1) % 64 * 4;
	/* What is exported stays where it is, or machine_free() would not know. */
	bool fixed = bases[how % 8] == SFAB_SEGMENT_BASE &&
		     at % SFAB_SEGMENT_STRIDE < SFAB_REG_S_TOKEN;

	if (how & 8 || fixed)
		sfab_core_read(m->core, at, how & 16 ? 8 : 4);
	else
		reg(m, at, take(in, 4), how & 16 ? 8 : 4);
}

/* Answer the oldest request that was not taken, with what the input spoils of it. */
static void do_answer(struct fibre *f, struct input *in)
{
	uint64_t at = f->taken[0], head = f->half[0].sender.ring[0].head;
	static const uint8_t types[] = {
		SFAB_PKT_DONE, SFAB_PKT_DATA, SFAB_PKT_ATOMIC_RESULT,
		SFAB_PKT_CONNECTED, SFAB_PKT_NAK, SFAB_PKT_ERROR,
	};
	uint8_t type = take(in, 1), spoil = take(in, 1), payload[1032] = { 0 };
	struct sfab_packet packet, asked;
	uint32_t bytes = 0;

	if (at >= head || at % SFAB_RING_BYTES > SFAB_RING_BYTES - 128)
		return;
	memcpy(&asked, f->half[0].rings + at % SFAB_RING_BYTES + 64, sizeof(asked));
	packet = asked;
	packet.class_vc = SFAB_CLASS_RESPONSE;
	packet.hops = 9;
	packet.dst = asked.src;
	packet.src = asked.dst;
	packet.src_incarnation = asked.dst_incarnation ? asked.dst_incarnation : 99;
	packet.dst_incarnation = asked.src_incarnation;
	if (type < 192) {	/* the right kind of answer */
		type = asked.type == SFAB_PKT_CONNECT ? 3 :
		       asked.type == SFAB_PKT_READ ? 1 :
		       asked.type == SFAB_PKT_ATOMIC ? 2 : 0;
		if (type == 1 && asked.arg <= 1024)
			bytes = asked.arg;
	}
	packet.type = types[type % 6];
	packet.payload = bytes;
	if (spoil < 64)
		((uint8_t *)&packet)[spoil] ^= take(in, 1);
	f->taken[0] += sfab_frame_bytes(asked.payload);
	frame(f, SFAB_CLASS_RESPONSE, &packet, payload, bytes, 0);
}

void do_mail(struct machine *m, struct input *in)
{
	for (unsigned int i = 0; i < 32; i++)
		reg(m, SFAB_REG_MGMT_TX + 4 * i, take(in, 1), 4);
	reg(m, SFAB_REG_MGMT_TX, take(in, 4), 4);
	reg(m, SFAB_REG_MGMT_TX + 4, take(in, 4), 4);
	reg(m, SFAB_REG_MGMT_CTRL, take(in, 1), 4);
}

static void do_light(struct fibre *fibres, struct machine *m, struct input *in)
{
	unsigned int how = take(in, 1), n = how / 4 % FIBRES;

	sfab_fabric_attach(m->fabric, n, 0, how & 1 ? fibres[n].device : NULL, 0);
}

static void step(struct fibre *fibres, struct machine *m, struct input *in)
{
	unsigned int how = take(in, 1);
	struct fibre *f = &fibres[how >= 208];	/* mostly the first one */

	switch (how % 16) {
	case STEP_RUN:
		machine_run(m);
		break;
	case STEP_FRAME:
		do_frame(f, in);
		break;
	case STEP_TAKE:
		take_all(f);
		break;
	case STEP_COMMAND:
		do_command(m, in);
		break;
	case STEP_TIME:
		m->clock += take(in, 4);
		break;
	case STEP_WORD:
		do_word(f, in);
		break;
	case STEP_BYTES:
		do_bytes(f, in);
		break;
	case STEP_TRAIN:
		train(f, m, how / 16 == 1);
		break;
	case STEP_REGISTER:
		do_register(m, in);
		break;
	case STEP_ANSWER:
		do_answer(f, in);
		machine_run(m);
		break;
	case STEP_LIGHT:
		do_light(fibres, m, in);
		break;
	case STEP_MAIL:
		do_mail(m, in);
		break;
	case STEP_RESET:
		if (how / 16 % 4)
			machine_run(m);
		else
			sfab_core_reset(m->core, SFAB_RESET_REGISTER);
		set_up(m, 1);
		break;
	default:
		machine_run(m);
	}
}

void begin(struct machine *m, unsigned int crc_errors)
{
	for (unsigned int i = 0; i < FIBRES; i++)
		fibre_init(&fibres[i]);
	machine_init(m, 1, crc_errors);
	for (unsigned int i = 0; i < FIBRES; i++)
		sfab_fabric_attach(m->fabric, i, 0, fibres[i].device, 0);
	for (unsigned int i = 0; i < FIBRES; i++)
		train(&fibres[i], m, false);
}

void play(struct machine *m, struct input *in)
{
	for (unsigned int i = 0; i < MAX_STEPS && in->size; i++)
		step(fibres, m, in);
	machine_run(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct machine m;

	begin(&m, take(&in, 1) == 255 ? 200000 : 0);
	play(&m, &in);
	machine_free(&m);
	return 0;
}
