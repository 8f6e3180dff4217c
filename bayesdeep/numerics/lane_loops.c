/* Loops over rows, and over coefficients, for many lanes at once. bayesdeep.numerics.lane_loops says what those over rows do and has
   the same in NumPy; bayesdeep.numerics.sparse_factors says what those over coefficients do.

   Arrays are contiguous doubles, (row, lane) unless said otherwise. The exponential and the logarithm are those of vector_math.py,
   without branches, so that a compiler turns the loops into vector instructions. Nothing here may be compiled with licence to
   reorder sums or to leave out infinities and NaNs. */

#include <stdint.h>
#include <string.h>

typedef double real;

static inline int64_t bits_of(real x) { int64_t b; memcpy(&b, &x, sizeof b); return b; }
static inline real real_of(int64_t b) { real x; memcpy(&x, &b, sizeof x); return x; }

#define INVERSE_LN2 1.4426950408889634
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define ROUNDER 6755399441055744.0 /* 1.5 * 2^52 */

/* exp(x); 0 below -708, where results are no normal numbers, and infinity above 709.78. */
static inline real exponential(real x)
{
    real y = x < -708.0 ? -708.0 : x;
    y = y > 709.9 ? 709.9 : y;
    real shifted = y * INVERSE_LN2 + ROUNDER;
    real octaves = shifted - ROUNDER;
    real r = (y - octaves * LN2_HIGH) - octaves * LN2_LOW;
    real p = 1.0 / 40320 + r * (1.0 / 362880 + r * (1.0 / 3628800 + r * (1.0 / 39916800 + r * (1.0 / 479001600 + r * (1.0 / 6227020800)))));
    p = 1.0 / 2 + r * (1.0 / 6 + r * (1.0 / 24 + r * (1.0 / 120 + r * (1.0 / 720 + r * (1.0 / 5040 + r * p)))));
    p = 1.0 + (r + r * r * p);
    /* A power of two in two steps, so that the largest results do not overflow on the way. */
    real found = p * real_of((bits_of(shifted) + 1022) << 52) * 2.0;
    return x < -708.0 ? 0.0 : found;
}

/* log(1 + t) for t in [0, 1]. */
static inline real log_one_plus(real t)
{
    real far = t > 0.41421356237309503 ? 1.0 : 0.0;
    real u = t > 0.41421356237309503 ? (t - 1.0) * 0.5 : t;
    real s = u / (2.0 + u);
    real z = s * s;
    real tail = z * (6.666666666666735130e-01 + z * (3.999999999940941908e-01 + z * (2.857142874366239149e-01 +
        z * (2.222219843214978396e-01 + z * (1.818357216161805012e-01 + z * (1.531383769920937332e-01 + z * 1.479819860510658591e-01))))));
    return ((2.0 * s + s * tail) + far * LN2_LOW) + far * LN2_HIGH;
}

/* One stretch of numbers that share y, trials and, with `step` 0, base; `more` adds to trials and `shift` is taken off eta by
   lane. With `step` 1 these are arrays by number: a single lane, whose stretch are the rows. */
#define LOGISTIC(Y, TOTAL, BASE)                                              \
    for (int64_t k = 0; k < count; k++) {                                     \
        real x = eta[k] - (shift ? shift[k] : 0.0), y_ = Y, n = TOTAL;        \
        real a = x < 0.0 ? x : -x;                                            \
        real t = exponential(a);                                              \
        real positive = x < 0.0 ? 0.0 : x;                                    \
        value[k] = (y_ * x - n * (positive + log_one_plus(t))) + BASE;        \
        if (order > 0) {                                                      \
            real small = 1.0 / (1.0 + t), other = t * small;                  \
            slope[k] = y_ - n * (x < 0.0 ? other : small);                    \
            if (order > 1) second[k] = -n * (small * other);                  \
        }                                                                     \
    }

