// SPDX-License-Identifier: GPL-2.0-only
/*
 * QUERY: tables about the device
 */
#include <linux/io.h>
#include <linux/nospec.h>

#include "sfab_fabric.h"
#include "sfab_queue.h"

static int sfab_query_answer(struct sfab_query *args, const void *answer, u32 count,
			     size_t size, size_t first_size)
{
	int ret;

	if (args->count) {
		ret = sfab_uarray_store(args->data, args->stride, answer,
					min(args->count, count), size, first_size);
		if (ret)
			return ret;
	}
	args->count = count;
	args->stride = size;
	return 0;
}

static int sfab_query_device(struct sfab_file *sfile, struct sfab_query *args)
{
	struct sfab_device *sdev = sfile->sdev;
	struct sfab_query_device answer = {
		.hw_version = sdev->hw_version,
		.numa_node = dev_to_node(sdev->drm.dev),
		.serial = sdev->serial,
		.caps = sdev->caps,
	};

	export_uuid(answer.uuid, &sdev->uuid);
	return sfab_query_answer(args, &answer, 1, sizeof(answer),
				 offsetofend(struct sfab_query_device, caps));
}

/* Bit n: opcode n */
static u64 sfab_query_commands(const struct sfab_device *sdev)
{
	u64 commands = GENMASK_ULL(SFAB_OP_TIMESTAMP, SFAB_OP_NOP);

	if (!(sdev->caps & SFAB_CAP_REDUCE))
		commands &= ~BIT_ULL(SFAB_OP_REDUCE);
	if (!(sdev->caps & SFAB_CAP_ATOMIC))
		commands &= ~BIT_ULL(SFAB_OP_ATOMIC);
	if (!(sdev->caps & SFAB_CAP_COPY_2D))
		commands &= ~BIT_ULL(SFAB_OP_COPY_2D);
	return commands;
}

static int sfab_query_engines(struct sfab_file *sfile, struct sfab_query *args)
{
	struct sfab_query_engine answer[SFAB_NUM_ENGINES_MAX] = {};
	struct sfab_device *sdev = sfile->sdev;
	u32 i;

	for (i = 0; i < sdev->num_engines; i++) {
		answer[i].id = i;
		answer[i].commands = sfab_query_commands(sdev);
	}
	return sfab_query_answer(args, answer, sdev->num_engines, sizeof(*answer),
				 offsetofend(struct sfab_query_engine, commands));
}

static int sfab_query_regions(struct sfab_file *sfile, struct sfab_query *args)
{
	struct sfab_device *sdev = sfile->sdev;
	struct sfab_query_region answer[] = {
		{
			.id = SFAB_REGION_HBM,
			.size = sdev->hbm.size,
		}, {
			.id = SFAB_REGION_SYSTEM,
			.used = atomic64_read(&sdev->system_bytes),
		}, {
			.id = SFAB_REGION_REGISTERED,
			.used = atomic64_read(&sdev->registered_bytes),
		},
	};

	mutex_lock(&sdev->hbm.lock);
	answer[0].used = sdev->hbm.used;
	mutex_unlock(&sdev->hbm.lock);
	return sfab_query_answer(args, answer, ARRAY_SIZE(answer), sizeof(*answer),
				 offsetofend(struct sfab_query_region, used));
}

static int sfab_query_limits(struct sfab_file *sfile, struct sfab_query *args)
{
	struct sfab_device *sdev = sfile->sdev;
	/* One queue, one VM, and one more VM for segments are the kernel's */
	struct sfab_query_limits answer = {
		.max_queues = sdev->num_queues - 1,
		.max_vms = sdev->num_vms - (sdev->fabric ? 2 : 1),
		.max_commands = SFAB_MAX_COMMANDS,
		.max_binds = SFAB_MAX_BINDS,
		.max_syncs = SFAB_MAX_SYNCS,
		.va_bits = SFAB_VA_BITS,
		.job_timeout_ms = sfab_fabric_job_timeout_ms(sdev, 0),
	};

	return sfab_query_answer(args, &answer, 1, sizeof(answer),
				 offsetofend(struct sfab_query_limits, pad));
}

