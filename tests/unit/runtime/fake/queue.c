// SPDX-License-Identifier: MIT
/*
 * Queues of the fake kernel: a thread each, which takes jobs in order
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"

uint32_t newest_on_loss, newest_limit_ms;

static struct queue *lookup(struct file *file, uint32_t id)
{
	return id < MAX_IDS ? file->queues[id] : NULL;
}

void event_send(struct file *file, const union event *what)
{
	union event *event = &file->events[file->event_count];
	struct timespec now;
	uint64_t one = 1;

	file->event_sequence++;
	if (file->event_count == sizeof(file->events) / sizeof(file->events[0])) {
		file->events_dropped++;
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	*event = *what;
	event->common.sequence = file->event_sequence;
	event->common.dropped = file->events_dropped;
	event->common.time_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	file->event_count++;
	if (write(file->fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

void event_send_fault(struct file *file, uint32_t type, uint32_t queue_id,
		      const struct sfab_fault *fault)
{
	union event event = {
		.common = {
			.base = { .type = type, .length = sizeof(event.common) },
			.queue_id = queue_id,
		},
	};

	if (fault)
		event.common.fault = *fault;
	if (fault && fault->cause == SFAB_FAULT_FABRIC)
		event.common.fabric_status = segment_failure.status;
	event_send(file, &event);
}

static void job_end(struct queue *queue, struct job *job)
{
	unsigned int i;

	TAILQ_REMOVE(&queue->jobs, job, link);
	fence_signal(job->done);
	fence_put(job->done);
	for (i = 0; i < job->wait_count; i++)
		fence_put(job->waits[i]);
	free(job->waits);
	free(job->commands);
	free(job);
	live[L_JOB]--;
	pthread_cond_broadcast(&kernel_changed);
}

static void abandon(struct queue *queue)
{
	while (!TAILQ_EMPTY(&queue->jobs))
		job_end(queue, TAILQ_FIRST(&queue->jobs));
}

void queue_lose(struct queue *queue, enum sfab_queue_state state)
{
	if (queue->state == SFAB_QUEUE_OK)
		queue->state = state;
	pthread_cond_broadcast(&kernel_changed);
}

static bool ready(const struct queue *queue)
{
	const struct job *job = TAILQ_FIRST(&queue->jobs);
	unsigned int i;

	if (!job || held)
		return false;
	for (i = 0; i < job->wait_count; i++) {
		if (!job->waits[i]->signalled)
			return false;
	}
	return true;
}

static void fault(struct queue *queue, struct job *job, uint32_t index, uint32_t cause,
		  struct sfab_fault *record)
{
	record->cause = cause;
	record->opcode = job->commands[index].opcode;
	record->command = index;
	record->seqno = job->seqno;
	queue->fault = *record;
	if (cause == SFAB_FAULT_FABRIC) {
		queue->fabric_status = segment_failure.status;
		queue->fabric_eid = segment_failure.eid;
	}
	queue->state = SFAB_QUEUE_FAULTED;
	queue->file->dev->counters.faults++;
	event_send_fault(queue->file, SFAB_EVENT_QUEUE_FAULT, queue->id, record);
	if (cause == SFAB_FAULT_FABRIC)
		segments_tell(queue);
}

static void run(struct queue *queue, struct job *job)
{
	struct device *dev = queue->file->dev;
	uint32_t i, cause;

	if (dev->timeout_next) {
		dev->timeout_next = false;
		dev->counters.job_timeouts++;
		queue->state = SFAB_QUEUE_TIMEDOUT;
		event_send_fault(queue->file, SFAB_EVENT_QUEUE_TIMEOUT, queue->id, NULL);
		return;
	}
	for (i = 0; i < job->count && queue->state == SFAB_QUEUE_OK && !queue->stop; i++) {
		struct sfab_fault record = { 0 };

		cause = dev->fault_next;
		dev->fault_next = 0;
		if (cause) {
			record.access = 2;
			record.addr = job->commands[i].dst;
		} else {
			cause = execute(queue, &job->commands[i], &record);
		}
		if (cause)
			fault(queue, job, i, cause, &record);
		else
			dev->counters.commands++;
		work.commands++;
	}
	if (queue->state == SFAB_QUEUE_OK && !queue->stop)
		queue->completed = job->seqno;
}

static void *serve(void *arg)
{
	struct queue *queue = arg;

	pthread_mutex_lock(&kernel_lock);
	while (!queue->stop) {
		if (queue->state != SFAB_QUEUE_OK)
			abandon(queue);
		if (!ready(queue)) {
			pthread_cond_wait(&kernel_changed, &kernel_lock);
			continue;
		}
		run(queue, TAILQ_FIRST(&queue->jobs));
		job_end(queue, TAILQ_FIRST(&queue->jobs));
	}
	abandon(queue);
	pthread_mutex_unlock(&kernel_lock);
	return NULL;
}

static long create(struct file *file, struct sfab_queue_create *args)
{
	struct vm *vm = args->vm_id < MAX_IDS ? file->vms[args->vm_id] : NULL;
	struct queue *queue;
	uint32_t i;

	if (args->flags || args->pad || args->on_loss > SFAB_ON_LOSS_FAIL ||
	    args->limit_ms > SFAB_LOSS_LIMIT_MAX_MS)
		return -EINVAL;
	if ((args->on_loss || args->limit_ms) && !(file->dev->caps & SFAB_CAP_POLICY))
		return -EOPNOTSUPP;
	if (!vm)
		return -ENOENT;
	if (file->dev->queues == max_queues)
		return -ENOSPC;
	for (i = 1; file->queues[i]; i++)	/* ids are used again at once */
		;
	queue = calloc(1, sizeof(*queue));
	queue->id = i;
	queue->file = file;
	queue->vm = vm;
	TAILQ_INIT(&queue->jobs);
	vm->queues++;
	file->queues[i] = queue;
	file->dev->queues++;
	live[L_QUEUE]++;
	if (pthread_create(&queue->thread, NULL, serve, queue))
		abort();
	newest_on_loss = args->on_loss;
	newest_limit_ms = args->limit_ms;
	args->queue_id = i;
	return 0;
}

