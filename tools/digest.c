// SPDX-License-Identifier: MIT
/*
 * SHA-256 by libcrypto
 */
#include <openssl/evp.h>
#include <stdio.h>

#include "digest.h"
#include "tool.h"

/* libcrypto's EVP_MD_CTX under our name */
#define context(digest)	((EVP_MD_CTX *)(digest))

static int failed(void)
{
	return complain("libcrypto cannot compute SHA-256: check its installation and openssl.cnf");
}

struct digest *digest_begin(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL)) {
		EVP_MD_CTX_free(ctx);
		failed();
		return NULL;
	}
	return (struct digest *)ctx;
}

int digest_add(struct digest *digest, const void *data, size_t size)
{
	return EVP_DigestUpdate(context(digest), data, size) ? 0 : failed();
}

int digest_end(struct digest *digest, char *text)
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned int size, i;

	if (!EVP_DigestFinal_ex(context(digest), raw, &size))
		return failed();
	for (i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02x", raw[i]);
	return 0;
}

void digest_free(struct digest *digest)
{
	EVP_MD_CTX_free(context(digest));
}
