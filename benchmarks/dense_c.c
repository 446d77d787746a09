// Dense training, as fast as we can write it by hand: OpenBLAS in tiles that stay in the cache, fired neurons packed by
// AVX-512 or AVX2 (simd.h), everything after the threshold sparse. Compiled by compiled_c.py for rows of D coordinates,
// a multiple of 16, and a number of OUTPUTS.
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "simd.h"

// Vectors of a row that are summed in registers together.
enum { BLOCK = 8 };
typedef void (*Sgemm)(int, int, int, int64_t, int64_t, int64_t, float, const float *, int64_t, const float *, int64_t,
                      float, float *, int64_t);

typedef struct {
  void *sgemm;
  int64_t inputs, width, input_tile, neuron_tile, most_fired;
  float threshold, scale;
  int32_t threads;
} Task;

int lanes(void) { return LANES; }

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// Scores of a tile of neurons for a tile of inputs.
static void score(const Task *t, const float *x, int64_t inputs, const float *w, int64_t neurons, float *scores) {
  ((Sgemm)t->sgemm)(101, 111, 112, inputs, neurons, D, 1.f, x, D, w, D, 0.f, scores, neurons);
}

// Packs the neurons above the threshold; returns how many. Where `activations` is wanted they are packed too.
static int64_t pack(const float *scores, int64_t neurons, float threshold, int32_t first, int32_t *fired,
                    float *activations) {
  const Vector limit = all_of(threshold);
  Ids ids = ids_from(first);
  int64_t found = 0;
  for (int64_t j = 0; j < neurons; j += LANES, ids = next_ids(ids)) {
    const Vector z = subtract(load(scores + j), limit);
    const unsigned on = above_zero(z);
    pack_ids(fired + found, on, ids);
    if (activations) pack_floats(activations + found, on, z);
    found += __builtin_popcount(on);
  }
  return found;
}

// The one output of a tile of neurons.
static float sum_above(const float *scores, const float *a, int64_t neurons, float threshold) {
  const Vector limit = all_of(threshold);
  Vector sum = zeros();
  for (int64_t j = 0; j < neurons; j += LANES)
    sum = add_above_zero(subtract(load(scores + j), limit), load(a + j), sum);
  return sum_of(sum);
}

static void output_gradient(const float *f, float target, float *g) {
  if (OUTPUTS == 1) {
    g[0] = -target / (1.f + expf(target * f[0]));
    return;
  }
  float largest = f[0], sum = 0;
  for (int64_t k = 1; k < OUTPUTS; ++k) largest = f[k] > largest ? f[k] : largest;
  for (int64_t k = 0; k < OUTPUTS; ++k) sum += g[k] = expf(f[k] - largest);
  for (int64_t k = 0; k < OUTPUTS; ++k) g[k] = g[k] / sum - (k == (int64_t)target ? 1.f : 0.f);
}

static float weigh(const float *a, const float *g) {
  float sum = 0;
  for (int64_t k = 0; k < OUTPUTS; ++k) sum += a[k] * g[k];
  return sum;
}

static void add_scaled(float factor, const float *row, float *sum) {
  const Vector c = all_of(factor);
  for (int j = 0; j < D; j += LANES) store(sum + j, multiply_add(c, load(row + j), load(sum + j)));
}

// `vectors` vectors of sum += factor * row, for the fired rows; a constant, so that the sums stay in registers.
static inline __attribute__((always_inline)) void gather_block(const int vectors, const float *w, const float *factors,
                                                               const int32_t *fired, int64_t count, float *sum) {
  Vector s[BLOCK];
  for (int j = 0; j < vectors; ++j) s[j] = load(sum + LANES * j);
  for (int64_t h = 0; h < count; ++h) {
    const float *row = w + (int64_t)fired[h] * D;
    const Vector c = all_of(factors[h]);
    for (int j = 0; j < vectors; ++j) s[j] = multiply_add(c, load(row + LANES * j), s[j]);
  }
  for (int j = 0; j < vectors; ++j) store(sum + LANES * j, s[j]);
}

// sum += weighted rows of the fired neurons; `factors` has room for one number each.
static void gather(const float *w, const float *a, const float *g, const int32_t *fired, int64_t count, float *factors,
                   float *sum) {
  enum { STEP = BLOCK * LANES, LAST = D % STEP / LANES };
  for (int64_t h = 0; h < count; ++h) factors[h] = weigh(a + (int64_t)fired[h] * OUTPUTS, g);
  int j = 0;
  for (; j + STEP <= D; j += STEP) gather_block(BLOCK, w + j, factors, fired, count, sum + j);
  if (LAST) gather_block(LAST, w + j, factors, fired, count, sum + j);
}

