// SPDX-License-Identifier: MIT
/*
 * channel recv DIR NAME COUNT: make a channel on the first accelerator, hand its handle on as
 *	DIR/NAME, take COUNT messages and the end, and check them
 * channel send DIR NAME COUNT: send them
 * channel hold DIR NAME: make a channel, and take nothing (NAME.pid: who does)
 * channel fill DIR NAME: send to it, until the first error: one message (NAME idle) or as many as
 *	it takes (NAME full); then tell the error, the milliseconds since NAME.killed appeared,
 *	and whether work on the own accelerator goes on
 *
 * Sizes and contents of messages are drawn from their numbers.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfab/sfab.h>

#include "share.h"

#define SLOT		5000
#define SLOTS		16
#define WAIT_NS		60000000000ll

static struct sfab_device *open_device(void)
{
	struct sfab_context *ctx;
	struct sfab_device *device;

	must(sfab_context_open(&ctx, 0));
	must(sfab_device_get(ctx, 0, &device));
	return device;
}

static struct sfab_channel *make(const struct share *share, const char *name,
				 struct sfab_device *device)
{
	struct sfab_channel *channel;
	struct sfab_handle handle;

	must(sfab_channel_create(device, SFAB_MEM_SYSTEM, SLOT, SLOTS, &channel, &handle));
	share_put(share, name, &handle, sizeof(handle));
	return channel;
}

static struct sfab_channel *open_channel(const struct share *share, const char *name,
					 struct sfab_device *device)
{
	struct sfab_channel *channel;
	struct sfab_handle handle;
	struct sfab_queue *queue;

	share_get(share, name, &handle, sizeof(handle));
	must(sfab_queue_create(device, SFAB_LONG_RUNNING, &queue));
	must(sfab_channel_open(queue, &handle, &channel));
	return channel;
}

/* Small ones are as likely as large ones */
static unsigned int message(uint8_t *data, unsigned int number)
{
	uint64_t state = number, word;
	unsigned int size = draw(&state) % (2u << draw(&state) % 13) % (SLOT + 1), i;

	for (i = 0; i < size; i += 8) {
		word = draw(&state);
		memcpy(data + i, &word, 8);
	}
	return size;
}

static void receive(const struct share *share, const char *name, unsigned int count)
{
	struct sfab_channel *channel = make(share, name, open_device());
	uint8_t got[SLOT + 8], wanted[SLOT + 8];
	uint64_t bytes = 0;
	unsigned int i, size;
	int ret;

	for (i = 0; i < count; i++) {
		size = message(wanted, i);
		must(ret = sfab_channel_recv(channel, got, SLOT, WAIT_NS));
		if ((unsigned int)ret != size || memcmp(got, wanted, size))
			die("message %u of %u bytes is wrong: %d bytes came", i, size, ret);
		bytes += size;
		if (i % 1000 == 999)
			share_rest();
	}
	ret = sfab_channel_recv(channel, got, SLOT, WAIT_NS);
	if (ret != -EPIPE)
		die("after the last message came %d: %s", ret, sfab_last_error());
	must(sfab_channel_close(channel));
	printf("received %u messages, %" PRIu64 " bytes\n", count, bytes);
}

static void send_all(const struct share *share, const char *name, unsigned int count)
{
	struct sfab_channel *channel = open_channel(share, name, open_device());
	uint64_t start = now_ns();
	uint8_t data[SLOT + 8];
	unsigned int i, size;

	for (i = 0; i < count; i++) {
		size = message(data, i);
		must(sfab_channel_send(channel, data, size, WAIT_NS));
	}
	must(sfab_channel_flush(channel, WAIT_NS));
	printf("sent %u messages in %" PRIu64 " ms\n", count, (now_ns() - start) / 1000000);
	must(sfab_channel_close(channel));
}

static void hold(const struct share *share, const char *name)
{
	char file[128], pid[16];

	make(share, name, open_device());
	snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	snprintf(file, sizeof(file), "%s.pid", name);
	share_put(share, file, pid, strlen(pid));
	for (;;)
		share_rest();
}

static void fill(const struct share *share, const char *name)
{
	struct sfab_device *device = open_device();
	struct sfab_channel *channel = open_channel(share, name, device);
	uint64_t start;
	char file[128], text[512];
	unsigned int sent = 1;
	int ret;

	must(sfab_channel_send(channel, "m", 1, WAIT_NS));
	for (; !strcmp(name, "full") && sent < SLOTS; sent++)
		must(sfab_channel_send(channel, "m", 1, WAIT_NS));
	snprintf(file, sizeof(file), "%s.%s", name, name);
	share_put(share, file, "1", 1);
	snprintf(file, sizeof(file), "%s.killed", name);
	while (!share_has(share, file))
		share_rest();
	start = now_ns();
	do {
		ret = sfab_channel_send(channel, "m", 1, WAIT_NS);
	} while (!ret);
	start = now_ns() - start;
	snprintf(text, sizeof(text), "%s", sfab_last_error());
	printf("error %d after %" PRIu64 " ms, home %s: %s\n", ret, start / 1000000,
	       work_at_home(device), text);
	must(sfab_channel_close(channel));
}

int main(int argc, char **argv)
{
	struct share share = { 0 };

	if (argc < 4)
		die("usage: channel recv|send DIR NAME COUNT, channel hold|fill DIR NAME");
	share.dir = argv[2];
	if (!strcmp(argv[1], "recv") && argc == 5)
		receive(&share, argv[3], (unsigned int)atoi(argv[4]));
	else if (!strcmp(argv[1], "send") && argc == 5)
		send_all(&share, argv[3], (unsigned int)atoi(argv[4]));
	else if (!strcmp(argv[1], "hold"))
		hold(&share, argv[3]);
	else if (!strcmp(argv[1], "fill"))
		fill(&share, argv[3]);
	else
		die("channel: what is '%s'?", argv[1]);
	return 0;
}