#define ORDERS(LOOP)                                                          \
    if (order == 0) { const int order = 0; LOOP }                             \
    else if (order == 1) { const int order = 1; LOOP }                        \
    else { const int order = 2; LOOP }

static void logistic_rows(int64_t count, int order, const real *restrict eta, const real *restrict ys, const real *restrict trials,
                          const real *restrict base, real *restrict value, real *restrict slope, real *restrict second)
{
    const real *shift = 0;
    ORDERS(LOGISTIC(ys[k], trials[k], base[k]))
}

static void logistic_lanes(int64_t count, int order, const real *restrict eta, real y, real trials, real base,
                           real *restrict value, real *restrict slope, real *restrict second)
{
    const real *shift = 0;
    ORDERS(LOGISTIC(y, trials, base))
}

static void logistic_shifted(int64_t count, int order, const real *restrict eta, real y, const real *restrict shift,
                             const real *restrict more, const real *restrict base, real *restrict value, real *restrict slope,
                             real *restrict second)
{
    ORDERS(LOGISTIC(y, y + more[k], base[k]))
}

void bayesdeep_logistic(int64_t rows, int64_t lanes, int64_t order, const real *eta, const real *y, const real *trials,
                        const real *base, real *value, real *slope, real *second)
{
    if (lanes == 1) {
        logistic_rows(rows, (int)order, eta, y, trials, base, value, slope, second);
        return;
    }
    for (int64_t i = 0; i < rows; i++) {
        int64_t at = i * lanes;
        logistic_lanes(lanes, (int)order, eta + at, y[i], trials[i], base[i], value + at, slope + at, second + at);
    }
}

/* Trials are y + more (lane), and base (different y, lane) is found by place (row). */
void bayesdeep_logistic_shifted(int64_t rows, int64_t lanes, int64_t order, const real *eta, const real *y, const real *shift,
                                const real *more, const real *base, const int64_t *place, real *value, real *slope, real *second)
{
    for (int64_t i = 0; i < rows; i++) {
        int64_t at = i * lanes;
        logistic_shifted(lanes, (int)order, eta + at, y[i], shift, more, base + place[i] * lanes, value + at, slope + at,
                         second + at);
    }
}

static void counts(int64_t count, int order, const real *restrict eta, const real *restrict ys, real own, const real *restrict bases,
                   real base, real *restrict value, real *restrict slope, real *restrict second)
{
#define COUNTS(Y, BASE)                                                       \
    for (int64_t k = 0; k < count; k++) {                                     \
        real mean = exponential(eta[k]), y_ = Y;                              \
        value[k] = (y_ * eta[k] - mean) - BASE;                               \
        if (order > 0) slope[k] = y_ - mean;                                  \
        if (order > 1) second[k] = -mean;                                     \
    }
    if (ys) { ORDERS(COUNTS(ys[k], bases[k])) }
    else { ORDERS(COUNTS(own, base)) }
}

void bayesdeep_counts(int64_t rows, int64_t lanes, int64_t order, const real *eta, const real *y, const real *base, real *value,
                      real *slope, real *second)
{
    if (lanes == 1) {
        counts(rows, (int)order, eta, y, 0.0, base, 0.0, value, slope, second);
        return;
    }
    for (int64_t i = 0; i < rows; i++) {
        int64_t at = i * lanes;
        counts(lanes, (int)order, eta + at, 0, y[i], 0, base[i], value + at, slope + at, second + at);
    }
}

