// Sums of rows; part of kernels_inl.hpp. Components are what is side by side in a register.

// A strip of kGroups lane groups of all rows: the sums stay in registers.
template <int kGroups, class T>
SUBLINEAR_INLINE void add_strip(const T* rows, const NeuronId* ids, const T* coefficients, Index count, Index d,
                                T* out) {
  Lanes<T> sum[kGroups];
  for (int g = 0; g < kGroups; ++g) sum[g] = load(out + g * Lanes<T>::kLanes);
  for (Index k = 0; k < count; ++k) {
    const T* row = rows + static_cast<Index>(ids[k]) * d;
    if (k + kRowsAhead < count) {
      const T* ahead = rows + static_cast<Index>(ids[k + kRowsAhead]) * d;
      for (int g = 0; g < kGroups; ++g) __builtin_prefetch(ahead + g * Lanes<T>::kLanes);
    }
    for (int g = 0; g < kGroups; ++g) add_scaled(sum[g], coefficients[k], load(row + g * Lanes<T>::kLanes));
  }
  for (int g = 0; g < kGroups; ++g) store(sum[g], out + g * Lanes<T>::kLanes);
}

template <class T>
void add_rows_kernel(const T* rows, const NeuronId* ids, const T* coefficients, Index count, Index d, T* out) {
  constexpr Index kLanes = Lanes<T>::kLanes;
  constexpr int kGroups = SUBLINEAR_VECTOR_BYTES == 16 && !kManyRegisters ? 2 : 4;
  Index j = 0;
  for (; j + kGroups * kLanes <= d; j += kGroups * kLanes)
    add_strip<kGroups>(rows + j, ids, coefficients, count, d, out + j);
  for (; j + kLanes <= d; j += kLanes) add_strip<1>(rows + j, ids, coefficients, count, d, out + j);
  if (j < d) {
    Lanes<T> sum = load_some(out + j, d - j);
    for (Index k = 0; k < count; ++k)
      add_scaled(sum, coefficients[k], load_some(rows + static_cast<Index>(ids[k]) * d + j, d - j));
    store_some(sum, out + j, d - j);
  }
}

// The same strip of kOutputs sums, each with coefficients of its own: rows are loaded once for all.
template <int kOutputs, int kGroups, class T>
SUBLINEAR_INLINE void add_strip_to_each(const T* rows, const NeuronId* ids, const T* coefficients, Index count,
                                        Index outputs, Index d, T* out) {
  constexpr Index kLanes = Lanes<T>::kLanes;
  Lanes<T> sum[kOutputs][kGroups];
  for (int o = 0; o < kOutputs; ++o)
    for (int g = 0; g < kGroups; ++g) sum[o][g] = load(out + o * d + g * kLanes);
  for (Index k = 0; k < count; ++k) {
    const T* const row = rows + static_cast<Index>(ids[k]) * d;
    for (int g = 0; g < kGroups; ++g) {
      const Lanes<T> shared = load(row + g * kLanes);
      for (int o = 0; o < kOutputs; ++o) add_scaled(sum[o][g], coefficients[k * outputs + o], shared);
    }
  }
  for (int o = 0; o < kOutputs; ++o)
    for (int g = 0; g < kGroups; ++g) store(sum[o][g], out + o * d + g * kLanes);
}

template <int kOutputs, class T>
SUBLINEAR_INLINE void add_rows_to_some(const T* rows, const NeuronId* ids, const T* coefficients, Index count,
                                       Index outputs, Index d, T* out) {
  constexpr Index kLanes = Lanes<T>::kLanes;
  constexpr int kGroups = SUBLINEAR_VECTOR_BYTES / 16;
  Index j = 0;
  for (; j + kGroups * kLanes <= d; j += kGroups * kLanes)
    add_strip_to_each<kOutputs, kGroups>(rows + j, ids, coefficients, count, outputs, d, out + j);
  for (; j + kLanes <= d; j += kLanes)
    add_strip_to_each<kOutputs, 1>(rows + j, ids, coefficients, count, outputs, d, out + j);
  if (j == d) return;
  for (int o = 0; o < kOutputs; ++o) {
    Lanes<T> sum = load_some(out + o * d + j, d - j);
    for (Index k = 0; k < count; ++k)
      add_scaled(sum, coefficients[k * outputs + o], load_some(rows + static_cast<Index>(ids[k]) * d + j, d - j));
    store_some(sum, out + o * d + j, d - j);
  }
}

template <class T>
void add_rows_to_each_kernel(const T* rows, const NeuronId* ids, const T* coefficients, Index count, Index outputs,
                             Index d, T* out) {
  constexpr int kTogether = kManyRegisters ? 4 : 2;  // with kGroups their sums fill half the registers
  Index o = 0;
  for (; o + kTogether <= outputs; o += kTogether)
    add_rows_to_some<kTogether>(rows, ids, coefficients + o, count, outputs, d, out + o * d);
  for (; o < outputs; ++o) add_rows_to_some<1>(rows, ids, coefficients + o, count, outputs, d, out + o * d);
}

// Each row goes onto `groups` sums of its own: rows are loaded once for all, and a strip of all sums stays in the
// cache.
template <class T>
void scatter_rows_kernel(const T* rows, const NeuronId* ids, const std::int32_t* sums_of, const T* coefficients,
                         Index count, Index groups, Index d, T* sums) {
  constexpr Index kLanes = Lanes<T>::kLanes, kStripGroups = 8;
  for (Index j = 0; j < d; j += kStripGroups * kLanes) {
    const Index end = j + kStripGroups * kLanes < d ? j + kStripGroups * kLanes : d;
    for (Index k = 0; k < count; ++k) {
      const T* const row = rows + static_cast<Index>(ids[k]) * d;
      if (k + kRowsAhead < count)
        for (Index i = j; i < end; i += kLanes)
          __builtin_prefetch(rows + static_cast<Index>(ids[k + kRowsAhead]) * d + i);
      for (Index g = 0; g < groups; ++g) {
        const T coefficient = coefficients[k * groups + g];
        T* const sum = sums + sums_of[k * groups + g] * d;
        Index i = j;
        for (; i + kLanes <= end; i += kLanes) {
          Lanes<T> own = load(sum + i);
          add_scaled(own, coefficient, load(row + i));
          store(own, sum + i);
        }
        if (i == end) continue;
        Lanes<T> own = load_some(sum + i, end - i);
        add_scaled(own, coefficient, load_some(row + i, end - i));
        store_some(own, sum + i, end - i);
      }
    }
  }
}
