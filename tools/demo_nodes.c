// SPDX-License-Identifier: MIT
/*
 * The demonstration on several nodes
 *
 * Each accelerator holds a piece of the file in its HBM and exports it.  Each node fetches it
 * from there, by one copy, into the HBM of every accelerator of its own, then into host memory,
 * where it is hashed: so who receives verifies.  Then all go on to the next piece.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "accel.h"
#include "demo_nodes.h"
#include "digest.h"
#include "interrupt.h"
#include "progress.h"
#include "tool.h"
#include "units.h"

#define PIECE_MOST	(32ULL << 20)
#define PIECE_LEAST	4096ULL
#define MAX_LOCAL	16
#define POISON_HOST	0xa5
#define POISON_HBM	0x5a

const struct field demo_nodes_columns[] = {
	{ "FROM", "/from", VIEW_TEXT, 8 },
	{ "TO", "/to", VIEW_TEXT, 8 },
	{ "PATH", "/path", VIEW_TEXT, 6 },
	{ "HOPS", "/hops", VIEW_NUMBER, 4 },
	{ "BYTES", "/bytes", VIEW_NUMBER, 12 },
	{ "MB/S", "/bytes_per_second", VIEW_RATE, 9 },
	{ "SHA256", "/verified", VIEW_VERDICT, 0 },
	{ 0 }
};

/* What a node tells the others first */
struct hello {
	char host[64];
	uint64_t accels;
	uint64_t bytes;			/* of its file */
	uint64_t piece;			/* the most that its accelerators take */
};

/* An accelerator of this node */
struct local {
	struct sfab_device *device;
	struct sfab_mem *out, *in;	/* a piece that others fetch; one that came */
	struct sfab_export *exported;
	struct sfab_handle handle;
};

/* From an accelerator of any node to one of ours, by one path */
struct passage {
	char from[80], to[80];
	struct local *local;
	struct sfab_mem *mem;		/* what @local fetches from */
	struct sfab_mem *imported;	/* @mem, if it was imported for this */
	const char *path;
	unsigned int hops;		/* 0: not by the fabric */
	struct digest *received;
	uint64_t bytes, ns;
	bool failed;
	struct passage *next;
};

struct demo {
	struct sfab_context *context;
	const struct meeting *meeting;
	struct source *source;
	struct demo_tally *tally;
	bool show;
	struct hello hello[MEETING_MAX_NODES];
	struct local local[MAX_LOCAL];
	uint64_t piece;
	uint8_t *data, *back;		/* the file's piece; what came */
	struct sfab_mem *data_mem, *back_mem;
	struct passage *passages, **end;
	unsigned int passage_count;
	char progress[48];
	struct digest *sent;
	char sha256[DIGEST_TEXT];
};

