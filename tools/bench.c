// SPDX-License-Identifier: MIT
/*
 * sfab bench: how fast copies are, and how long a submission takes
 */
#include <argp.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "accel.h"
#include "handle.h"
#include "progress.h"
#include "render/render.h"
#include "tool.h"
#include "units.h"

#define SIZE_DEFAULT		(64ULL << 20)
#define COPIES_DEFAULT		10
#define LATENCIES_DEFAULT	1000
#define WARMUP			2	/* iterations that do not count */
#define ITERATIONS_MAX		1000000

enum {
	TEST_HOST = 1 << 0,
	TEST_HBM = 1 << 1,
	TEST_PEER = 1 << 2,
	TEST_LATENCY = 1 << 3,
	TEST_REMOTE = 1 << 4,	/* chosen by --to */
	TEST_ALL = TEST_HOST | TEST_HBM | TEST_PEER | TEST_LATENCY
};

static const struct {
	const char *name;
	unsigned int tests;
} tests[] = {
	{ "host", TEST_HOST },
	{ "hbm", TEST_HBM },
	{ "peer", TEST_PEER },
	{ "latency", TEST_LATENCY },
	{ "all", TEST_ALL },
};

struct request {
	unsigned int tests;
	const char *accel;
	const char *peer;
	const char *to;			/* a handle, as text */
	uint64_t size;
	unsigned int iterations;	/* 0: the default of each test */
	bool json;
	bool quiet;
};

/* Two buffers on the accelerator, one on its peer, two in this process */
struct bench {
	const struct request *request;
	struct sfab_device *device, *peer;	/* peer: NULL without one */
	struct sfab_device_info info, peer_info;
	struct sfab_handle_info remote_info;
	uint64_t size;
	struct sfab_queue *queue;
	struct sfab_batch *batch;
	void *in, *out;
	struct sfab_mem *in_mem, *out_mem, *a, *b, *c, *remote;
	uint64_t *samples;		/* nanoseconds */
	uint64_t written;		/* by run_write() last */
	struct json_object *copies, *latencies;
};

/* ---- measuring ---- */

