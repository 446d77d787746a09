/// @file
/// The version of the headers, in semantic versioning.
#pragma once

/// Changes when programs have to be changed.
#define SUBLINEAR_VERSION_MAJOR 0
/// Changes with new features; before 1.0.0 also when programs have to be changed.
#define SUBLINEAR_VERSION_MINOR 1
/// Changes with corrections.
#define SUBLINEAR_VERSION_PATCH 0
/// The three, with points between them.
#define SUBLINEAR_VERSION_STRING "0.1.0"
