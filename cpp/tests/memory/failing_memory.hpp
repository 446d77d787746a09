// Memory that runs out on purpose. One file of a program defines the replaced operators.
#pragma once

namespace sublinear::testing {

// From here on the k-th request for memory (k = 1, 2, ...), of whatever thread, fails; only that one.
void fail_request(long k) noexcept;
// No request fails any more. Whether one has since fail_request.
bool stop_failing() noexcept;

}  // namespace sublinear::testing
