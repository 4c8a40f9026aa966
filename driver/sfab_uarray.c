// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arrays of user space, {pointer, count, stride}, whose elements may be of an
 * older or a newer version than this driver's
 */
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "sfab_device.h"

/**
 * sfab_uarray_copy - copy an array from user space
 * @uptr: user pointer to the first element
 * @count: elements
 * @stride: bytes from one element to the next
 * @size: bytes of an element in this driver
 * @first_size: bytes of an element in the first version of the UAPI
 * @max: most elements that are allowed
 *
 * Shorter elements are extended with zeros, longer ones must be zero beyond
 * @size.  A stride above 4096 is refused, to bound the work.
 *
 * Return: an array of @count elements of @size bytes, to be freed with
 * kvfree(); NULL for @count 0; or an ERR_PTR by the errno contract.
 */
void *sfab_uarray_copy(u64 uptr, u32 count, u32 stride, size_t size,
		       size_t first_size, u32 max)
{
	const void __user *from = u64_to_user_ptr(uptr);
	void *array;
	int ret = 0;
	u32 i;

	if (!count)
		return NULL;
	if (stride < first_size)
		return ERR_PTR(-EINVAL);
	if (count > max || stride > SZ_4K)
		return ERR_PTR(-E2BIG);
	/* Also keeps the arithmetic below from wrapping around */
	if (!access_ok(from, (size_t)count * stride))
		return ERR_PTR(-EFAULT);

	array = kvmalloc_array(count, size, GFP_KERNEL_ACCOUNT);
	if (!array)
		return ERR_PTR(-ENOMEM);

	if (stride == size) {
		if (copy_from_user(array, from, count * size))
			ret = -EFAULT;
	} else {
		for (i = 0; i < count && !ret; i++)
			ret = copy_struct_from_user(array + i * size, size,
						    from + (size_t)i * stride, stride);
	}
	if (ret) {
		kvfree(array);
		return ERR_PTR(ret);
	}
	return array;
}

/**
 * sfab_uarray_store - copy an array to user space
 * @uptr: user pointer to the first element
 * @stride: bytes from one element to the next, there
 * @array: elements of this driver
 * @count: elements
 * @size: bytes of an element in this driver
 * @first_size: bytes of an element in the first version of the UAPI
 *
 * Elements are cut to @stride, or followed by zeros up to it.
 *
 * Return: 0, or an error by the errno contract.
 */
int sfab_uarray_store(u64 uptr, u32 stride, const void *array, u32 count,
		      size_t size, size_t first_size)
{
	size_t known = min_t(size_t, stride, size);
	void __user *to = u64_to_user_ptr(uptr);
	u32 i;

	if (stride < first_size)
		return -EINVAL;
	if (stride > SZ_4K)
		return -E2BIG;
	for (i = 0; i < count; i++, to += stride, array += size) {
		if (copy_to_user(to, array, known) || clear_user(to + known, stride - known))
			return -EFAULT;
	}
	return 0;
}
