/* SPDX-License-Identifier: MIT
 *
 * The cipher work with libcrypto, one text after the other; krb5_mb.c is asked first, and takes
 * from the front what it does faster, then krb5_ni.c. An algorithm is looked up once a
 * process and keyed once an object; a text then costs an initial vector, two passes over its bytes
 * and no lookup. Ciphertext stealing is libcrypto's own (CBC-CS3): one update a text.
 */
#include "protect/krb5_crypt.h"

#include "protect/krb5_mb.h"
#include "protect/krb5_ni.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <string.h>

struct nns__crypt {
    struct nns__mem mem;
    struct nns__crypt_keys keys;
    EVP_CIPHER_CTX *cipher; /* keyed, or NULL */
    EVP_MAC_CTX *mac;       /* keyed, or NULL: it is resting */
    struct nns__mb *mb;     /* of batches; NULL: it is resting */
    struct nns__ni *ni;     /* the same */
};

static const uint8_t zeros[NNS__CRYPT_BLOCK];

/* ---- what the process shares ---- */

static struct {
    pthread_once_t once;
    EVP_CIPHER *aes128;
    EVP_CIPHER *aes256;
    EVP_MAC *hmac;
} shared = {.once = PTHREAD_ONCE_INIT};

/* Looking up takes locks and allocates. What was found is never given back: other threads may be
 * at work when the process ends. libcrypto would pull its tables from under them in exit(), unless
 * whoever uses it first tells it not to. */
static void look_up(void)
{
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    shared.aes128 = EVP_CIPHER_fetch(NULL, "AES-128-CBC-CTS", NULL);
    shared.aes256 = EVP_CIPHER_fetch(NULL, "AES-256-CBC-CTS", NULL);
    shared.hmac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
}

bool nns__crypt_works(void)
{
    (void)pthread_once(&shared.once, look_up);
    return shared.aes128 != NULL && shared.aes256 != NULL && shared.hmac != NULL;
}

/* ---- keying ---- */

/* A string parameter of libcrypto, which takes it without const and does not change it. */
static OSSL_PARAM text_param(const char *key, const char *text)
{
    union {
        const char *in;
        char *out;
    } view = {.in = text};

    return OSSL_PARAM_construct_utf8_string(key, view.out, 0);
}

static const char *digest_name(enum nns__crypt_hash hash)
{
    switch (hash) {
    case NNS__CRYPT_SHA256:
        return "SHA256";
    case NNS__CRYPT_SHA384:
        return "SHA384";
    case NNS__CRYPT_SHA1:
    default:
        return "SHA1";
    }
}

static bool key_mac(struct nns__crypt *c)
{
    const struct nns__enctype *enctype = c->keys.enctype;
    const OSSL_PARAM params[] = {
        text_param(OSSL_MAC_PARAM_DIGEST, digest_name(enctype->hash)),
        OSSL_PARAM_construct_end(),
    };

    c->mac = EVP_MAC_CTX_new(shared.hmac);
    return c->mac != NULL &&
           EVP_MAC_init(c->mac, c->keys.integrity, enctype->hash_key_size, params) == 1;
}

static bool key_cipher(struct nns__crypt *c, int encrypt)
{
    const EVP_CIPHER *aes = c->keys.enctype->key_size == 16 ? shared.aes128 : shared.aes256;
    const OSSL_PARAM params[] = {
        text_param(OSSL_CIPHER_PARAM_CTS_MODE, OSSL_CIPHER_CTS_MODE_CS3),
        OSSL_PARAM_construct_end(),
    };

    c->cipher = EVP_CIPHER_CTX_new();
    return c->cipher != NULL &&
           EVP_CipherInit_ex2(c->cipher, aes, c->keys.cipher, zeros, encrypt, params) == 1;
}

/* Before the first text, and the first after a rest. */
static int wake(struct nns__crypt *c, int encrypt)
{
    if (c->mac != NULL)
        return NNS_OK;
    if (key_mac(c) && (!c->keys.conf || key_cipher(c, encrypt)))
        return NNS_OK;
    nns__crypt_rest(c);
    return NNS_ERR_NOMEM;
}

/* ---- one text ---- */

/* The whole HMAC, of which a token has the front. */
static bool make_mac(struct nns__crypt *c, const uint8_t *bytes, size_t size,
                     uint8_t mac[EVP_MAX_MD_SIZE])
{
    size_t written;

    return EVP_MAC_init(c->mac, NULL, 0, NULL) == 1 && EVP_MAC_update(c->mac, bytes, size) == 1 &&
           EVP_MAC_final(c->mac, mac, &written, EVP_MAX_MD_SIZE) == 1;
}

/* The MAC of a text as it stands: of plaintext, or by RFC 8009 5.2 of the initial vector and the
 * ciphertext. */
static bool mac_text(struct nns__crypt *c, const struct nns__text *text,
                     uint8_t mac[EVP_MAX_MD_SIZE])
{
    if (!c->keys.conf || !c->keys.enctype->encrypt_then_mac)
        return make_mac(c, text->bytes, text->size, mac);
    memset(text->bytes - NNS__CRYPT_BLOCK, 0, NNS__CRYPT_BLOCK);
    return make_mac(c, text->bytes - NNS__CRYPT_BLOCK, NNS__CRYPT_BLOCK + text->size, mac);
}