static const struct hello *me(const struct demo *d)
{
	return &d->hello[d->meeting->node];
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- getting to know each other ---- */

static int introduce(struct demo *d)
{
	struct hello *hello = &d->hello[d->meeting->node];
	struct sfab_device_info info;
	unsigned int i;

	hello->accels = accel_count(d->context);
	if (!hello->accels)
		return -1;
	if (hello->accels > MAX_LOCAL)
		return complain("%" PRIu64 " accelerators: the demonstration takes %u a node",
				hello->accels, MAX_LOCAL);
	gethostname(hello->host, sizeof(hello->host) - 1);
	hello->bytes = d->source->size;
	hello->piece = PIECE_MOST;
	for (i = 0; i < hello->accels; i++) {
		if (sfab_device_get(d->context, i, &d->local[i].device) < 0)
			return complain_library();
		if (accel_info(d->local[i].device, &info))
			return -1;
		hello->piece = least(hello->piece, info.hbm_size / 4);
	}
	return meeting_tell(d->meeting, "hello", hello, sizeof(*hello));
}

static int meet_others(struct demo *d)
{
	unsigned int node;

	d->piece = me(d)->piece;
	for (node = 0; node < d->meeting->nodes; node++) {
		struct hello *other = &d->hello[node];

		if (meeting_hear(d->meeting, node, "hello", other, sizeof(*other)))
			return -1;
		other->host[sizeof(other->host) - 1] = '\0';
		if (other->bytes != me(d)->bytes)
			return complain("node %u was given a file of %llu bytes, this one a file of %llu: give all the same",
					node, (unsigned long long)other->bytes,
					(unsigned long long)me(d)->bytes);
		if (!other->accels || other->accels > MAX_LOCAL)
			return complain("node %u has %" PRIu64 " accelerators, where 1 to %u are possible",
					node, other->accels, MAX_LOCAL);
		d->piece = least(d->piece, other->piece);
	}
	/* The same on all nodes, as all know the same */
	d->piece = least(d->piece, me(d)->bytes < PIECE_LEAST ? PIECE_LEAST : me(d)->bytes);
	return 0;
}

/* ---- memory, and the ways between ---- */

static int open_memory(struct demo *d)
{
	struct sfab_device *first = d->local[0].device;
	struct sfab_handle handles[MAX_LOCAL] = { 0 };
	unsigned int i;

	d->data = aligned_alloc(4096, (d->piece + 4095) / 4096 * 4096);
	d->back = aligned_alloc(4096, (d->piece + 4095) / 4096 * 4096);
	if (!d->data || !d->back)
		return complain("no memory for two pieces of %" PRIu64 " bytes", d->piece);
	if (sfab_mem_register(first, d->data, d->piece, SFAB_READ, &d->data_mem) < 0 ||
	    sfab_mem_register(first, d->back, d->piece, SFAB_READ | SFAB_WRITE,
			      &d->back_mem) < 0)
		return complain_library();
	for (i = 0; i < me(d)->accels; i++) {
		struct local *l = &d->local[i];

		if (sfab_mem_alloc(l->device, SFAB_MEM_HBM, d->piece, 0, &l->out) < 0 ||
		    sfab_mem_alloc(l->device, SFAB_MEM_HBM, d->piece, 0, &l->in) < 0 ||
		    sfab_mem_export(l->out, 0, d->piece, SFAB_READ, &l->exported,
				    &l->handle) < 0)
			return complain_library();
		handles[i] = l->handle;
	}
	return meeting_tell(d->meeting, "handles", handles, sizeof(handles));
}

static struct passage *add_passage(struct demo *d, unsigned int node, unsigned int accel,
				   unsigned int to)
{
	struct passage *p = calloc(1, sizeof(*p));

	if (!p) {
		complain("no memory for the list of transfers");
		return NULL;
	}
	snprintf(p->from, sizeof(p->from), "%s.%u", d->hello[node].host, accel);
	snprintf(p->to, sizeof(p->to), "%s.%u", me(d)->host, to);
	p->local = &d->local[to];
	*d->end = p;
	d->end = &p->next;
	d->passage_count++;
	p->received = digest_begin();
	return p->received ? p : NULL;
}

static int add_peer(struct demo *d, unsigned int from, unsigned int to)
{
	struct passage *p = add_passage(d, d->meeting->node, from, to);
	int reach;

	if (!p)
		return -1;
	p->mem = d->local[from].out;
	reach = sfab_mem_reach(p->mem, p->local->device);
	if (reach < 0)
		return complain_library();
	p->path = sfab_reach_name(reach);
	return 0;
}

static int add_fabric(struct demo *d, unsigned int node, unsigned int from, unsigned int to,
		      const struct sfab_handle *handle)
{
	struct sfab_handle_info info = { .size = sizeof(info) };
	struct sfab_route_info route = { .size = sizeof(route) };
	struct passage *p = add_passage(d, node, from, to);
	struct sfab_device *device = d->local[to].device;

	if (!p)
		return -1;
	if (sfab_handle_get_info(handle, &info) < 0 ||
	    sfab_mem_import(device, handle, SFAB_IMPORT_FABRIC, &p->imported) < 0 ||
	    sfab_device_get_route(device, info.eid, &route) < 0)
		return complain_library();
	p->mem = p->imported;
	p->path = sfab_reach_name(SFAB_REACH_FABRIC);
	p->hops = route.candidates ? route.candidate[0].hops : 0;
	return 0;
}

/* To all accelerators of ours from one */
static int add_source(struct demo *d, unsigned int node, unsigned int from,
		      const struct sfab_handle *handle)
{
	bool here = node == d->meeting->node;
	unsigned int to;

	for (to = 0; to < me(d)->accels; to++) {
		if (here && from == to)
			continue;
		if ((here && add_peer(d, from, to)) || add_fabric(d, node, from, to, handle))
			return -1;
	}
	return 0;
}

static int find_ways(struct demo *d)
{
	struct sfab_handle handles[MAX_LOCAL];
	unsigned int node, i;

	for (node = 0; node < d->meeting->nodes; node++) {
		if (meeting_hear(d->meeting, node, "handles", handles, sizeof(handles)))
			return -1;
		for (i = 0; i < d->hello[node].accels; i++) {
			if (add_source(d, node, i, &handles[i]))
				return -1;
		}
	}
	return 0;
}

/* ---- moving ---- */

/* A queue for each job, so that one that fails leaves the others alone */
struct job {
	struct sfab_queue *queue;
	struct sfab_batch *batch;
};

static int job_open(struct job *job, struct sfab_device *device)
{
	*job = (struct job) { 0 };
	if (sfab_queue_create(device, 0, &job->queue) < 0 ||
	    sfab_batch_create(job->queue, &job->batch) < 0)
		return complain_library();
	return 0;
}

static void job_close(struct job *job)
{
	sfab_queue_destroy(job->queue);
	sfab_batch_free(job->batch);
}

static int job_run(struct job *job, uint64_t *ns)
{
	struct sfab_fence *fence;
	uint64_t began = now_ns();
	int ret;

	if (sfab_batch_submit(job->batch, NULL, 0, &fence) < 0)
		return complain_library();
	/* Bounded by the timeouts of the device */
	ret = sfab_fence_wait(fence, SFAB_NO_TIMEOUT);
	*ns = now_ns() - began;
	if (ret < 0)
		complain_library();
	sfab_fence_free(fence);
	return ret < 0 ? -1 : 0;
}

static int job_copy(struct job *job, struct sfab_mem *dst, struct sfab_mem *src, uint64_t bytes,
		    uint64_t *ns)
{
	if (sfab_batch_copy(job->batch, dst, 0, src, 0, bytes) < 0)
		return complain_library();
	return job_run(job, ns);
}

/* The piece at hand into the HBM of all our accelerators */
static int load(struct demo *d, uint64_t bytes)
{
	unsigned int i;
	struct job job;
	uint64_t ns;
	int ret = 0;

	for (i = 0; !ret && i < me(d)->accels; i++) {
		ret = job_open(&job, d->local[i].device) ?:
		      job_copy(&job, d->local[i].out, d->data_mem, bytes, &ns);
		job_close(&job);
	}
	return ret;
}

static int fetch(struct demo *d, struct passage *p, uint64_t bytes)
{
	struct sfab_mem *in = p->local->in;
	uint64_t ns = 0, other;
	struct job job;
	int ret;

	/* So that nothing old can pass for new */
	memset(d->back, POISON_HOST, bytes);
	ret = job_open(&job, p->local->device);
	if (!ret && sfab_batch_fill(job.batch, in, 0, bytes, POISON_HBM, 1) < 0)
		ret = complain_library();
	if (!ret)
		ret = job_run(&job, &other) ?: job_copy(&job, in, p->mem, bytes, &ns) ?:
		      job_copy(&job, d->back_mem, in, bytes, &other);
	job_close(&job);
	if (!ret)
		ret = digest_add(p->received, d->back, bytes);
	p->bytes += bytes;
	p->ns += ns;
	return ret;
}

/* ---- telling ---- */

static void tell(struct demo *d, struct passage *p)
{
	struct json_object *row = json_object_new_object();
	char received[DIGEST_TEXT] = "";
	bool verified;

	if (!p->failed && digest_end(p->received, received))
		p->failed = true;
	verified = !p->failed && !strcmp(received, d->sha256);
	json_put_text(row, "from", p->from);
	json_put_text(row, "to", p->to);
	json_put_text(row, "path", p->path);
	json_put(row, "hops", p->hops ? json_object_new_uint64(p->hops) : NULL);
	json_put(row, "verified", p->failed ? NULL : json_object_new_boolean(verified));
	if (!p->failed) {
		json_put_number(row, "bytes", p->bytes);
		json_put(row, "seconds", json_seconds(p->ns));
		json_put(row, "bytes_per_second", json_rate(p->bytes, p->ns));
		json_put_text(row, "sha256_sent", d->sha256);
		json_put_text(row, "sha256_received", received);
	}
	json_object_array_add(d->tally->rows, row);
	d->tally->transfers++;
	d->tally->verified += verified;
	if (d->show) {
		progress_clear();
		render_row(demo_nodes_columns, row);
		output_push();
	}
}

/* ---- all of it ---- */

static int fetch_from_all(struct demo *d, uint64_t bytes, bool last)
{
	struct passage *p;
	uint64_t done = 0;

	/* The rows of the last piece tell themselves how far it is */
	if (!d->meeting->quiet && !(last && d->show))
		progress_begin(d->progress, d->passage_count * bytes, NULL);
	for (p = d->passages; p && !interrupted(); p = p->next) {
		if (!p->failed && fetch(d, p, bytes)) {
			complain("the transfer from %s to %s (%s) failed", p->from, p->to, p->path);
			p->failed = true;
		}
		if (last)
			tell(d, p);
		done += bytes;
		progress_update(done);
	}
	progress_end();
	return p ? complain("interrupted") : 0;
}

/* All load, all fetch: nobody goes on while somebody still fetches */
static int do_piece(struct demo *d, unsigned int number, bool *last)
{
	uint64_t before = (uint64_t)number * d->piece, size = me(d)->bytes;
	uint64_t bytes = least(d->piece, size - before);
	char where[32];

	*last = before + bytes == size;
	if (source_read(d->source, d->data, bytes) != (ssize_t)bytes)
		return complain("'%s' became shorter while it was read: let nobody change it",
				d->source->path);
	if (digest_add(d->sent, d->data, bytes) || load(d, bytes))
		return -1;
	if (*last && digest_end(d->sent, d->sha256))
		return -1;
	snprintf(d->progress, sizeof(d->progress), "received piece %u of %" PRIu64, number + 1,
		 size ? (size + d->piece - 1) / d->piece : 1);
	snprintf(where, sizeof(where), "loaded-%u", number);
	if (meeting_all(d->meeting, where) || fetch_from_all(d, bytes, *last))
		return -1;
	snprintf(where, sizeof(where), "fetched-%u", number);
	return meeting_all(d->meeting, where);
}

static void close_all(struct demo *d)
{
	struct passage *p, *next;
	unsigned int i;

	for (p = d->passages; p; p = next) {
		next = p->next;
		sfab_mem_free(p->imported);
		digest_free(p->received);
		free(p);
	}
	for (i = 0; i < MAX_LOCAL; i++) {
		if (d->local[i].exported)
			sfab_export_revoke(d->local[i].exported);
		sfab_mem_free(d->local[i].out);
		sfab_mem_free(d->local[i].in);
	}
	sfab_mem_free(d->data_mem);
	sfab_mem_free(d->back_mem);
	free(d->data);
	free(d->back);
	digest_free(d->sent);
}

int demo_nodes(struct sfab_context *context, const struct meeting *meeting,
	       struct source *source, bool show, struct demo_tally *tally)
{
	struct demo d = {
		.context = context,
		.meeting = meeting,
		.source = source,
		.tally = tally,
		.show = show,
	};
	unsigned int number;
	bool last = false;
	int ret = 0;

	/* The name may be that of somebody who is at it: nothing may be told in it then */
	if (meeting_enter(meeting))
		return -1;
	d.end = &d.passages;
	d.sent = digest_begin();
	if (!d.sent || introduce(&d) || meet_others(&d) || open_memory(&d) || find_ways(&d))
		ret = -1;
	if (!ret && show)
		render_head(demo_nodes_columns);
	for (number = 0; !ret && !last; number++)
		ret = do_piece(&d, number, &last);
	if (ret)
		meeting_give_up(meeting);
	close_all(&d);
	return ret;
}
