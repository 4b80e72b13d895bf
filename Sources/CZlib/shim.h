#pragma once
#include <zlib.h>

// Macros of zlib that pass its version and the size of its stream along; Swift sees functions only.

static inline int martlet_deflateInit2(z_streamp stream, int level, int windowBits, int memoryLevel) {
  return deflateInit2(stream, level, Z_DEFLATED, windowBits, memoryLevel, Z_DEFAULT_STRATEGY);
}

static inline int martlet_inflateInit2(z_streamp stream, int windowBits) {
  return inflateInit2(stream, windowBits);
}
