/* SPDX-License-Identifier: MIT
 *
 * The faults that [MC-NMF] and WCF know, by name.
 */
#include "nmf/nmf_internal.h"

#include <string.h>

static const char *const names[] = {
    "ConnectionDispatchFailed",
    "ContentTypeInvalid",
    "ContentTypeTooLong",
    "EndpointAccessDenied",
    "EndpointNotFound",
    "EndpointPaused",
    "EndpointUnavailable",
    "InvalidRecordSequence",
    "MaxMessageSizeExceededFault",
    "ServerTooBusy",
    "ServiceActivationFailed",
    "UnsupportedMode",
    "UnsupportedVersion",
    "UpgradeInvalid",
    "ViaTooLong",
};

const char *nns__nmf_fault_name(const char *uri)
{
    size_t prefix = strlen(NNS__NMF_FAULTS);

    if (strncmp(uri, NNS__NMF_FAULTS, prefix) != 0)
        return uri;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(uri + prefix, names[i]) == 0)
            return names[i];
    }
    return uri;
}
