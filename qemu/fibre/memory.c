// SPDX-License-Identifier: GPL-2.0-or-later
/* The memory of a fibre: of this process alone, shared by us, or shared by the other end. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

/* Without them the other end could truncate the file under our feet: SIGBUS. */
#define SEALS	(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static void *map(int fd, int flags)
{
	void *memory = mmap(NULL, FIBRE_SIZE, PROT_READ | PROT_WRITE, flags, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void *memory_private(void)
{
	return map(-1, MAP_PRIVATE | MAP_ANONYMOUS);
}

/* Memory, and in @fd a sealed file to hand over. */
void *memory_share(int *fd)
{
	void *memory = NULL;

	*fd = memfd_create("sfab-fibre", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0)
		return NULL;
	if (!ftruncate(*fd, FIBRE_SIZE) && !fcntl(*fd, F_ADD_SEALS, SEALS))
		memory = map(*fd, MAP_SHARED);
	if (!memory) {
		close(*fd);
		*fd = -1;
	}
	return memory;
}

/* The seals first: without them the size could change after it was looked at. */
void *memory_take(int fd, const char **why)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat stat;
	void *memory;

	if (seals < 0 || (seals & SEALS) != SEALS) {
		*why = "the memory is not sealed against shrinking and growing";
		return NULL;
	}
	if (fstat(fd, &stat) || stat.st_size != (off_t)FIBRE_SIZE) {
		*why = "the memory has the wrong size";
		return NULL;
	}
	memory = map(fd, MAP_SHARED);
	if (!memory)
		*why = "the memory cannot be mapped";
	return memory;
}

void memory_drop(void *memory)
{
	if (memory)
		munmap(memory, FIBRE_SIZE);
}
