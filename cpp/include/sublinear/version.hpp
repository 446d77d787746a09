/// @file
/// The version of the headers, in semantic versioning.
#pragma once

#define SUBLINEAR_VERSION_MAJOR 0
#define SUBLINEAR_VERSION_MINOR 1
#define SUBLINEAR_VERSION_PATCH 0
#define SUBLINEAR_VERSION_STRING "0.1.0"