static int compare_samples(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Submits the batch and waits for it: what a program sees, from call to data */
static int run_batch(struct bench *bench, uint64_t *ns)
{
	struct sfab_fence *fence;
	uint64_t began = now_ns();
	int ret;

	if (sfab_batch_submit(bench->batch, NULL, 0, &fence) < 0)
		return complain_library();
	ret = sfab_fence_wait(fence, SFAB_NO_TIMEOUT);
	*ns = now_ns() - began;
	if (ret < 0)
		complain_library();
	sfab_fence_free(fence);
	return ret < 0 ? -1 : 0;
}

/* What is measured: one run of it; returns -1 when it fails, which was told */
struct work {
	int (*run)(struct bench *bench, const struct work *work, uint64_t *ns);
	struct sfab_mem *dst, *src;
};

static int run_copy(struct bench *bench, const struct work *work, uint64_t *ns)
{
	if (sfab_batch_copy(bench->batch, work->dst, 0, work->src, 0, bench->size) < 0)
		return complain_library();
	return run_batch(bench, ns);
}

/* 8 bytes, the least that a program waits for */
static int run_write(struct bench *bench, const struct work *work, uint64_t *ns)
{
	if (sfab_batch_write(bench->batch, work->dst, 0, ++bench->written, 8) < 0)
		return complain_library();
	return run_batch(bench, ns);
}

/* Nothing is done: the submission itself is measured */
static int run_nothing(struct bench *bench, const struct work *work, uint64_t *ns)
{
	(void)work;
	return run_batch(bench, ns);
}

/* By the CPU: what the others are compared with */
static int run_memcpy(struct bench *bench, const struct work *work, uint64_t *ns)
{
	uint64_t began = now_ns();

	(void)work;
	memcpy(bench->out, bench->in, bench->size);
	*ns = now_ns() - began;
	return 0;
}

static int copy_once(struct bench *bench, struct sfab_mem *dst, struct sfab_mem *src)
{
	const struct work work = { run_copy, dst, src };
	uint64_t ns;

	return run_copy(bench, &work, &ns);
}

static int measure(struct bench *bench, const char *name, const struct work *work,
		   unsigned int iterations)
{
	uint64_t ns;
	unsigned int i;
	int ret = 0;

	if (!bench->request->quiet)
		progress_begin(name, iterations, "runs");
	for (i = 0; !ret && i < WARMUP + iterations; i++) {
		ret = work->run(bench, work, i < WARMUP ? &ns : &bench->samples[i - WARMUP]);
		if (i >= WARMUP)
			progress_update(i + 1 - WARMUP);
	}
	progress_end();
	if (!ret)
		qsort(bench->samples, iterations, sizeof(*bench->samples), compare_samples);
	return ret;
}

/* A speed of wrong data is none */
static int check(struct bench *bench, const char *name, struct sfab_mem *mem)
{
	if (mem != bench->out_mem) {
		memset(bench->out, 0, bench->size);
		if (copy_once(bench, bench->out_mem, mem))
			return -1;
	}
	if (memcmp(bench->in, bench->out, bench->size))
		return complain("%s: %s copied wrong data: run 'sfab demo' to see which paths do",
				name, bench->info.name);
	return 0;
}

/* ---- tests ---- */

static unsigned int iterations_of(const struct bench *bench, unsigned int standard)
{
	return bench->request->iterations ?: standard;
}

static void describe_copy(struct bench *bench, const char *name, const char *from, const char *to,
			  const char *path, unsigned int iterations)
{
	struct json_object *row = json_object_new_object(), *rate = json_object_new_object();
	const uint64_t *samples = bench->samples;

	json_put(rate, "median", json_rate(bench->size, samples[iterations / 2]));
	json_put(rate, "min", json_rate(bench->size, samples[iterations - 1]));
	json_put(rate, "max", json_rate(bench->size, samples[0]));

	json_put_text(row, "test", name);
	json_put_text(row, "from", from);
	json_put_text(row, "to", to);
	json_put_text(row, "path", path);
	json_put_number(row, "bytes", bench->size);
	json_put_number(row, "iterations", iterations);
	json_put(row, "bytes_per_second", rate);
	json_object_array_add(bench->copies, row);
}

/* @far: the end of the copy that may be elsewhere than the queue */
static int test_copy(struct bench *bench, const char *name, struct sfab_mem *dst, const char *to,
		     struct sfab_mem *src, const char *from, struct sfab_mem *far)
{
	unsigned int iterations = iterations_of(bench, COPIES_DEFAULT);
	int reach = sfab_mem_reach(far, bench->device);
	const struct work work = { run_copy, dst, src };

	if (reach < 0)
		return complain_library();
	if (measure(bench, name, &work, iterations) || check(bench, name, dst))
		return -1;
	describe_copy(bench, name, from, to, sfab_reach_name(reach), iterations);
	return 0;
}

static int test_host(struct bench *bench)
{
	const char *here = bench->info.name;

	return test_copy(bench, "host-to-hbm", bench->a, here, bench->in_mem, "host",
			 bench->in_mem) ?:
	       test_copy(bench, "hbm-to-host", bench->out_mem, "host", bench->a, here,
			 bench->out_mem);
}

static int test_hbm(struct bench *bench)
{
	const char *here = bench->info.name;

	return test_copy(bench, "hbm-to-hbm", bench->b, here, bench->a, here, bench->a);
}

static int test_peer(struct bench *bench)
{
	const char *here = bench->info.name, *there = bench->peer_info.name;

	return test_copy(bench, "peer-write", bench->c, there, bench->a, here, bench->c) ?:
	       test_copy(bench, "peer-read", bench->b, here, bench->c, there, bench->c);
}

/* By nearest rank, so the largest of a few: rounded down it would be below the median of two */
static unsigned int rank_of_p99(unsigned int count)
{
	return (unsigned int)(((uint64_t)count * 99 + 99) / 100) - 1;
}

static int test_latency(struct bench *bench, const char *name, const struct work *work)
{
	unsigned int iterations = iterations_of(bench, LATENCIES_DEFAULT);
	struct json_object *row, *ns;

	if (measure(bench, name, work, iterations))
		return -1;
	ns = json_object_new_object();
	json_put_number(ns, "median", bench->samples[iterations / 2]);
	json_put_number(ns, "p99", bench->samples[rank_of_p99(iterations)]);
	json_put_number(ns, "min", bench->samples[0]);
	json_put_number(ns, "max", bench->samples[iterations - 1]);

	row = json_object_new_object();
	json_put_text(row, "test", name);
	json_put_text(row, "accelerator", bench->info.name);
	json_put_number(row, "iterations", iterations);
	json_put(row, "ns", ns);
	json_object_array_add(bench->latencies, row);
	return 0;
}

static int test_submission(struct bench *bench)
{
	const struct work nothing = { .run = run_nothing };

	return test_latency(bench, "submit-to-fence", &nothing);
}

static int test_memcpy(struct bench *bench)
{
	unsigned int iterations = iterations_of(bench, COPIES_DEFAULT);
	const struct work work = { .run = run_memcpy };

	if (measure(bench, "memcpy", &work, iterations))
		return -1;
	describe_copy(bench, "memcpy", "host", "host", "cpu", iterations);
	return 0;
}

/* To memory that somebody exported, and from there; what a CPU does in the same run */
static int test_remote(struct bench *bench)
{
	const struct work write = { run_write, bench->remote, NULL };
	const char *here = bench->info.name;
	char there[32];

	snprintf(there, sizeof(there), "EID %u", bench->remote_info.eid);
	return test_memcpy(bench) ?:
	       test_copy(bench, "remote-write", bench->remote, there, bench->a, here,
			 bench->remote) ?:
	       test_copy(bench, "remote-read", bench->b, here, bench->remote, there,
			 bench->remote) ?:
	       test_submission(bench) ?:
	       test_latency(bench, "remote-write-8", &write);
}

static int run_tests(struct bench *bench)
{
	unsigned int wanted = bench->request->tests;

	/* The later tests copy what is in a */
	if ((wanted & ~TEST_LATENCY) && copy_once(bench, bench->a, bench->in_mem))
		return -1;
	if ((wanted & TEST_HOST) && test_host(bench))
		return -1;
	if ((wanted & TEST_HBM) && test_hbm(bench))
		return -1;
	if ((wanted & TEST_PEER) && bench->peer && test_peer(bench))
		return -1;
	if ((wanted & TEST_LATENCY) && test_submission(bench))
		return -1;
	return wanted & TEST_REMOTE ? test_remote(bench) : 0;
}

/* ---- setting up ---- */

static void *map_host(uint64_t size)
{
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (data == MAP_FAILED) {
		complain("no memory for a buffer of %" PRIu64 " bytes: use a smaller --size", size);
		return NULL;
	}
	madvise(data, size, MADV_HUGEPAGE);
	return data;
}

/* Values that do not repeat within a page or a piece of a copy (xorshift, Marsaglia 2003) */
static void fill_pattern(void *data, uint64_t size)
{
	uint64_t state = 0x5fab5fab5fab5fab, i;

	for (i = 0; i < size; i++) {
		if (i % 8 == 0) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
		}
		((uint8_t *)data)[i] = (uint8_t)(state >> (i % 8 * 8));
	}
}