/* The lock is dropped for the thread to end, and for waiters to leave */
void queue_free(struct queue *queue)
{
	queue->file->queues[queue->id] = NULL;
	queue->stop = true;
	pthread_cond_broadcast(&kernel_changed);
	pthread_mutex_unlock(&kernel_lock);
	pthread_join(queue->thread, NULL);
	pthread_mutex_lock(&kernel_lock);
	while (queue->waiting)
		pthread_cond_wait(&kernel_changed, &kernel_lock);
	queue->vm->queues--;
	queue->file->dev->queues--;
	queue->file->dev->counters.queue_resets++;
	free(queue);
	live[L_QUEUE]--;
}

static long destroy(struct file *file, struct sfab_queue_destroy *args)
{
	struct queue *queue = lookup(file, args->queue_id);

	if (args->pad)
		return -EINVAL;
	if (!queue)
		return -ENOENT;
	queue_free(queue);
	return 0;
}

/* ---- submitting ---- */

static long check_commands(const struct queue *queue, const struct sfab_command *cmds,
			   uint32_t count)
{
	uint64_t bytes = 0;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (cmds[i].opcode > SFAB_OP_TIMESTAMP || cmds[i].pad || cmds[i].reserved ||
		    cmds[i].flags & ~SFAB_COMMAND_NOTIFY ||
		    (cmds[i].flags && cmds[i].opcode != SFAB_OP_COPY))
			return -EINVAL;
		if (cmds[i].flags && !(queue->file->dev->caps & SFAB_CAP_NOTIFY))
			return -EOPNOTSUPP;
		if (cmds[i].opcode == SFAB_OP_WAIT && !queue->vm->long_running)
			return -EOPNOTSUPP;
		bytes += cmds[i].opcode == SFAB_OP_COPY_2D ? cmds[i].len * cmds[i].arg0 :
			 cmds[i].len;
	}
	if (bytes > work.most_bytes)
		work.most_bytes = bytes;
	return 0;
}

static long check_syncs(struct file *file, const struct sfab_sync *syncs, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		struct syncobj *sync = syncs[i].handle < MAX_IDS ?
				       file->syncobjs[syncs[i].handle] : NULL;

		if (syncs[i].flags != SFAB_SYNC_WAIT && syncs[i].flags != SFAB_SYNC_SIGNAL)
			return -EINVAL;
		if (!sync)
			return -ENOENT;
		if (syncs[i].flags == SFAB_SYNC_WAIT && !syncobj_find(sync, syncs[i].point))
			return -EINVAL;
	}
	return 0;
}

