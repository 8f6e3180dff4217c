/* Loops over rows, and over coefficients, for many lanes at once. bayesdeep.numerics.lane_loops says what those over rows do and has
   the same in NumPy; bayesdeep.numerics.sparse_factors says what those over coefficients do.

   Arrays are contiguous doubles, (row, lane) unless said otherwise. The exponential and the logarithm are written without branches,
   so that a compiler turns the loops into vector instructions, and their polynomials in pairs of terms, since a chain of products
   would keep a processor waiting. Nothing here may be compiled with licence to reorder sums or to leave out infinities and NaNs. */

#include <stdint.h>
#include <string.h>

typedef double real;

static inline int64_t bits_of(real x) { int64_t b; memcpy(&b, &x, sizeof b); return b; }
static inline real real_of(int64_t b) { real x; memcpy(&x, &b, sizeof x); return x; }

#define INVERSE_LN2 1.4426950408889634
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define ROUNDER 6755399441055744.0 /* 1.5 * 2^52 */

/* What exp(y) is of a power of two, 1 + rest, for y in [-708, 709.9]; `shifted` has the power's exponent in its last bits. */
static inline real reduced(real y, real *shifted)
{
    *shifted = y * INVERSE_LN2 + ROUNDER;
    real octaves = *shifted - ROUNDER;
    real r = (y - octaves * LN2_HIGH) - octaves * LN2_LOW;
    real r2 = r * r, r4 = r2 * r2;
    real near = (1.0 / 2 + r * (1.0 / 6)) + r2 * (1.0 / 24 + r * (1.0 / 120));
    real middle = (1.0 / 720 + r * (1.0 / 5040)) + r2 * (1.0 / 40320 + r * (1.0 / 362880));
    real far = (1.0 / 3628800 + r * (1.0 / 39916800)) + r2 * (1.0 / 479001600 + r * (1.0 / 6227020800));
    return r + r2 * (near + r4 * (middle + r4 * far));
}

/* exp(x); 0 below -708, where results are no normal numbers, and infinity above 709.78. */
static inline real exponential(real x)
{
    real y = x < -708.0 ? -708.0 : x, shifted;
    y = y > 709.9 ? 709.9 : y;
    real p = 1.0 + reduced(y, &shifted);
    /* A power of two in two steps, so that the largest results do not overflow on the way. */
    real found = p * real_of((bits_of(shifted) + 1022) << 52) * 2.0;
    return x < -708.0 ? 0.0 : found;
}

/* The same for x up to 0. */
static inline real shrinking(real x)
{
    real shifted, p = 1.0 + reduced(x < -708.0 ? -708.0 : x, &shifted);
    return p * (x < -708.0 ? 0.0 : real_of((bits_of(shifted) + 1023) << 52));
}

/* log(1 + t) for t in [0, 1]: twice the inverse hyperbolic tangent of s, by a polynomial near its series, within 5e-18 of it. */
static inline real log_one_plus(real t)
{
    real s = t / (2.0 + t), z = s * s, z2 = z * z, z4 = z2 * z2;
    real near = (3.33333333333333293e-01 + z * 2.00000000000072913e-01) + z2 * (1.42857142835543786e-01 + z * 1.11111113587139315e-01);
    real far = (9.09089471806642908e-02 + z * 7.69278503247931155e-02) + z2 * (6.65707210482746808e-02 + z * 6.00053640479535627e-02);
    real farthest = 4.40036924307233694e-02 + z * 8.08202280597176611e-02;
    return 2.0 * s + 2.0 * s * (z * (near + z4 * (far + z4 * farthest)));
}

/* log(x) of normal numbers from 0 to 1, to rounding of 1; minus infinity below them. */
static inline real logarithm(real x)
{
    int64_t b = bits_of(x);
    real m = real_of((b & 0xFFFFFFFFFFFFF) | ((int64_t)1023 << 52));
    real octaves = real_of((b >> 52) | ((int64_t)1075 << 52)) - (4503599627370496.0 + 1023.0);
    real found = log_one_plus(m - 1.0) + octaves * LN2_LOW + octaves * LN2_HIGH;
    return x < 2.2250738585072014e-308 ? -__builtin_inf() : x == x ? found : x;
}