static int open_memory(struct bench *bench)
{
	struct sfab_device *device = bench->device;
	uint64_t size = bench->size;

	bench->in = map_host(size);
	bench->out = bench->in ? map_host(size) : NULL;
	if (!bench->out)
		return -1;
	fill_pattern(bench->in, size);

	if (sfab_mem_register(device, bench->in, size, SFAB_READ, &bench->in_mem) < 0 ||
	    sfab_mem_register(device, bench->out, size, SFAB_READ | SFAB_WRITE,
			      &bench->out_mem) < 0 ||
	    sfab_mem_alloc(device, SFAB_MEM_HBM, size, 0, &bench->a) < 0 ||
	    sfab_mem_alloc(device, SFAB_MEM_HBM, size, 0, &bench->b) < 0)
		return complain_library();
	if (bench->peer && sfab_mem_alloc(bench->peer, SFAB_MEM_HBM, size, 0, &bench->c) < 0)
		return complain_library();
	return 0;
}

static int find_peer(struct bench *bench, struct sfab_context *context)
{
	const struct request *request = bench->request;
	unsigned int count = sfab_device_count(context);

	if (!(request->tests & TEST_PEER))
		return 0;
	if (count < 2) {
		if (request->tests != TEST_ALL)
			return complain("peer needs two accelerators, and this node has one: choose other tests");
		complain("peer is left out: it needs two accelerators, and this node has one");
		return 0;
	}
	if (request->peer) {
		if (accel_find(context, request->peer, &bench->peer))
			return -1;
	} else if (sfab_device_get(context, (bench->info.index + 1) % count, &bench->peer) < 0) {
		return complain_library();
	}
	if (bench->peer == bench->device)
		return complain("%s cannot be its own peer: choose another --peer, or the test hbm",
				bench->info.name);
	return accel_info(bench->peer, &bench->peer_info);
}

