/* SPDX-License-Identifier: MIT */
#include "hv/lib/version.h"

const char hv_changeset[] = "ryokan";
const char hv_compiler[] = "gcc " __VERSION__;
const char hv_compile_by[] = "ryokan";
const char hv_compile_domain[] = "localhost";
const char hv_compile_date[] = ""; /* builds repeat bit for bit, so none carries a date */

char hv_cmdline[1024];