static void slices(int64_t count, int order, const real *restrict eta, const real *restrict upper, const real *restrict lower,
                   const real *restrict base, real *restrict value, real *restrict slope, real *restrict second)
{
#define SLICES                                                                \
    for (int64_t k = 0; k < count; k++) {                                     \
        real u = upper[k] - eta[k], l = lower[k] - eta[k];                    \
        real above = exponential(u < 0.0 ? u : -u), below = exponential(l < 0.0 ? l : -l); \
        real under = u < 0.0 ? u : 0.0, over = l < 0.0 ? 0.0 : l;             \
        value[k] = base[k] - log_one_plus(above) - log_one_plus(below) + (under - over); \
        if (order > 0) {                                                      \
            real a = 1.0 / (1.0 + above), b = 1.0 / (1.0 + below);            \
            slope[k] = ((u < 0.0 ? above * a : a) + (l < 0.0 ? below * b : b)) - 1.0; \
            if (order > 1) second[k] = -above * (a * a) - below * (b * b);    \
        }                                                                     \
    }
    ORDERS(SLICES)
}

/* Slice k lies between the k-th and the next of at (slice + 1, lane); base is (slice, lane). */
void bayesdeep_slices(int64_t rows, int64_t lanes, int64_t order, const real *eta, const real *at, const real *base,
                      const int64_t *place, real *value, real *slope, real *second)
{
    for (int64_t i = 0; i < rows; i++) {
        int64_t from = i * lanes, own = place[i] * lanes;
        slices(lanes, (int)order, eta + from, at + own + lanes, at + own, base + own, value + from, slope + from, second + from);
    }
}

/* found (row, lane) += matrix (row, column), compressed by rows, times x (column, lane); eight lanes stay in registers. */
void bayesdeep_add_product(int64_t rows, int64_t lanes, const int32_t *starts, const int32_t *columns, const real *restrict values,
                           const real *restrict x, real *restrict found)
{
    for (int64_t i = 0; i < rows; i++) {
        real *restrict out = found + i * lanes;
        int64_t b = 0;
        for (; b + 8 <= lanes; b += 8) {
            real sum[8];
            for (int j = 0; j < 8; j++) sum[j] = out[b + j];
            for (int32_t e = starts[i]; e < starts[i + 1]; e++) {
                const real *restrict from = x + columns[e] * lanes + b;
                for (int j = 0; j < 8; j++) sum[j] += values[e] * from[j];
            }
            for (int j = 0; j < 8; j++) out[b + j] = sum[j];
        }
        for (; b < lanes; b++) {
            real sum = out[b];
            for (int32_t e = starts[i]; e < starts[i + 1]; e++) sum += values[e] * x[columns[e] * lanes + b];
            out[b] = sum;
        }
    }
}

/* Sparse symmetric systems with one pattern for all lanes: L D L' with unit lower L, compressed by columns. Lanes are worked on in
   blocks of 8, 4 or 1; a block's entries of L lie together, (entry, lane of the block). All else is (coefficient, lane). */

typedef struct {
    int64_t size, entries;
    const int32_t *starts, *rows;                 /* of L by columns, rows ascending */
    const int32_t *row_starts, *positions, *column; /* by row, where its entries lie in L; and the column of each entry */
    const int32_t *sums, *prior;                  /* where an entry's two summands are found, or -1 */
    const int32_t *own_sums, *own_prior;          /* the same of the diagonal */
} pattern;

#define LANES for (int l = 0; l < W; l++)
#define INLINE static inline __attribute__((always_inline))