#define INLINE static inline __attribute__((always_inline))

/* A loop of its own for each `order`, which is a constant in it. */
#define ORDERS(...)                                                           \
    if (order == 0) { enum { order = 0 }; __VA_ARGS__ }                       \
    else if (order == 1) { enum { order = 1 }; __VA_ARGS__ }                  \
    else { enum { order = 2 }; __VA_ARGS__ }

/* For each row i what its lanes have in common, then something for each number k; the latter also where a single lane is a loop
   over rows. */
#define BY_LANE(COMMON, ...)                                                  \
    ORDERS(for (int64_t i = 0; i < rows; i++) {                               \
        COMMON                                                                \
        for (int64_t k = i * lanes; k < (i + 1) * lanes; k++) { __VA_ARGS__ } \
    })
#define BY_ROW_OR_LANE(COMMON, ...)                                           \
    if (lanes == 1) { ORDERS(for (int64_t i = 0; i < rows; i++) { const int64_t k = i; COMMON __VA_ARGS__ }) } \
    else { BY_LANE(COMMON, __VA_ARGS__) }

/* y successes in n trials, at the log odds x. */
INLINE void logistic(const int order, real x, real y, real n, real base, real *value, real *slope, real *second)
{
    real t = shrinking(-__builtin_fabs(x));
    real positive = x < 0.0 ? 0.0 : x;
    *value = (y * x - n * (positive + log_one_plus(t))) + base;
    if (order > 0) {
        real small = 1.0 / (1.0 + t), other = t * small;
        *slope = y - n * (x < 0.0 ? other : small);
        if (order > 1) *second = -n * (small * other);
    }
}

void bayesdeep_logistic(int64_t rows, int64_t lanes, int64_t order, const real *restrict eta, const real *restrict y,
                        const real *restrict trials, const real *restrict base, real *restrict value, real *restrict slope,
                        real *restrict second)
{
    BY_ROW_OR_LANE(const real own = y[i]; const real n = trials[i]; const real ways = base[i];,
                   logistic(order, eta[k], own, n, ways, value + k, slope + k, second + k);)
}

/* Trials are y + more (lane), and base (different y, lane) is found by place (row). */
void bayesdeep_logistic_shifted(int64_t rows, int64_t lanes, int64_t order, const real *restrict eta, const real *restrict y,
                                const real *restrict shift, const real *restrict more, const real *restrict base,
                                const int64_t *restrict place, real *restrict value, real *restrict slope, real *restrict second)
{
    BY_LANE(const real own = y[i]; const int64_t at = i * lanes; const real *restrict ways = base + place[i] * lanes;,
            logistic(order, eta[k] - shift[k - at], own, own + more[k - at], ways[k - at], value + k, slope + k, second + k);)
}

void bayesdeep_counts(int64_t rows, int64_t lanes, int64_t order, const real *restrict eta, const real *restrict y,
                      const real *restrict base, real *restrict value, real *restrict slope, real *restrict second)
{
    BY_ROW_OR_LANE(const real own = y[i]; const real factorial = base[i];,
                   const real mean = exponential(eta[k]);
                   value[k] = (own * eta[k] - mean) - factorial;
                   if (order > 0) slope[k] = own - mean;
                   if (order > 1) second[k] = -mean;)
}

/* Slice s lies between the s-th and the next of at (slice + 1, lane); base is (slice, lane). */
void bayesdeep_slices(int64_t rows, int64_t lanes, int64_t order, const real *restrict eta, const real *restrict at,
                      const real *restrict base, const int64_t *restrict place, real *restrict value, real *restrict slope,
                      real *restrict second)
{
    BY_LANE(const int64_t from = i * lanes; const int64_t own = place[i] * lanes;,
            const int64_t l = own + k - from;
            const real upper = at[l + lanes] - eta[k], lower = at[l] - eta[k];
            const real above = shrinking(-__builtin_fabs(upper)), below = shrinking(-__builtin_fabs(lower));
            const real under = upper < 0.0 ? upper : 0.0, over = lower < 0.0 ? 0.0 : lower;
            value[k] = base[l] - log_one_plus(above) - log_one_plus(below) + (under - over);
            if (order > 0) {
                const real a = 1.0 / (1.0 + above), b = 1.0 / (1.0 + below);
                slope[k] = ((upper < 0.0 ? above * a : a) + (lower < 0.0 ? below * b : b)) - 1.0;
                if (order > 1) second[k] = -above * (a * a) - below * (b * b);
            })
}

