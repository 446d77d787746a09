/// @file
/// Which names a shared library shows.
#pragma once

/// What the application may use carries this mark; everything else stays hidden in a shared library. The build sets
/// SUBLINEAR_SHARED for a shared library and whoever links it; a static library shows nothing on behalf of whoever
/// contains it.
#if defined(SUBLINEAR_SHARED)
#define SUBLINEAR_API __attribute__((visibility("default")))
#else
#define SUBLINEAR_API
#endif