INLINE void factor_block(const int W, const pattern *is, int64_t lanes, const real *sums, const real *prior, const real *right,
                         real *restrict lower, real *restrict spread, real *restrict ahead, real *restrict mantissa,
                         real *restrict exponent, real *restrict work)
{
    real *restrict w = work, *restrict pivots = work + is->size * W, *restrict forward = work + 2 * is->size * W;
    real product[8], powers[8];
    LANES { product[l] = 1.0; powers[l] = 0.0; }
    for (int64_t j = 0; j < is->size; j++) {
        real d[8], y[8];
        LANES { d[l] = 0.0; y[l] = right[j * lanes + l]; }
        if (is->own_sums[j] >= 0) LANES d[l] += sums[is->own_sums[j] * lanes + l];
        if (is->own_prior[j] >= 0) LANES d[l] += prior[is->own_prior[j] * lanes + l];
        const int32_t begin = is->starts[j], end = is->starts[j + 1];
        for (int32_t q = begin; q < end; q++) {
            real *restrict to = w + is->rows[q] * W;
            if (is->sums[q] >= 0) LANES to[l] = sums[is->sums[q] * lanes + l];
            else LANES to[l] = 0.0;
            if (is->prior[q] >= 0) LANES to[l] += prior[is->prior[q] * lanes + l];
        }
        for (int32_t r = is->row_starts[j]; r < is->row_starts[j + 1]; r++) {
            const int32_t p = is->positions[r], k = is->column[p], last = is->starts[k + 1];
            const real *restrict entry = lower + (int64_t)p * W;
            real c[8];
            LANES {
                c[l] = entry[l] * pivots[k * W + l];
                d[l] -= entry[l] * c[l];
                y[l] -= entry[l] * forward[k * W + l];
            }
            for (int32_t q = p + 1; q < last; q++) {
                const real *restrict from = lower + (int64_t)q * W;
                real *restrict to = w + is->rows[q] * W;
                LANES to[l] -= from[l] * c[l];
            }
        }
        real inverse[8];
        LANES {
            inverse[l] = 1.0 / d[l];
            pivots[j * W + l] = d[l];
            forward[j * W + l] = y[l];
            spread[j * lanes + l] = __builtin_sqrt(inverse[l]);
            ahead[j * lanes + l] = y[l] * inverse[l];
            /* The pivots' product, its power of two apart. */
            int64_t b = bits_of(product[l] * d[l]);
            powers[l] += (real)((b >> 52) & 2047) - 1023.0;
            product[l] = real_of((b & ~((int64_t)2047 << 52)) | ((int64_t)1023 << 52));
        }
        for (int32_t q = begin; q < end; q++) {
            const real *restrict from = w + is->rows[q] * W;
            real *restrict to = lower + (int64_t)q * W;
            LANES to[l] = from[l] * inverse[l];
        }
    }
    LANES { mantissa[l] = product[l]; exponent[l] = powers[l]; }
}

INLINE void back_block(const int W, const pattern *is, int64_t lanes, const real *lower, const real *spread, const real *ahead,
                       const real *z, const real *stretch, real *restrict x, real *restrict work)
{
    for (int64_t j = is->size - 1; j >= 0; j--) {
        real sum[8];
        LANES sum[l] = ahead[j * lanes + l];
        if (z) {
            const real wide = stretch ? stretch[j] : 1.0;
            LANES sum[l] += spread[j * lanes + l] * (wide * z[j * lanes + l]);
        }
        for (int32_t q = is->starts[j]; q < is->starts[j + 1]; q++) {
            const real *restrict entry = lower + (int64_t)q * W, *restrict from = work + is->rows[q] * W;
            LANES sum[l] -= entry[l] * from[l];
        }
        LANES { work[j * W + l] = sum[l]; x[j * lanes + l] = sum[l]; }
    }
}

INLINE void white_block(const int W, const pattern *is, int64_t lanes, const real *lower, const real *spread, const real *stretch,
                        real *restrict g, real *restrict work)
{
    for (int64_t j = 0; j < is->size; j++) LANES work[j * W + l] = g[j * lanes + l];
    for (int64_t j = 0; j < is->size; j++) {
        real own[8];
        const real wide = stretch ? stretch[j] : 1.0;
        LANES { own[l] = work[j * W + l]; g[j * lanes + l] = own[l] * spread[j * lanes + l] * wide; }
        for (int32_t q = is->starts[j]; q < is->starts[j + 1]; q++) {
            const real *restrict entry = lower + (int64_t)q * W;
            real *restrict to = work + is->rows[q] * W;
            LANES to[l] -= entry[l] * own[l];
        }
    }
}

