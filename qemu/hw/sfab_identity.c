/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sfab accelerator: UUID and SERIAL of a device that was given none
 *
 * They follow from the VM (its -uuid, else its -name) and the device's place in
 * it, so that they are the same at every start and at the other end of a
 * migration, and differ between devices and between named VMs.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/qdev-core.h"
#include "system/system.h"
#include "sfab_accel.h"

/* UUID version 8 (RFC 9562 clause 5.8): custom, here from a SHA-256. */
static void sfab_identity_uuid(SfabAccelState *s)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree char *path = qdev_get_dev_path(DEVICE(s));
    uint8_t digest[32];
    gsize size = sizeof(digest);

    g_checksum_update(sum, (const guchar *)TYPE_SFAB_ACCEL,
                      sizeof(TYPE_SFAB_ACCEL));
    if (qemu_uuid_set) {
        g_checksum_update(sum, qemu_uuid.data, sizeof(qemu_uuid.data));
    } else if (qemu_get_vm_name()) {
        g_checksum_update(sum, (const guchar *)qemu_get_vm_name(), -1);
    }
    g_checksum_update(sum, (const guchar *)"\0", 1);
    g_checksum_update(sum, (const guchar *)path, -1);
    g_checksum_get_digest(sum, digest, &size);

    memcpy(s->uuid.data, digest, sizeof(s->uuid.data));
    s->uuid.data[6] = 0x80 | (s->uuid.data[6] & 0x0f);
    s->uuid.data[8] = 0x80 | (s->uuid.data[8] & 0x3f);
}

void sfab_identity_derive(SfabAccelState *s)
{
    if (qemu_uuid_is_null(&s->uuid)) {
        sfab_identity_uuid(s);
    }
    if (!s->serial) {
        /* The end of the UUID but its two variant bits, never 0. */
        s->serial = (ldq_be_p(s->uuid.data + 8) & MAKE_64BIT_MASK(0, 62)) ?: 1;
    }
}
