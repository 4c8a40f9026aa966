// SPDX-License-Identifier: GPL-2.0-only
/*
 * ROUTE_SET and ROUTE_GET: by which ports the device reaches an EID
 */
#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/mm.h>

#include "sfab_fabric.h"

#define SFAB_ROUTE_BITS		16
#define SFAB_ROUTE_FIRST_SIZE	offsetofend(struct sfab_route, candidates)

static u64 sfab_route_encode(const struct sfab_route *route)
{
	u64 value = 0;
	int i;

	for (i = 0; i < SFAB_ROUTE_CANDIDATES; i++) {
		const struct sfab_route_candidate *candidate = &route->candidates[i];
		u64 bits = FIELD_PREP(SFAB_ROUTE_PORT, candidate->port) |
			   FIELD_PREP(SFAB_ROUTE_VC, candidate->vc) |
			   FIELD_PREP(SFAB_ROUTE_HOPS, candidate->hops);

		value |= bits << (i * SFAB_ROUTE_BITS);
	}
	return value;
}

static void sfab_route_decode(u64 value, struct sfab_route *route)
{
	int i;

	for (i = 0; i < SFAB_ROUTE_CANDIDATES; i++, value >>= SFAB_ROUTE_BITS) {
		struct sfab_route_candidate *candidate = &route->candidates[i];

		candidate->hops = FIELD_GET(SFAB_ROUTE_HOPS, value);
		if (!candidate->hops)
			continue;
		candidate->port = FIELD_GET(SFAB_ROUTE_PORT, value);
		candidate->vc = FIELD_GET(SFAB_ROUTE_VC, value);
	}
}

static bool sfab_candidate_is_valid(const struct sfab_route_candidate *candidate, u32 num_ports)
{
	if (candidate->pad)
		return false;
	if (!candidate->hops)
		return !candidate->port && !candidate->vc;
	return candidate->port < num_ports && candidate->vc <= SFAB_ROUTE_VC_0;
}

static int sfab_route_check(const struct sfab_fabric *fabric, const struct sfab_route *routes,
			    u32 count)
{
	u32 num_ports = fabric ? fabric->num_ports : SFAB_NUM_PORTS_MAX;
	u32 i, c;

	for (i = 0; i < count; i++) {
		if (!routes[i].eid || routes[i].eid >= sfab_num_eids(fabric) || routes[i].flags)
			return -EINVAL;
		for (c = 0; c < SFAB_ROUTE_CANDIDATES; c++) {
			if (!sfab_candidate_is_valid(&routes[i].candidates[c], num_ports))
				return -EINVAL;
		}
	}
	return 0;
}

static int sfab_route_write(struct sfab_device *sdev, const struct sfab_route *routes, u32 count)
{
	int ret, idx;
	u32 i;

	ret = sfab_hw_get(sdev, &idx);
	if (ret)
		return ret;
	for (i = 0; i < count; i++)
		writeq(sfab_route_encode(&routes[i]), sdev->regs + SFAB_ROUTE(routes[i].eid));
	sfab_hw_put(sdev, idx);
	return 0;
}

int sfab_route_set_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_fabric *fabric = to_sfab(drm)->fabric;
	struct sfab_route_set *args = data;
	struct sfab_route *routes;
	int ret;

	if (args->flags || !args->route_count)
		return -EINVAL;
	routes = sfab_uarray_copy(args->routes, args->route_count, args->route_stride,
				  sizeof(*routes), SFAB_ROUTE_FIRST_SIZE, sfab_num_eids(fabric));
	if (IS_ERR(routes))
		return PTR_ERR(routes);

	ret = sfab_route_check(fabric, routes, args->route_count);
	if (!ret)
		ret = sfab_fabric_admin(fabric);
	if (!ret)
		ret = sfab_route_write(to_sfab(drm), routes, args->route_count);
	kvfree(routes);
	return ret;
}

static int sfab_route_read(struct sfab_fabric *fabric, u32 eid, struct sfab_route *routes,
			   u32 count)
{
	struct sfab_device *sdev = fabric->sdev;
	int ret, idx;
	u32 i;

	ret = sfab_hw_get(sdev, &idx);
	if (ret)
		return ret;
	for (i = 0; i < count; i++) {
		routes[i].eid = eid + i;
		sfab_route_decode(readq(sdev->regs + SFAB_ROUTE(eid + i)), &routes[i]);
	}
	sfab_hw_put(sdev, idx);
	return 0;
}

int sfab_route_get_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_fabric *fabric = to_sfab(drm)->fabric;
	struct sfab_route_get *args = data;
	struct sfab_route *routes;
	int ret;

	if (args->flags || !args->route_count || !args->eid)
		return -EINVAL;
	if (args->eid >= sfab_num_eids(fabric) ||
	    args->route_count > sfab_num_eids(fabric) - args->eid)
		return -EINVAL;
	if (!fabric)
		return -EOPNOTSUPP;

	routes = kvcalloc(args->route_count, sizeof(*routes), GFP_KERNEL_ACCOUNT);
	if (!routes)
		return -ENOMEM;
	ret = sfab_route_read(fabric, args->eid, routes, args->route_count);
	if (!ret)
		ret = sfab_uarray_store(args->routes, args->route_stride, routes,
					args->route_count, sizeof(*routes),
					SFAB_ROUTE_FIRST_SIZE);
	kvfree(routes);
	return ret;
}
