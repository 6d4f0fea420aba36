/* SPDX-License-Identifier: MIT
 *
 * What every call of GSSAPI needs around it: a buffer made from const memory, release with
 * wiping, and the words for a status. Nothing here decides anything.
 */
#ifndef NNS_PROTECT_GSS_CALL_H
#define NNS_PROTECT_GSS_CALL_H

#include <gssapi/gssapi.h>
#include <stddef.h>

/* GSSAPI takes input buffers without const and does not free them. gss_unwrap() may rotate the
 * bytes of its input in place, so that must be writable memory. */
static inline gss_buffer_desc nns__gss_buffer(const void *data, size_t size)
{
    union {
        const void *in;
        void *out;
    } view = {.in = data};

    return (gss_buffer_desc){.length = size, .value = view.out};
}

/* Releases what a call with this major status put out. The bytes are wiped only after
 * GSS_S_COMPLETE: the length that a failed call leaves behind may be anything. */
void nns__gss_release(gss_buffer_t buffer, OM_uint32 major);

/* The mechanism's words for a failure, or GSSAPI's own where it has none; "" if nobody knows.
 * In the thread of the failed call, before any other call of GSSAPI. */
void nns__gss_words(char *text, size_t size, OM_uint32 major, OM_uint32 minor);

#endif
