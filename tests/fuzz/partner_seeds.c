// SPDX-License-Identifier: MIT
/* Programs for partner_fuzz: what two devices say to one another, as steps. */
#include <dirent.h>

#include "partner.h"

struct seed {
	uint8_t data[PROGRAM_MAX];
	size_t size;
	unsigned int frames;
};

static void put(struct seed *s, const void *bytes, size_t n)
{
	CHECK(s->size + n <= sizeof(s->data));
	memcpy(s->data + s->size, bytes, n);
	s->size += n;
}

static void put_step(struct seed *s, uint8_t step)
{
	put(s, &step, 1);
}

/* What device 2 has sent since the last look, as steps. */
static void record(struct seed *s, struct sfab_fibre_half *half,
		   uint64_t seen[SFAB_FIBRE_RINGS])
{
	for (unsigned int r = 0; r < SFAB_FIBRE_RINGS; r++) {
		const uint8_t *base = half->rings + sfab_ring_offset(r);

		while (seen[r] < half->sender.ring[r].head) {
			const struct sfab_frame *frame =
				(const void *)(base + seen[r] % sfab_ring_bytes(r));
			uint32_t bytes = frame->length - SFAB_PACKET_HEADER;

			put(s, (uint8_t[]){ STEP_FRAME, r, bytes >> 8, bytes }, 4);
			put(s, (const uint8_t *)frame + 64, 64 + bytes);
			put(s, (uint8_t[]){ STEP_RUN, STEP_TAKE, STEP_RUN }, 3);
			seen[r] += sfab_frame_bytes(bytes);
			s->frames++;
		}
	}
}

struct scene {
	const char *name;
	unsigned int device;	/* whose commands: 1, as steps, or 2 */
	void (*play)(struct machine *m, struct input *in);
	unsigned int inputs;
	uint8_t input[4][41];	/* for @play */
	unsigned int reg;	/* a counter of device 1 that must have counted, */
	unsigned int least;	/* ... so much */
};

#define COUNTER(name)	(SFAB_REG_COUNTER_0 + 8 * SFAB_COUNTER_##name)
#define ANSWERS		(SFAB_PORT_BASE + SFAB_REG_P_COUNTER + 8)	/* packets sent */

/* do_command(): dst, src: page and 8 bytes; opcode - 1; type; len; arg */
#define COMMAND(d, dst, s, src, op, type, len)					\
	{ d, dst, s, src, (op) - 1, type, (len) >> 8, (len) & 0xff, 0, 5 }
/* do_mail(): words 0 and 1, SEND */
#define MAIL(method, attribute, mode, hops)					\
	{ [33] = attribute, method, 1, hops, mode, [40] = 1 }

static const struct scene scenes[] = {
	{ "written", 2, do_command, 4, {
		COMMAND(2, 0, 0, 0, SFAB_CMD_COPY, 0, 200),
		COMMAND(2, 1, 0, 0, SFAB_CMD_COPY, 4, 8),
		COMMAND(2, 2, 0, 0, SFAB_CMD_WRITE, 0, 0),
		COMMAND(2, 3, 0, 0, SFAB_CMD_FILL, 0, 100),
	}, COUNTER(EXECUTED), 4 },
	{ "read", 2, do_command, 2, {
		COMMAND(0, 0, 2, 0, SFAB_CMD_COPY, 0, 200),
		COMMAND(2, 0, 2, 8, SFAB_CMD_COPY, 0, 64),
	}, COUNTER(EXECUTED), 3 },
	{ "computed", 2, do_command, 3, {
		COMMAND(2, 0, 0, 0, SFAB_CMD_REDUCE, 0, 64),
		COMMAND(2, 0, 0, 8, SFAB_CMD_ATOMIC, 0, 0),
		COMMAND(2, 0, 0, 8, SFAB_CMD_ATOMIC, 0x20, 0),
	}, COUNTER(EXECUTED), 3 },
	{ "refused", 2, do_command, 1, {
		COMMAND(4, 0, 0, 0, SFAB_CMD_COPY, 0, 200),
	}, COUNTER(REFUSED), 1 },
	{ "writing", 1, do_command, 2, {
		COMMAND(2, 0, 0, 0, SFAB_CMD_COPY, 0, 200),
		COMMAND(2, 2, 0, 0, SFAB_CMD_WRITE, 0, 0),
	}, COUNTER(COMMANDS), 2 },
	{ "reading", 1, do_command, 2, {
		COMMAND(0, 0, 2, 0, SFAB_CMD_COPY, 0, 200),
		COMMAND(2, 0, 0, 8, SFAB_CMD_ATOMIC, 0, 0),
	}, COUNTER(COMMANDS), 2 },
	{ "managed", 2, do_mail, 3, {
		MAIL(SFAB_MGMT_GET, SFAB_ATTR_NODE, SFAB_MGMT_DIRECTED, 1),
		MAIL(SFAB_MGMT_GET, SFAB_ATTR_PORT, SFAB_MGMT_DIRECTED, 1),
		MAIL(SFAB_MGMT_SET, SFAB_ATTR_ROUTE, SFAB_MGMT_DIRECTED, 2),
	}, ANSWERS, 3 },
	{ "managing", 1, do_mail, 1, {
		MAIL(SFAB_MGMT_GET, SFAB_ATTR_NODE, SFAB_MGMT_DIRECTED, 1),
	}, ANSWERS, 1 },
};