/* A size that was not asked for leaves room for other users of a small accelerator */
static uint64_t choose_size(const struct bench *bench)
{
	uint64_t quarter = bench->info.hbm_size / 4;
	uint64_t size = quarter < SIZE_DEFAULT ? quarter : SIZE_DEFAULT;

	if (bench->remote && bench->remote_info.bytes < size)
		size = bench->remote_info.bytes;
	return bench->request->size ?: size;
}

static int import_remote(struct bench *bench)
{
	struct sfab_handle handle;

	if (!bench->request->to)
		return 0;
	if (handle_parse(bench->request->to, &handle, &bench->remote_info) ||
	    handle_need(&bench->remote_info, SFAB_READ | SFAB_WRITE))
		return -1;
	if (bench->remote_info.bytes < 8 || bench->request->size > bench->remote_info.bytes)
		return complain("the handle is of %" PRIu64 " bytes, which is too little: use a smaller --size, or export more",
				bench->remote_info.bytes);
	if (sfab_mem_import(bench->device, &handle, 0, &bench->remote) < 0)
		return complain_library();
	return 0;
}

static int open_bench(struct bench *bench, struct sfab_context *context)
{
	const struct request *request = bench->request;

	if (!accel_count(context) ||
	    accel_find(context, request->accel ?: "0", &bench->device) ||
	    accel_info(bench->device, &bench->info) || find_peer(bench, context) ||
	    import_remote(bench))
		return -1;
	if (sfab_queue_create(bench->device, 0, &bench->queue) < 0 ||
	    sfab_batch_create(bench->queue, &bench->batch) < 0)
		return complain_library();

	bench->size = choose_size(bench);
	bench->copies = json_object_new_array();
	bench->latencies = json_object_new_array();
	bench->samples = calloc(request->iterations ?: LATENCIES_DEFAULT,
				sizeof(*bench->samples));
	if (!bench->samples)
		return complain("no memory for the samples: use fewer --iterations");
	return request->tests == TEST_LATENCY ? 0 : open_memory(bench);
}

static void close_bench(struct bench *bench)
{
	sfab_queue_destroy(bench->queue);
	sfab_batch_free(bench->batch);
	sfab_mem_free(bench->remote);
	sfab_mem_free(bench->c);
	sfab_mem_free(bench->b);
	sfab_mem_free(bench->a);
	sfab_mem_free(bench->out_mem);
	sfab_mem_free(bench->in_mem);
	if (bench->out)
		munmap(bench->out, bench->size);
	if (bench->in)
		munmap(bench->in, bench->size);
	free(bench->samples);
	json_object_put(bench->latencies);
	json_object_put(bench->copies);
}

/* ---- telling ---- */

