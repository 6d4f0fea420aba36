/* SPDX-License-Identifier: MIT
 *
 * No key stays in memory: all that this process can write is searched, what was freed too, for the
 * keys that a protection of "krb5" had.
 */
#include "frame/data_record.h"
#include "protect/krb5.h"
#include "protect/krb5_keys.h"
#include "support/check.h"
#include "support/memory.h"

#include <stdlib.h>
#include <string.h>

/* Searched for as they are not, so that the search does not find itself. */
struct keys {
    uint8_t protocol[NNS__CRYPT_KEY];
    struct nns__crypt_keys sent;
    struct nns__crypt_keys received;
};

static struct nns__mem mem;

static void derive(struct keys *keys, const struct nns__krb5_context *context)
{
    memcpy(keys->protocol, context->key, sizeof(keys->protocol));
    assert_int_equal(nns__crypt_keys_derive(&keys->sent, context->enctype, context->key,
                                            NNS__USAGE_ACCEPTOR_SEAL, true),
                     NNS_OK);
    assert_int_equal(nns__crypt_keys_derive(&keys->received, context->enctype, context->key,
                                            NNS__USAGE_INITIATOR_SEAL, true),
                     NNS_OK);
    memory_invert(keys, sizeof(*keys));
}

static size_t find_keys(const struct keys *keys, const struct nns__enctype *enctype)
{
    return memory_find_inverted(keys->protocol, enctype->key_size) +
           memory_find_inverted(keys->sent.cipher, enctype->key_size) +
           memory_find_inverted(keys->sent.integrity, enctype->hash_key_size) +
           memory_find_inverted(keys->received.cipher, enctype->key_size) +
           memory_find_inverted(keys->received.integrity, enctype->hash_key_size);
}

/* Seals one record, and fails to open it. */
static void use(struct nns__protection *p)
{
    struct nns__sealer *sealer = p->sealer;
    uint8_t slot[200] = {0};
    struct nns__plain plain;
    struct nns__failure f;

    assert_true(sealer->ops->seal(sealer, slot, sizeof(slot), 1, 10, 10, &f) > 0);
    slot[NNS__RECORD_HEADER + 2] ^= 1; /* as if the peer had sent it */
    assert_true(p->opener->ops->open(p->opener, slot, 1, &plain, &f) < 0);
}

static void check_type(int32_t type)
{
    struct nns__krb5_context context = {.enctype = nns__enctype_find(type), .conf = true};
    struct nns__protection p = {0};
    struct nns__failure f;
    struct keys keys;
    uint32_t seed = 99;

    for (size_t i = 0; i < context.enctype->key_size; i++)
        context.key[i] = (uint8_t)next_random(&seed);
    derive(&keys, &context);
    assert_int_not_equal(find_keys(&keys, context.enctype), 0); /* it sees the context's */
    assert_int_equal(nns__protect_krb5_new(&p, &mem, &context, &f), NNS_OK);
    nns__wipe(&context.key, sizeof(context.key));
    use(&p);
    assert_in_range(find_keys(&keys, context.enctype), 4, 100); /* it sees those that are in use */
    nns__protection_free(&p);
    assert_int_equal(find_keys(&keys, context.enctype), 0);
}

static void test_no_key_stays(void **state)
{
    (void)state;
    check_type(18);
    check_type(20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_key_stays)};

    if (nns__mem_init(&mem, NULL) != NNS_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