INLINE void noise_block(const int W, const pattern *is, int64_t lanes, const real *lower, const real *spread, const real *ahead,
                        const real *stretch, const real *x, real *restrict z)
{
    for (int64_t j = 0; j < is->size; j++) {
        real sum[8];
        const real wide = stretch ? stretch[j] : 1.0;
        LANES sum[l] = x[j * lanes + l] - ahead[j * lanes + l];
        for (int32_t q = is->starts[j]; q < is->starts[j + 1]; q++) {
            const real *restrict entry = lower + (int64_t)q * W, *restrict from = x + is->rows[q] * lanes;
            LANES sum[l] += entry[l] * from[l];
        }
        LANES z[j * lanes + l] = sum[l] / (spread[j * lanes + l] * wide);
    }
}

#define IN_BLOCKS(CALL)                                                       \
    {                                                                         \
        int64_t b = 0;                                                        \
        for (; b + 8 <= lanes; b += 8) { enum { W = 8 }; CALL }               \
        for (; b + 4 <= lanes; b += 4) { enum { W = 4 }; CALL }               \
        for (; b < lanes; b++) { enum { W = 1 }; CALL }                       \
    }

/* `right` is what the system is solved for; `spread` becomes D^-1/2 and `ahead` D^-1 L^-1 right; the determinant is
   mantissa * 2^exponent. `work` has room for 24 numbers a coefficient. */
void bayesdeep_factor(const pattern *is, int64_t lanes, const real *sums, const real *prior, const real *right, real *lower,
                      real *spread, real *ahead, real *mantissa, real *exponent, real *work)
{
    IN_BLOCKS(factor_block(W, is, lanes, sums + b, prior + b, right + b, lower + is->entries * b, spread + b, ahead + b,
                           mantissa + b, exponent + b, work);)
}

/* x = L'^-1 (ahead + D^-1/2 stretch z). */
void bayesdeep_back(const pattern *is, int64_t lanes, const real *lower, const real *spread, const real *ahead, const real *z,
                    const real *stretch, real *x, real *work)
{
    IN_BLOCKS(back_block(W, is, lanes, lower + is->entries * b, spread + b, ahead + b, z ? z + b : 0, stretch, x + b, work);)
}

/* z of x: the inverse of bayesdeep_back. */
void bayesdeep_noise(const pattern *is, int64_t lanes, const real *lower, const real *spread, const real *ahead, const real *stretch,
                     const real *x, real *z)
{
    IN_BLOCKS(noise_block(W, is, lanes, lower + is->entries * b, spread + b, ahead + b, stretch, x + b, z + b);)
}

/* g becomes stretch D^-1/2 L^-1 g. */
void bayesdeep_whiten(const pattern *is, int64_t lanes, const real *lower, const real *spread, const real *stretch, real *g, real *work)
{
    IN_BLOCKS(white_block(W, is, lanes, lower + is->entries * b, spread + b, stretch, g + b, work);)
}

/* For levels of `width` coefficients with a precision in common, entries (pair of a lower triangle, lane): g -= P u, and to
   `squares` (lane) are added u'P u. */
void bayesdeep_normal(int64_t levels, int64_t width, int64_t lanes, const real *restrict precision, const real *restrict u,
                      real *restrict g, real *restrict squares)
{
    for (int64_t i = 0; i < levels; i++)
        for (int64_t k = 0; k < width; k++) {
            const real *restrict own = u + (i * width + k) * lanes;
            real *restrict to = g + (i * width + k) * lanes;
            for (int64_t m = 0; m < width; m++) {
                const int64_t high = k > m ? k : m, low = k > m ? m : k;
                const real *restrict p = precision + (high * (high + 1) / 2 + low) * lanes, *restrict other = u + (i * width + m) * lanes;
                for (int64_t l = 0; l < lanes; l++) {
                    real part = p[l] * other[l];
                    to[l] -= part;
                    squares[l] += own[l] * part;
                }
            }
        }
}
