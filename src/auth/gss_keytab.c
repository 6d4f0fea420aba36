/* SPDX-License-Identifier: MIT
 *
 * Reading a keytab to its end. Only its names are looked at, never a key.
 */
#include "auth/gss_keytab.h"

#include <string.h>

static bool is_called(krb5_context context, krb5_const_principal principal, const char *name)
{
    char *text = NULL;
    bool same;

    if (krb5_unparse_name(context, principal, &text) != 0)
        return false;
    same = strcmp(text, name) == 0;
    krb5_free_unparsed_name(context, text);
    return same;
}

/* The cursor is at the end only if there is nothing more to be read. */
static bool all_called(krb5_context context, krb5_keytab keytab, krb5_kt_cursor *cursor,
                       const char *name)
{
    krb5_keytab_entry entry;
    krb5_error_code error = 0;
    bool same = true;

    while (same && (error = krb5_kt_next_entry(context, keytab, &entry, cursor)) == 0) {
        same = is_called(context, entry.principal, name);
        (void)krb5_free_keytab_entry_contents(context, &entry);
    }
    return same && error == KRB5_KT_END;
}

bool nns__gss_keytab_has_only(krb5_context context, const char *keytab, const char *name)
{
    krb5_keytab opened = NULL;
    krb5_kt_cursor cursor;
    bool only = false;

    if (krb5_kt_resolve(context, keytab, &opened) != 0)
        return false;
    if (krb5_kt_start_seq_get(context, opened, &cursor) == 0) {
        only = all_called(context, opened, &cursor, name);
        (void)krb5_kt_end_seq_get(context, opened, &cursor);
    }
    (void)krb5_kt_close(context, opened);
    return only;
}
