/* SPDX-License-Identifier: MIT
 *
 * DER (X.690) as far as a NegTokenInit needs it: one-byte tags, definite lengths in their shortest
 * form. No recursion: each level is one call.
 */
#include "auth/neg_token.h"

#include <string.h>

#define FRAME 0x60
#define OBJECT_IDENTIFIER 0x06
#define OCTET_STRING 0x04
#define SEQUENCE 0x30
#define CONTEXT(n) (uint8_t)(0xa0 | (n))

#define MECHANISMS_MOST 32 /* Windows offers four */

/* Bytes that are still to be read. */
struct span {
    const uint8_t *at;
    size_t size;
};

static const uint8_t spnego[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};
static const uint8_t ntlm[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a};
/* Its own, Microsoft's with the shifted bit, the one from before RFC 1964. */
static const uint8_t kerberos[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02};
static const uint8_t kerberos_shifted[] = {0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02};
static const uint8_t kerberos_old[] = {0x2b, 0x05, 0x01, 0x05, 0x02};

/* Reads the length behind a tag and moves *from past it. */
static bool read_length(struct span *from, size_t *length)
{
    size_t more, value = 0;

    if (from->size == 0)
        return false;
    more = from->at[0] & 0x7fu;
    if (from->at[0] < 0x80) {
        value = more;
        more = 0;
    } else if (more == 0 || more > 3 || more > from->size - 1) {
        return false;
    }
    for (size_t i = 1; i <= more; i++)
        value = value << 8 | from->at[i];
    if (more > 0 && (from->at[1] == 0 || value < 0x80))
        return false; /* not the shortest form */
    from->at += 1 + more;
    from->size -= 1 + more;
    *length = value;
    return true;
}

/* Takes the element with this tag off the front; *inside becomes its contents. */
static bool take(struct span *from, uint8_t tag, struct span *inside)
{
    struct span rest = *from;
    size_t length;

    if (rest.size == 0 || rest.at[0] != tag)
        return false;
    rest.at++;
    rest.size--;
    if (!read_length(&rest, &length) || length > rest.size)
        return false;
    *inside = (struct span){rest.at, length};
    *from = (struct span){rest.at + length, rest.size - length};
    return true;
}

/* The same for an element that may be left out. False: it is there and malformed. */
static bool skip(struct span *from, uint8_t tag)
{
    struct span inside;

    return from->size == 0 || from->at[0] != tag || take(from, tag, &inside);
}

/* The only element inside of an explicit tag. */
static bool take_wrapped(struct span *from, uint8_t outer, uint8_t inner, struct span *inside)
{
    struct span wrapped;

    return take(from, outer, &wrapped) && take(&wrapped, inner, inside) && wrapped.size == 0;
}

static bool is_oid(const struct span *oid, const uint8_t *bytes, size_t size)
{
    return oid->size == size && memcmp(oid->at, bytes, size) == 0;
}

static bool is_kerberos(const struct span *oid)
{
    return is_oid(oid, kerberos, sizeof(kerberos)) ||
           is_oid(oid, kerberos_shifted, sizeof(kerberos_shifted)) ||
           is_oid(oid, kerberos_old, sizeof(kerberos_old));
}

static bool read_mechanisms(struct nns__neg_token *ret, struct span list)
{
    for (int count = 0; list.size > 0; count++) {
        struct span oid;

        if (count == MECHANISMS_MOST || !take(&list, OBJECT_IDENTIFIER, &oid) || oid.size == 0)
            return false;
        ret->ntlm |= is_oid(&oid, ntlm, sizeof(ntlm));
        ret->kerberos |= is_kerberos(&oid);
        if (count == 0)
            ret->kerberos_first = ret->kerberos;
    }
    return true;
}

/* mechTypes [0], reqFlags [1], mechToken [2], mechListMIC [3] (Microsoft: negHints, and then
 * mechListMIC [4]). */
static bool read_init(struct nns__neg_token *ret, struct span init)
{
    struct span list, token = {NULL, 0};

    if (!take_wrapped(&init, CONTEXT(0), SEQUENCE, &list) || !read_mechanisms(ret, list) ||
        !skip(&init, CONTEXT(1)))
        return false;
    if (init.size > 0 && init.at[0] == CONTEXT(2) &&
        !take_wrapped(&init, CONTEXT(2), OCTET_STRING, &token))
        return false;
    ret->mic = init.size > 0;
    if (!skip(&init, CONTEXT(3)) || !skip(&init, CONTEXT(4)) || init.size != 0)
        return false;
    ret->token = token.at;
    ret->token_size = token.size;
    return true;
}

bool nns__neg_token_read(struct nns__neg_token *ret, const uint8_t *data, size_t size)
{
    struct span all = {data, size}, frame, oid, init;
    struct nns__neg_token found = {0};

    *ret = found;
    if (!take(&all, FRAME, &frame) || all.size != 0 || !take(&frame, OBJECT_IDENTIFIER, &oid) ||
        !is_oid(&oid, spnego, sizeof(spnego)))
        return false;
    if (!take_wrapped(&frame, CONTEXT(0), SEQUENCE, &init) || frame.size != 0 ||
        !read_init(&found, init))
        return false;
    *ret = found;
    return true;
}

/* negState [0], supportedMech [1], responseToken [2], mechListMIC [3] (RFC 4178 4.2.2). */
bool nns__neg_token_may_have_mic(const uint8_t *data, size_t size)
{
    struct span all = {data, size}, response;
    struct nns__neg_token init;

    if (size > 0 && data[0] == FRAME)
        return !nns__neg_token_read(&init, data, size) || init.mic;
    if (!take_wrapped(&all, CONTEXT(1), SEQUENCE, &response) || all.size != 0)
        return true;
    for (uint8_t n = 0; n < 3; n++) {
        if (!skip(&response, CONTEXT(n)))
            return true;
    }
    return response.size != 0;
}