/* 1 - exp(-mean) of a mean from 0 to infinity, without loss where it is small. */
static inline real any_of(real mean)
{
    real y = -mean, shifted, rest = reduced(y < -708.0 ? -708.0 : y, &shifted);
    real power = real_of((bits_of(shifted) + 1023) << 52);
    return (1.0 - power) - power * rest;
}

/* One call for each number k of rows of zeros, another for those of other rows; a probability p is by row and lane, or with `step` 0
   by lane. */
#define ZERO_OR_NOT(ZERO, OTHER)                                              \
    for (int64_t i = 0; i < rows; i++) {                                      \
        const int64_t at = i * lanes;                                         \
        const real own = y[i], *restrict p = probability + i * step;          \
        if (own == 0.0) for (int64_t l = 0; l < lanes; l++) { const int64_t k = at + l; ZERO; } \
        else for (int64_t l = 0; l < lanes; l++) { const int64_t k = at + l; OTHER; } \
    }

/* Poisson counts with extra zeros: log(p + (1 - p) exp(-mean)), or log(1 - p) + y x - mean - base. */
INLINE void inflated_zero(const int order, real x, real p, real *value, real *slope, real *second)
{
    real mean = exponential(x), extra = logarithm(p), poisson = logarithm(1.0 - p) - mean, apart = extra - poisson;
    real t = shrinking(-__builtin_fabs(apart));
    *value = (apart < 0.0 ? poisson : extra) + log_one_plus(t);
    if (order > 0) {
        real small = 1.0 / (1.0 + t), other = t * small, share = apart < 0.0 ? small : other;
        *slope = -share * mean;
        if (order > 1) *second = -share * mean * (1.0 - (apart < 0.0 ? other : small) * mean);
    }
}

INLINE void inflated_count(const int order, real x, real p, real y, real base, real *value, real *slope, real *second)
{
    real mean = exponential(x);
    *value = logarithm(1.0 - p) + y * x - mean - base;
    if (order > 0) *slope = y - mean;
    if (order > 1) *second = -mean;
}

void bayesdeep_inflated(int64_t rows, int64_t lanes, int64_t order, int64_t step, const real *restrict eta,
                        const real *restrict probability, const real *restrict y, const real *restrict base, real *restrict value,
                        real *restrict slope, real *restrict second)
{
    ORDERS(ZERO_OR_NOT(inflated_zero(order, eta[k], p[l], value + k, slope + k, second + k),
                       inflated_count(order, eta[k], p[l], own, base[i], value + k, slope + k, second + k)))
}

/* Their two derivatives by p. */
INLINE void by_inflation(real found, real *slope, real *second) { *slope = found; *second = -found * found; }

INLINE real zero_by_inflation(real x, real p)
{
    real mean = exponential(x);
    return any_of(mean) / (p + (1.0 - p) * shrinking(-mean));
}

void bayesdeep_inflation(int64_t rows, int64_t lanes, int64_t step, const real *restrict eta, const real *restrict probability,
                         const real *restrict y, real *restrict slope, real *restrict second)
{
    ZERO_OR_NOT(by_inflation(zero_by_inflation(eta[k], p[l]), slope + k, second + k),
                by_inflation(1.0 / (p[l] - 1.0), slope + k, second + k))
}

/* Counts behind a hurdle: log p, or log(1 - p) + y x - mean - base - log(1 - exp(-mean)). */
INLINE void hurdle_zero(const int order, real p, real *value, real *slope, real *second)
{
    *value = logarithm(p);
    if (order > 0) *slope = 0.0;
    if (order > 1) *second = 0.0;
}