static void queue_job(struct queue *queue, const struct sfab_queue_submit *args)
{
	const struct sfab_sync *syncs = (const void *)(uintptr_t)args->syncs;
	struct job *job = calloc(1, sizeof(*job));
	uint32_t i;

	live[L_JOB]++;
	job->seqno = ++queue->submitted;
	job->count = args->command_count;
	job->commands = malloc(job->count * sizeof(*job->commands));
	memcpy(job->commands, (const void *)(uintptr_t)args->commands,
	       job->count * sizeof(*job->commands));
	job->waits = calloc(args->sync_count + 1, sizeof(struct fence *));
	job->done = fence_new();
	for (i = 0; i < args->sync_count; i++) {
		struct syncobj *sync = queue->file->syncobjs[syncs[i].handle];

		if (syncs[i].flags == SFAB_SYNC_WAIT)
			job->waits[job->wait_count++] =
				fence_get(syncobj_find(sync, syncs[i].point));
		else
			syncobj_add(sync, syncs[i].point, job->done);
	}
	TAILQ_INSERT_TAIL(&queue->jobs, job, link);
	work.submissions++;
	pthread_cond_broadcast(&kernel_changed);
}

static long submit(struct file *file, struct sfab_queue_submit *args)
{
	struct queue *queue = lookup(file, args->queue_id);
	long ret;

	if (args->flags || !args->command_count ||
	    args->command_stride < sizeof(struct sfab_command) ||
	    args->sync_stride < sizeof(struct sfab_sync))
		return -EINVAL;
	if (args->command_count > MAX_COMMANDS || args->sync_count > MAX_SYNCS)
		return -E2BIG;
	if (!queue)
		return -ENOENT;
	ret = check_commands(queue, (const void *)(uintptr_t)args->commands,
			     args->command_count);
	if (ret)
		return ret;
	if (queue->vm->long_running && args->sync_count)
		return -EOPNOTSUPP;
	ret = check_syncs(file, (const void *)(uintptr_t)args->syncs, args->sync_count);
	if (ret)
		return ret;
	if (queue->state != SFAB_QUEUE_OK)
		return -EIO;
	if (queue->vm->long_running) {
		if (!room)
			return -EAGAIN;
		room--;
	}
	queue_job(queue, args);
	args->seqno = queue->submitted;
	return 0;
}

/* ---- looking ---- */

static long query(struct file *file, struct sfab_queue_query *args)
{
	struct queue *queue = lookup(file, args->queue_id);

	if (args->flags)
		return -EINVAL;
	if (!queue)
		return -ENOENT;
	args->state = queue->state;
	args->pad = 0;
	args->submitted = queue->submitted;
	args->completed = queue->completed;
	args->fault = (struct sfab_fault){ 0 };
	args->fabric_status = queue->fabric_status;
	args->fabric_eid = queue->fabric_eid;
	if (queue->state == SFAB_QUEUE_FAULTED)
		args->fault = queue->fault;
	return 0;
}

static long result(const struct queue *queue, uint64_t seqno)
{
	if (seqno <= queue->completed)
		return 0;
	if (queue->stop)
		return -ECANCELED;
	if (queue->state != SFAB_QUEUE_OK)
		return -EIO;
	return -ETIME;
}

static long wait_seqno(struct file *file, struct sfab_wait *args)
{
	struct queue *queue = lookup(file, args->queue_id);
	struct timespec until = {
		.tv_sec = args->timeout_ns / 1000000000,
		.tv_nsec = args->timeout_ns % 1000000000,
	};
	long ret;

	if (args->flags)
		return -EINVAL;
	if (!queue)
		return -ENOENT;
	if (!args->seqno || args->seqno > queue->submitted)
		return -EINVAL;

	queue->waiting++;
	while ((ret = result(queue, args->seqno)) == -ETIME && args->timeout_ns > 0) {
		if (pthread_cond_clockwait(&kernel_changed, &kernel_lock, CLOCK_MONOTONIC,
					   &until) == ETIMEDOUT) {
			ret = result(queue, args->seqno);
			break;
		}
	}
	queue->waiting--;
	pthread_cond_broadcast(&kernel_changed);
	return ret;
}

long queue_ioctl(struct file *file, unsigned int nr, void *arg)
{
	switch (nr) {
	case _IOC_NR(DRM_IOCTL_SFAB_QUEUE_CREATE):
		return create(file, arg);
	case _IOC_NR(DRM_IOCTL_SFAB_QUEUE_DESTROY):
		return destroy(file, arg);
	case _IOC_NR(DRM_IOCTL_SFAB_QUEUE_SUBMIT):
		return submit(file, arg);
	case _IOC_NR(DRM_IOCTL_SFAB_QUEUE_QUERY):
		return query(file, arg);
	default:
		return wait_seqno(file, arg);
	}
}