static void sfab_query_fabric_counters(void __iomem *counter, struct sfab_query_counters *answer)
{
	answer->bytes_fabric = readq(counter + SFAB_COUNTER_BYTES_FABRIC * 8);
	answer->fabric_requests = readq(counter + SFAB_COUNTER_REQUESTS * 8);
	answer->fabric_retries = readq(counter + SFAB_COUNTER_RETRIES * 8);
	answer->fabric_failures = readq(counter + SFAB_COUNTER_FAILURES * 8);
	answer->fabric_served = readq(counter + SFAB_COUNTER_SERVED * 8);
	answer->fabric_duplicates = readq(counter + SFAB_COUNTER_DUPLICATES * 8);
	answer->fabric_refused = readq(counter + SFAB_COUNTER_REFUSED * 8);
	answer->fabric_forwarded = readq(counter + SFAB_COUNTER_FORWARDED * 8);
}

static int sfab_query_counters(struct sfab_file *sfile, struct sfab_query *args)
{
	struct sfab_device *sdev = sfile->sdev;
	void __iomem *counter = sdev->regs + SFAB_REG_COUNTER_0;
	struct sfab_query_counters answer = {};
	int ret, idx;

	ret = sfab_hw_get(sdev, &idx);
	if (ret)
		return ret;
	answer.commands = readq(counter + SFAB_COUNTER_COMMANDS * 8);
	answer.bytes_hbm = readq(counter + SFAB_COUNTER_BYTES_HBM * 8);
	answer.bytes_system = readq(counter + SFAB_COUNTER_BYTES_SYSTEM * 8);
	answer.bytes_peer = readq(counter + SFAB_COUNTER_BYTES_PEER * 8);
	answer.faults = readq(counter + SFAB_COUNTER_FAULTS * 8);
	answer.queue_resets = readq(counter + SFAB_COUNTER_QUEUE_RESETS * 8);
	answer.interrupts = readq(counter + SFAB_COUNTER_INTERRUPTS * 8);
	answer.device_resets = readq(counter + SFAB_COUNTER_DEVICE_RESETS * 8);
	if (sdev->fabric)
		sfab_query_fabric_counters(counter, &answer);
	sfab_hw_put(sdev, idx);

	answer.job_timeouts = atomic64_read(&sdev->job_timeouts);
	spin_lock(&sfile->event_lock);
	answer.events_dropped = sfile->events_dropped;
	spin_unlock(&sfile->event_lock);
	return sfab_query_answer(args, &answer, 1, sizeof(answer),
				 offsetofend(struct sfab_query_counters, events_dropped));
}

static int sfab_query_fabric(struct sfab_file *sfile, struct sfab_query *args)
{
	struct sfab_fabric *fabric = sfile->sdev->fabric;
	struct sfab_query_fabric answer = {};
	int ret;

	if (!fabric)
		return -EOPNOTSUPP;
	ret = sfab_fabric_query(fabric, &answer);
	if (ret)
		return ret;
	return sfab_query_answer(args, &answer, 1, sizeof(answer),
				 offsetofend(struct sfab_query_fabric, pad));
}

static int sfab_query_ports(struct sfab_file *sfile, struct sfab_query *args)
{
	struct sfab_fabric *fabric = sfile->sdev->fabric;
	struct sfab_query_port *answer;
	int ret;

	if (!fabric)
		return -EOPNOTSUPP;
	answer = kcalloc(fabric->num_ports, sizeof(*answer), GFP_KERNEL_ACCOUNT);
	if (!answer)
		return -ENOMEM;
	ret = sfab_port_query(fabric, answer);
	if (!ret)
		ret = sfab_query_answer(args, answer, fabric->num_ports, sizeof(*answer),
					offsetofend(struct sfab_query_port, failovers));
	kfree(answer);
	return ret;
}

int sfab_query_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	static int (* const queries[])(struct sfab_file *, struct sfab_query *) = {
		[SFAB_QUERY_DEVICE] = sfab_query_device,
		[SFAB_QUERY_ENGINES] = sfab_query_engines,
		[SFAB_QUERY_REGIONS] = sfab_query_regions,
		[SFAB_QUERY_LIMITS] = sfab_query_limits,
		[SFAB_QUERY_COUNTERS] = sfab_query_counters,
		[SFAB_QUERY_FABRIC] = sfab_query_fabric,
		[SFAB_QUERY_PORTS] = sfab_query_ports,
	};
	struct sfab_query *args = data;

	u32 query;

	if (args->flags || args->query >= ARRAY_SIZE(queries))
		return -EINVAL;
	query = array_index_nospec(args->query, ARRAY_SIZE(queries));
	return queries[query](file->driver_priv, args);
}