INLINE void hurdle_count(const int order, real x, real p, real y, real base, real *value, real *slope, real *second)
{
    /* Far below 0 the mean of a count above zero is 1, and log(1 - exp(-mean)) is x. */
    real mean = exponential(x < -30.0 ? -30.0 : x), some = any_of(mean), expected = mean / some;
    *value = logarithm(1.0 - p) + y * x - mean - base - (x < -30.0 ? x : logarithm(some));
    if (order > 0) *slope = y - expected;
    if (order > 1) *second = -expected * (1.0 + mean - expected);
}

void bayesdeep_hurdle(int64_t rows, int64_t lanes, int64_t order, int64_t step, const real *restrict eta,
                      const real *restrict probability, const real *restrict y, const real *restrict base, real *restrict value,
                      real *restrict slope, real *restrict second)
{
    ORDERS(ZERO_OR_NOT(hurdle_zero(order, p[l], value + k, slope + k, second + k),
                       hurdle_count(order, eta[k], p[l], own, base[i], value + k, slope + k, second + k)))
}

/* p += by[2] (gradient + z), where there is a gradient; then z and p are turned by the angle of cosine by[0] and sine by[1]. */
void bayesdeep_turn(int64_t count, const real *by, const real *restrict gradient, real *restrict z, real *restrict p)
{
    const real c = by[0], s = by[1], kick = by[2];
    for (int64_t k = 0; k < count; k++) {
        real at = z[k], momentum = p[k];
        if (gradient) momentum += kick * (gradient[k] + at);
        z[k] = c * at + s * momentum;
        p[k] = c * momentum - s * at;
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
    const int32_t *alike;                         /* by row, 1 where an entry and three after it have the same rows below them */
    const int32_t *sums, *prior;                  /* where an entry's two summands are found, or -1 */
    const int32_t *own_sums, *own_prior;          /* the same of the diagonal */
} pattern;

#define LANES for (int l = 0; l < W; l++)
enum { TOGETHER = 4 }; /* columns that are taken off another at once */
#define SIDE_BY_SIDE _Pragma("omp simd") for (int l = 0; l < W; l++)

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
            if (is->sums[q] >= 0) SIDE_BY_SIDE to[l] = sums[is->sums[q] * lanes + l];
            else SIDE_BY_SIDE to[l] = 0.0;
            if (is->prior[q] >= 0) SIDE_BY_SIDE to[l] += prior[is->prior[q] * lanes + l];
        }
        for (int32_t r = is->row_starts[j]; r < is->row_starts[j + 1];) {
            const int32_t many = is->alike[r] ? TOGETHER : 1, first = is->positions[r], below = is->starts[is->column[first] + 1] - first;
            real c[TOGETHER][8];
            const real *restrict entry[TOGETHER];
            for (int32_t m = 0; m < many; m++, r++) {
                const int32_t k = is->column[is->positions[r]];
                entry[m] = lower + (int64_t)is->positions[r] * W;
                SIDE_BY_SIDE {
                    c[m][l] = entry[m][l] * pivots[k * W + l];
                    d[l] -= entry[m][l] * c[m][l];
                    y[l] -= entry[m][l] * forward[k * W + l];
                }
            }
            if (many == 1)
                for (int32_t q = 1; q < below; q++) {
                    real *restrict to = w + is->rows[first + q] * W;
                    SIDE_BY_SIDE to[l] -= entry[0][q * W + l] * c[0][l];
                }
            else
                for (int32_t q = 1; q < below; q++) {
                    real *restrict to = w + is->rows[first + q] * W;
                    SIDE_BY_SIDE to[l] = (((to[l] - entry[0][q * W + l] * c[0][l]) - entry[1][q * W + l] * c[1][l])
                                          - entry[2][q * W + l] * c[2][l]) - entry[3][q * W + l] * c[3][l];
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
            SIDE_BY_SIDE to[l] = from[l] * inverse[l];
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
            SIDE_BY_SIDE to[l] -= entry[l] * own[l];
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