// gradient[i] = d loss / d x_i up to the scale of f. With one output only the sign of its gradient matters, so a tile of
// neurons is gathered as soon as it is scored; with several all f come first, and what fired is kept for a second walk
// over the tiles. Returns 0 where more neurons fire than there is room for.
int attack_gradient(const Task *t, const float *x, const float *targets, const float *w, const float *a,
                    float *gradient) {
  enum { one = OUTPUTS == 1 };
  const int64_t room = (one ? t->neuron_tile : t->most_fired) + 16;
  int fits = 1;
#pragma omp parallel num_threads(t->threads)
  {
    float *scores = malloc((size_t)(t->input_tile * t->neuron_tile) * 4);
    int32_t *fired = malloc((size_t)((one ? 1 : t->input_tile) * room) * 4);
    float *activations = malloc((size_t)(t->neuron_tile + 16) * 4);
    int64_t *count = malloc((size_t)t->input_tile * 8);
    float *f = malloc((size_t)(t->input_tile * OUTPUTS) * 4);
#pragma omp for schedule(dynamic, 1)
    for (int64_t first = 0; first < t->inputs; first += t->input_tile) {
      const int64_t inputs = least(t->input_tile, t->inputs - first);
      memset(gradient + first * D, 0, (size_t)(inputs * D) * 4);
      memset(count, 0, (size_t)inputs * 8);
      memset(f, 0, (size_t)(inputs * OUTPUTS) * 4);
      for (int64_t r = 0; r < t->width; r += t->neuron_tile) {
        const int64_t neurons = least(t->neuron_tile, t->width - r);
        score(t, x + first * D, inputs, w + r * D, neurons, scores);
        for (int64_t i = 0; i < inputs; ++i) {
          if (one) {
            const float g = -targets[first + i];
            const int64_t found = pack(scores + i * neurons, neurons, t->threshold, (int32_t)r, fired, NULL);
            gather(w, a, &g, fired, found, activations, gradient + (first + i) * D);
            continue;
          }
          if (count[i] + neurons > t->most_fired) {
#pragma omp atomic write
            fits = 0;
            continue;
          }
          int32_t *own = fired + i * room + count[i];
          const int64_t found = pack(scores + i * neurons, neurons, t->threshold, (int32_t)r, own, activations);
          for (int64_t h = 0; h < found; ++h)
            for (int64_t k = 0; k < OUTPUTS; ++k)
              f[i * OUTPUTS + k] += activations[h] * a[own[h] * OUTPUTS + k];
          count[i] += found;
        }
      }
      if (one) continue;
      for (int64_t i = 0; i < inputs; ++i) {
        float g[OUTPUTS];
        for (int64_t k = 0; k < OUTPUTS; ++k) f[i * OUTPUTS + k] *= t->scale;
        output_gradient(f + i * OUTPUTS, targets[first + i], g);
        memcpy(f + i * OUTPUTS, g, (size_t)OUTPUTS * 4);
        fired[i * room + count[i]] = INT32_MAX;  // ends the walk
        count[i] = 0;
      }
      for (int64_t r = 0; r < t->width; r += t->neuron_tile)
        for (int64_t i = 0; i < inputs; ++i) {
          const int32_t *own = fired + i * room + count[i];
          int64_t found = 0;
          while (own[found] < r + t->neuron_tile) ++found;
          gather(w, a, f + i * OUTPUTS, own, found, activations, gradient + (first + i) * D);
          count[i] += found;
        }
    }
    free(scores), free(fired), free(activations), free(count), free(f);
  }
  return fits;
}

// w -= rate * gradient of the mean loss. Tiles of neurons are scored once; their fired pairs are kept for the update.
int update(const Task *t, const float *x, const float *targets, float *w, const float *a, float rate) {
  const int64_t n = t->inputs, tiles = (t->width + t->neuron_tile - 1) / t->neuron_tile;
  float *partial = calloc((size_t)(t->threads * n * OUTPUTS), 4), *g = malloc((size_t)(n * OUTPUTS) * 4);
  int32_t **fired = calloc((size_t)tiles, sizeof *fired), *counts = malloc((size_t)(tiles * n) * 4);
#pragma omp parallel num_threads(t->threads)
  {
    float *scores = malloc((size_t)(t->input_tile * t->neuron_tile) * 4);
    float *activations = malloc((size_t)(t->neuron_tile + 16) * 4);
    float *f = partial + omp_get_thread_num() * n * OUTPUTS;
#pragma omp for schedule(dynamic, 1)
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t r = tile * t->neuron_tile, neurons = least(t->neuron_tile, t->width - r);
      int64_t size = 0, room = 0;
      for (int64_t first = 0; first < n; first += t->input_tile) {
        const int64_t inputs = least(t->input_tile, n - first);
        score(t, x + first * D, inputs, w + r * D, neurons, scores);
        for (int64_t i = 0; i < inputs; ++i) {
          if (size + neurons + 16 > room) fired[tile] = realloc(fired[tile], (size_t)(room = 2 * room + 64 * neurons) * 4);
          int32_t *own = fired[tile] + size;
          enum { one = OUTPUTS == 1 };
          const int64_t found =
              pack(scores + i * neurons, neurons, t->threshold, (int32_t)r, own, one ? NULL : activations);
          if (one) f[first + i] += sum_above(scores + i * neurons, a + r, neurons, t->threshold);
          for (int64_t h = 0; !one && h < found; ++h)
            for (int64_t k = 0; k < OUTPUTS; ++k)
              f[(first + i) * OUTPUTS + k] += activations[h] * a[own[h] * OUTPUTS + k];
          counts[tile * n + first + i] = (int32_t)found;
          size += found;
        }
      }
    }
    free(scores), free(activations);
#pragma omp for schedule(static)
    for (int64_t i = 0; i < n; ++i) {
      float sum[OUTPUTS] = {0};
      for (int32_t thread = 0; thread < t->threads; ++thread)
        for (int64_t k = 0; k < OUTPUTS; ++k) sum[k] += partial[(thread * n + i) * OUTPUTS + k] * t->scale;
      output_gradient(sum, targets[i], g + i * OUTPUTS);
      for (int64_t k = 0; k < OUTPUTS; ++k) g[i * OUTPUTS + k] *= -rate * t->scale / (float)n;
    }
#pragma omp for schedule(dynamic, 1)
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int32_t *own = fired[tile];
      for (int64_t i = 0; i < n; ++i)
        for (int32_t h = 0; h < counts[tile * n + i]; ++h, ++own)
          add_scaled(weigh(a + *own * OUTPUTS, g + i * OUTPUTS), x + i * D, w + (int64_t)*own * D);
      free(fired[tile]);
    }
  }
  free(partial), free(g), free(fired), free(counts);
  return 1;
}