static void show(const struct bench *bench)
{
	static const struct field copies[] = {
		{ "TEST", "/test", VIEW_TEXT, 0 },
		{ "FROM", "/from", VIEW_TEXT, 0 },
		{ "TO", "/to", VIEW_TEXT, 0 },
		{ "PATH", "/path", VIEW_TEXT, 0 },
		{ "SIZE", "/bytes", VIEW_BYTES, 0 },
		{ "RUNS", "/iterations", VIEW_NUMBER, 0 },
		{ "MEDIAN MB/S", "/bytes_per_second/median", VIEW_RATE, 0 },
		{ "MIN", "/bytes_per_second/min", VIEW_RATE, 0 },
		{ "MAX", "/bytes_per_second/max", VIEW_RATE, 0 },
		{ 0 }
	};
	static const struct field latencies[] = {
		{ "TEST", "/test", VIEW_TEXT, 0 },
		{ "ON", "/accelerator", VIEW_TEXT, 0 },
		{ "RUNS", "/iterations", VIEW_NUMBER, 0 },
		{ "MEDIAN US", "/ns/median", VIEW_MICRO, 0 },
		{ "P99", "/ns/p99", VIEW_MICRO, 0 },
		{ "MIN", "/ns/min", VIEW_MICRO, 0 },
		{ "MAX", "/ns/max", VIEW_MICRO, 0 },
		{ 0 }
	};
	bool both = json_object_array_length(bench->copies) &&
		    json_object_array_length(bench->latencies);

	if (json_object_array_length(bench->copies))
		render_table(copies, bench->copies);
	if (both)
		putchar('\n');
	if (json_object_array_length(bench->latencies))
		render_table(latencies, bench->latencies);
}

static void tell(const struct bench *bench)
{
	struct json_object *document;

	if (!bench->request->json) {
		show(bench);
		return;
	}
	document = json_object_new_object();
	json_put(document, "copies", json_object_get(bench->copies));
	json_put(document, "latencies", json_object_get(bench->latencies));
	render_json(document);
	json_object_put(document);
}

/* ---- the command ---- */

enum { KEY_ITERATIONS = 0x100, KEY_PEER, KEY_SIZE, KEY_TO };

static unsigned int parse_test(struct argp_state *state, const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		if (strcmp(tests[i].name, name) == 0)
			return tests[i].tests;
	}
	argp_error(state, "'%s' is no test: choose among host, hbm, peer, latency and all", name);
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *request = state->input;

	switch (key) {
	case 'a':
		request->accel = arg;
		return 0;
	case KEY_PEER:
		request->peer = arg;
		return 0;
	case KEY_SIZE:
		request->size = parse_size(state, "size", arg);
		return 0;
	case KEY_TO:
		request->to = arg;
		return 0;
	case KEY_ITERATIONS:
		request->iterations = parse_count(state, "iterations", arg, ITERATIONS_MAX);
		return 0;
	case 'j':
		request->json = true;
		return 0;
	case 'q':
		request->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		request->tests |= parse_test(state, arg);
		return 0;
	case ARGP_KEY_END:
		if (request->to && (request->tests || request->peer))
			argp_error(state, "--to measures the way to a memory alone: leave out --peer and tests");
		if (!request->tests)
			request->tests = request->to ? TEST_REMOTE : TEST_ALL;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int bench_main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "accelerator", 'a', "N", 0, "Measure accelerator N (default: 0)", 0 },
		{ "peer", KEY_PEER, "N", 0, "Its peer is accelerator N (default: the next)", 0 },
		{ "size", KEY_SIZE, "SIZE", 0,
		  "Copy SIZE bytes at once (default: 64M, at most a quarter of its HBM)", 0 },
		{ "iterations", KEY_ITERATIONS, "COUNT", 0,
		  "Measure COUNT times (default: 10 copies, 1000 latencies)", 0 },
		{ "to", KEY_TO, "HANDLE", 0,
		  "Measure the way to the memory of HANDLE, which 'sfab export' prints", 0 },
		OPTION_QUIET,
		OPTION_JSON,
		{ 0 }
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[TEST...]",
		.doc = "Measure how fast an accelerator copies, and how long a submission takes.\n"
		       "\vTEST is host (host to HBM and back), hbm (within HBM), peer (to and from\n"
		       "the HBM of another accelerator), latency (a NOP, until its fence has\n"
		       "signalled) or all, the default. The data are checked.\n",
	};
	struct request request = { 0 };
	struct bench bench = { .request = &request };
	struct sfab_context *context;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &request);
	if (accel_open(&context))
		return EXIT_FAILURE;
	ret = open_bench(&bench, context);
	if (!ret)
		ret = run_tests(&bench);
	if (!ret)
		tell(&bench);
	close_bench(&bench);
	sfab_context_close(context);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
