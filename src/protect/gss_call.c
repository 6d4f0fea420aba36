/* SPDX-License-Identifier: MIT
 *
 * Around the calls of GSSAPI.
 */
#include "protect/gss_call.h"

#include <stdio.h>
#include <string.h>

void nns__gss_release(gss_buffer_t buffer, OM_uint32 major)
{
    OM_uint32 minor;

    if (major == GSS_S_COMPLETE && buffer->value != NULL) {
        explicit_bzero(buffer->value, buffer->length);
        /* An empty signed record opens into a block of no bytes, and gss_release_buffer() takes a
         * length of 0 for nothing to free. */
        if (buffer->length == 0)
            buffer->length = 1;
    }
    (void)gss_release_buffer(&minor, buffer);
}

/* The first line for a status of one type (GSS_C_GSS_CODE, GSS_C_MECH_CODE). The mechanism may be
 * left out: MIT's library keeps, for each minor status it gave out, whose it is. */
static void display(char *text, size_t size, OM_uint32 status, int type)
{
    gss_buffer_desc words = GSS_C_EMPTY_BUFFER;
    OM_uint32 major, minor, more = 0;

    text[0] = '\0';
    major = gss_display_status(&minor, status, type, GSS_C_NO_OID, &more, &words);
    if (major == GSS_S_COMPLETE)
        (void)snprintf(text, size, "%.*s", (int)words.length, (const char *)words.value);
    nns__gss_release(&words, major);
}

void nns__gss_words(char *text, size_t size, OM_uint32 major, OM_uint32 minor)
{
    text[0] = '\0';
    if (minor != 0)
        display(text, size, minor, GSS_C_MECH_CODE);
    /* Kerberos has nothing to add to some failures; renumbered, its 0 is not 0. */
    if (text[0] == '\0' || strcmp(text, strerror(0)) == 0)
        display(text, size, major, GSS_C_GSS_CODE);
}
