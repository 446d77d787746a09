// What the processor and the system offer beyond the baseline of their architecture.
#pragma once

namespace sublinear {

// Asked of the processor itself: what compilers offer for it is always false with some runtime libraries.
struct ProcessorFeatures {
  bool avx2 = false;         // with FMA
  bool avx512 = false;       // F, BW, DQ and VL, on top of avx2
  bool avx512vnni = false;   // on top of avx512
  bool dot_product = false;  // of ARM: sdot
};

[[nodiscard]] ProcessorFeatures processor_features() noexcept;

}  // namespace sublinear
