/* SPDX-License-Identifier: MIT
 *
 * nns probe --adws: which of the endpoints of Active Directory Web Services ([MS-ADDM] 2.1) a
 * domain controller has.
 */
#ifndef TOOL_ADWS_H
#define TOOL_ADWS_H

#include "options.h"

#define ADWS_PORT "9389"

int adws_probe(const struct options *o, nns_config *cfg); /* the exit status */

#endif