/* In place, in the direction that it was keyed for. */
static bool apply_cipher(struct nns__crypt *c, const struct nns__text *text)
{
    int written = 0;

    return EVP_CipherInit_ex2(c->cipher, NULL, NULL, zeros, -1, NULL) == 1 &&
           EVP_CipherUpdate(c->cipher, text->bytes, &written, text->bytes, (int)text->size) == 1 &&
           (size_t)written == text->size;
}

static bool seal_text(struct nns__crypt *c, const struct nns__text *text)
{
    bool mac_first = !c->keys.conf || !c->keys.enctype->encrypt_then_mac;
    uint8_t mac[EVP_MAX_MD_SIZE];

    if (mac_first && !mac_text(c, text, mac))
        return false;
    if (c->keys.conf && !apply_cipher(c, text))
        return false;
    if (!mac_first && !mac_text(c, text, mac))
        return false;
    memcpy(text->bytes + text->size, mac, c->keys.enctype->tag_size);
    return true;
}

/* False in *good: it is not what its tag says. What was decrypted then is wiped. */
static bool open_text(struct nns__crypt *c, const struct nns__text *text, bool *good)
{
    bool mac_first = !c->keys.conf || c->keys.enctype->encrypt_then_mac;
    uint8_t mac[EVP_MAX_MD_SIZE];

    *good = false;
    if (!mac_first && !apply_cipher(c, text))
        return false;
    if (!mac_text(c, text, mac))
        return false;
    *good = CRYPTO_memcmp(mac, text->bytes + text->size, c->keys.enctype->tag_size) == 0;
    if (!*good)
        nns__wipe(text->bytes, text->size);
    return !*good || !c->keys.conf || !mac_first || apply_cipher(c, text);
}

/* ---- the contract ---- */

int nns__crypt_new(struct nns__crypt **ret, const struct nns__mem *mem,
                   const struct nns__crypt_keys *keys)
{
    struct nns__crypt *c;

    if (!nns__crypt_works() || (c = nns__alloc(mem, sizeof(*c))) == NULL)
        return NNS_ERR_NOMEM;
    c->mem = *mem;
    c->keys = *keys;
    *ret = c;
    return NNS_OK;
}

/* What is faster than libcrypto seals from the front, and answers how many. INTERNAL. */
static nns_ssize seal_faster(struct nns__crypt *c, const struct nns__text *texts, size_t count)
{
    nns_ssize done;

    if (c->keys.one_by_one)
        return 0;
    done = nns__mb_seal(&c->mb, &c->mem, &c->keys, texts, count);
    if (done < 0 || (size_t)done == count)
        return done;
    return done +
           (nns_ssize)nns__ni_seal(&c->ni, &c->mem, &c->keys, texts + done, count - (size_t)done);
}

/* The same for opening; *good of them are good, and if that is fewer, the next is bad. */
static nns_ssize open_faster(struct nns__crypt *c, const struct nns__text *texts, size_t count,
                             size_t *good)
{
    size_t more;
    nns_ssize done;

    *good = 0;
    if (c->keys.one_by_one)
        return 0;
    done = nns__mb_open(&c->mb, &c->mem, &c->keys, texts, count, good);
    if (done < 0 || *good < (size_t)done || *good == count)
        return done;
    done += (nns_ssize)nns__ni_open(&c->ni, &c->mem, &c->keys, texts + *good, count - *good, &more);
    *good += more;
    return done;
}

int nns__crypt_seal(struct nns__crypt *c, const struct nns__text *texts, size_t count)
{
    nns_ssize done = seal_faster(c, texts, count);
    int rc;

    if (done < 0 || (size_t)done == count)
        return done < 0 ? (int)done : NNS_OK;
    rc = wake(c, 1);
    for (size_t i = (size_t)done; rc == NNS_OK && i < count; i++) {
        if (!seal_text(c, &texts[i]))
            rc = NNS_ERR_INTERNAL;
    }
    return rc;
}

nns_ssize nns__crypt_open(struct nns__crypt *c, const struct nns__text *texts, size_t count)
{
    size_t good;
    nns_ssize done = open_faster(c, texts, count, &good);
    int rc;

    if (done < 0 || good < (size_t)done || good == count)
        return done < 0 ? done : (nns_ssize)good;
    rc = wake(c, 0);
    if (rc != NNS_OK)
        return rc;
    for (size_t i = good; i < count; i++) {
        bool right;

        if (!open_text(c, &texts[i], &right))
            return NNS_ERR_INTERNAL;
        if (!right)
            return (nns_ssize)i;
    }
    return (nns_ssize)count;
}

void nns__crypt_rest(struct nns__crypt *c)
{
    nns__mb_rest(&c->mb, &c->mem);
    nns__ni_rest(&c->ni, &c->mem);
    EVP_CIPHER_CTX_free(c->cipher); /* both wipe what they hold */
    EVP_MAC_CTX_free(c->mac);
    c->cipher = NULL;
    c->mac = NULL;
}

void nns__crypt_free(struct nns__crypt *c)
{
    struct nns__mem mem;

    if (c == NULL)
        return;
    mem = c->mem;
    nns__crypt_rest(c);
    nns__free_wiped(&mem, c, sizeof(*c));
}