/* Two devices at one fibre play @scene; what device 1 is told is recorded. */
static void seed(struct seed *s, const struct scene *scene)
{
	uint64_t seen[SFAB_FIBRE_RINGS] = { 0 };
	struct machine m[2];

	*s = (struct seed){ .size = 1 };
	for (unsigned int i = 0; i < FIBRES; i++)
		fibre_init(&fibres[i]);
	for (unsigned int i = 0; i < 2; i++) {
		machine_init(&m[i], i + 1, 0);
		/* As begin(): device 1 has a second fibre. */
		sfab_fabric_attach(m[i].fabric, 0, 0, fibres[0].half, i);
		if (!i)
			sfab_fabric_attach(m[i].fabric, 1, 0, fibres[1].half, 0);
	}
	for (unsigned int n = 0; n < 16; n++) {
		for (unsigned int i = 0; i < 2; i++) {
			m[i].clock += 250000;
			machine_run(&m[i]);
		}
	}
	for (unsigned int i = 0; i < scene->inputs; i++) {
		struct input in = { scene->input[i], sizeof(scene->input[i]) };

		scene->play(&m[scene->device - 1], &in);
		if (scene->device == 1) {
			put_step(s, scene->play == do_mail ? STEP_MAIL : STEP_COMMAND);
			put(s, scene->input[i], in.data - scene->input[i]);
			put_step(s, STEP_RUN);
		}
		for (unsigned int n = 0; n < 4; n++) {
			machine_run(&m[0]);
			machine_run(&m[1]);
			record(s, &fibres[0].half[1], seen);
		}
	}
	for (unsigned int i = 0; i < 2; i++)
		machine_free(&m[i]);
}

/* A seed must do in the fuzzer what it did between devices. */
static void verify(const struct seed *s, const struct scene *scene)
{
	struct input in = { s->data + 1, s->size - 1 };
	struct machine m;
	uint64_t counted;

	begin(&m, 0);
	play(&m, &in);
	counted = sfab_core_read(m.core, scene->reg, 8);
	if (counted < scene->least) {
		fprintf(stderr, "partner_fuzz: seed %s counts %u, not %u\n", scene->name,
			(unsigned int)counted, scene->least);
		abort();
	}
	machine_free(&m);
}

static void save(const char *dir, const char *name, const struct seed *s)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/seed-%s", dir, name);
	file = fopen(path, "wb");
	CHECK(file && fwrite(s->data, 1, s->size, file) == s->size && !fclose(file));
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Seeds go where the corpus is: into the first directory that is named. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *dir = NULL;
	struct seed s;

	for (int i = 1; i < *argc && !dir; i++) {
		DIR *open = (*argv)[i][0] == '-' ? NULL : opendir((*argv)[i]);

		if (open) {
			dir = (*argv)[i];
			closedir(open);
		}
	}
	for (unsigned int i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		seed(&s, &scenes[i]);
		CHECK(s.frames >= scenes[i].inputs);
		verify(&s, &scenes[i]);
		if (dir)
			save(dir, scenes[i].name, &s);
	}
	return 0;
}
