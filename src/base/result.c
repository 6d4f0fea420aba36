/* SPDX-License-Identifier: MIT
 *
 * The names, classes and texts of the results, made from the one list in nns/result.h, the names
 * of the levels, and the version of the library.
 */
#include <nns/result.h>
#include <nns/version.h>

int nns_result_class(int result)
{
    switch (result) {
#define ROW(name, value, cls, text)                                                                \
    case value:                                                                                    \
        return NNS_CLASS_##cls;
        NNS_RESULT_MAP(ROW)
#undef ROW
    default:
        return result >= 0 ? NNS_CLASS_NONE : NNS_CLASS_INTERNAL;
    }
}

const char *nns_result_name(int result)
{
    switch (result) {
#define ROW(name, value, cls, text)                                                                \
    case value:                                                                                    \
        return #name;
        NNS_RESULT_MAP(ROW)
#undef ROW
    default:
        return result >= 0 ? "NNS_OK" : "unknown result";
    }
}

const char *nns_strerror(int result)
{
    switch (result) {
#define ROW(name, value, cls, text)                                                                \
    case value:                                                                                    \
        return text;
        NNS_RESULT_MAP(ROW)
#undef ROW
    default:
        return result >= 0 ? "success" : "unknown result";
    }
}

const char *nns_protection_name(nns_protection level)
{
    switch (level) {
    case NNS_PROTECT_NONE:
        return "none";
    case NNS_PROTECT_SIGN:
        return "sign";
    case NNS_PROTECT_SEAL:
        return "encrypt";
    default:
        return "unknown level";
    }
}

uint32_t nns_version_num(void)
{
    return NNS_VERSION_NUM;
}

const char *nns_version_string(void)
{
    return NNS_VERSION_STRING;
}
