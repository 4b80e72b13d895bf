#pragma once
#include <hiredis/hiredis.h>
#include <hiredis/read.h>
#include <stdlib.h>

#define MARTLET_STRINGIFY_(value) #value
#define MARTLET_STRINGIFY(value) MARTLET_STRINGIFY_(value)

/// The version of the headers; the library itself does not report one.
static inline const char *martlet_hiredis_version(void) {
  return MARTLET_STRINGIFY(HIREDIS_MAJOR) "." MARTLET_STRINGIFY(HIREDIS_MINOR) "." MARTLET_STRINGIFY(HIREDIS_PATCH);
}
