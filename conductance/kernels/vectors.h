/* Vectors of `real` and the functions on them, in GCC's and Clang's vector extension.

   `REAL_IS_DOUBLE` chooses the type. A NaN that enters comes out: every comparison is written so that it keeps
   its second operand when the first is NaN. Loops over lanes are written where the extension has no operator;
   compilers turn those of bounds, roots and rounding into one instruction, and the rest into calls of libm. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

#ifdef REAL_IS_DOUBLE
typedef double real;
typedef int64_t whole;
#define C(number) number
#define LIBM(name) name
#else
typedef float real;
typedef int32_t whole;
#define C(number) number##f
#define LIBM(name) name##f
#endif

#define LANES ((long)(VECTOR_BYTES / sizeof(real)))
typedef real vec __attribute__((vector_size(VECTOR_BYTES)));
typedef whole mask __attribute__((vector_size(VECTOR_BYTES)));

INLINE vec load(const real *from) {
    vec value;
    memcpy(&value, from, sizeof value);
    return value;
}

INLINE void store(real *to, vec value) { memcpy(to, &value, sizeof value); }

/* A store that may go past the cache, to an aligned address; `finish_puts` makes those of a thread visible. */
#if defined(__AVX__)
#define CAN_STREAM 1
#ifdef REAL_IS_DOUBLE
#define WIDTH "pd"
#else
#define WIDTH "ps"
#endif
INLINE void put(real *to, vec value, int stream) {
    if (stream)
        __asm__ volatile("vmovnt" WIDTH " %1, %0" : "=m"(*(vec *)to) : "v"(value));
    else
        store(to, value);
}

INLINE void finish_puts(void) { __asm__ volatile("sfence" ::: "memory"); }
#else
#define CAN_STREAM 0
INLINE void put(real *to, vec value, int stream) {
    (void)stream;
    store(to, value);
}

INLINE void finish_puts(void) {}
#endif

INLINE vec splat(real value) { return value - (vec){0}; }

INLINE vec pick(mask where, vec yes, vec no) {
    return (vec)((where & (mask)yes) | (~where & (mask)no));
}

/* max(bound, x) and min(bound, x), NaN where x is NaN. */
#if defined(__AVX__)
/* The instruction, because compilers take the comparison below apart lane by lane. It returns its second operand
   when one is NaN. */
INLINE vec at_least(vec bound, vec x) {
    vec result;
    __asm__("vmax" WIDTH " %1, %2, %0" : "=v"(result) : "vm"(x), "v"(bound));
    return result;
}

INLINE vec at_most(vec bound, vec x) {
    vec result;
    __asm__("vmin" WIDTH " %1, %2, %0" : "=v"(result) : "vm"(x), "v"(bound));
    return result;
}
#else
INLINE vec at_least(vec bound, vec x) { return pick(x < bound, bound, x); }

INLINE vec at_most(vec bound, vec x) { return pick(x > bound, bound, x); }
#endif

/* Of two variables, NaN where one of them is. */
INLINE vec larger(vec a, vec b) { return pick(a != a, a, at_least(a, b)); }

INLINE vec smaller(vec a, vec b) { return pick(a != a, a, at_most(a, b)); }

INLINE vec abs_(vec x) { return (vec)((mask)x & ~(mask)splat(C(-0.0))); }

/* To whole numbers, for |x| far below 2^22 (float) or 2^51 (double): there the sum has no fraction left. */
INLINE vec rounded(vec x) {
#ifdef REAL_IS_DOUBLE
    const vec shift = splat(6755399441055744.0);
#else
    const vec shift = splat(12582912.0f);
#endif
    return (x + shift) - shift;
}

/* A spike: 1 where x is positive, else 0, and NaN (all bits set) where x is NaN. */
INLINE vec step_(vec x) { return (vec)(((x > 0) & (mask)splat(1)) | (x != x)); }

INLINE vec sign_(vec x) { return pick(x > 0, splat(1), pick(x < 0, splat(-1), x)); }

INLINE vec square(vec x) { return x * x; }

INLINE vec power(vec x, int exponent) {
    vec result = splat(1);
#pragma GCC unroll 8
    for (; exponent > 0; exponent >>= 1, x *= x)
        if (exponent & 1) result *= x;
    return result;
}

/* Tables of cubic pieces on one grid, read at one voltage: where each lane stands, and the pieces there. */
typedef struct {
    vec s;      /* within the piece, in intervals */
    mask piece;
    real rate;  /* intervals in a volt */
} place_t;

/* `last` is the last piece. The pieces at the ends are straight lines, so no voltage is outside. */
INLINE place_t placed(real low, real rate, long last, vec u) {
    const vec place = (u - low) * rate + 1;
    const vec inside = at_most(splat((real)last), at_least(splat(0), pick(place == place, place, splat(0))));
    const mask piece = __builtin_convertvector(inside, mask);
    return (place_t){place - __builtin_convertvector(piece, vec), piece, rate};
}

/* c0 to c3 of one piece in each lane, as value, slope and bend. */
#define CUBIC(s) (((c3 * (s) + c2) * (s) + c1) * (s) + c0)
#define CUBIC_SLOPE(s) (((3 * c3 * (s) + 2 * c2) * (s) + c1) * at.rate)
#define CUBIC_BEND(s) ((6 * c3 * (s) + 2 * c2) * (at.rate * at.rate))

/* Four numbers of a row are one load; they are turned into columns by taking every second number, twice. */
typedef real row_t __attribute__((vector_size(4 * sizeof(real))));

INLINE row_t row_at(const real *from) {
    row_t row;
    memcpy(&row, from, sizeof row);
    return row;
}

#ifdef __has_builtin
#if __has_builtin(__builtin_shufflevector)
#if defined(__AVX__) && !defined(__AVX512F__) && !defined(REAL_IS_DOUBLE)
#define ROW_LANES 2 /* rows of two lanes in a vector of eight: lane k and lane k + 4 */
#define SHUFFLE(a, b, i, j, k, l, from)                                                                       \
    __builtin_shufflevector(a, b, i, j, k + from, l + from, i + 4, j + 4, k + 4 + from, l + 4 + from)
#define OTHER 8
#elif (defined(__AVX__) && !defined(__AVX512F__)) || (!defined(__AVX__) && !defined(REAL_IS_DOUBLE))
#define ROW_LANES 1 /* a row in a vector of four */
#define SHUFFLE(a, b, i, j, k, l, from) __builtin_shufflevector(a, b, i, j, k + from, l + from)
#define OTHER 4
#endif
#endif
#endif

#ifdef ROW_LANES
/* Row k of four is lane k's, and lane k + 4's behind it. */
INLINE vec rows_at(const real *pieces, long width, mask piece, int lane) {
    const row_t row = row_at(pieces + width * piece[lane]);
#if ROW_LANES == 2
    const row_t other = row_at(pieces + width * piece[lane + 4]);
    return __builtin_shufflevector(row, other, 0, 1, 2, 3, 4, 5, 6, 7);
#else
    return row;
#endif
}

INLINE void turn(vec r0, vec r1, vec r2, vec r3, vec *column) {
    const vec low = SHUFFLE(r0, r1, 0, 1, 0, 1, OTHER), high = SHUFFLE(r0, r1, 2, 3, 2, 3, OTHER);
    const vec low_after = SHUFFLE(r2, r3, 0, 1, 0, 1, OTHER), high_after = SHUFFLE(r2, r3, 2, 3, 2, 3, OTHER);
    column[0] = SHUFFLE(low, low_after, 0, 2, 0, 2, OTHER), column[1] = SHUFFLE(low, low_after, 1, 3, 1, 3, OTHER);
    column[2] = SHUFFLE(high, high_after, 0, 2, 0, 2, OTHER), column[3] = SHUFFLE(high, high_after, 1, 3, 1, 3, OTHER);
}

/* A table, four coefficients a piece. */
INLINE void read_one(const real *pieces, place_t at, vec *value, vec *slope, vec *bend) {
    vec c[4];
    turn(
        rows_at(pieces, 4, at.piece, 0), rows_at(pieces, 4, at.piece, 1), rows_at(pieces, 4, at.piece, 2),
        rows_at(pieces, 4, at.piece, 3), c
    );
    const vec c0 = c[0], c1 = c[1], c2 = c[2], c3 = c[3];
    *value = CUBIC(at.s), *slope = CUBIC_SLOPE(at.s), *bend = CUBIC_BEND(at.s);
}

/* Four tables, a piece after another, of each piece c0 of all tables first: a row of four is c0 of four tables, so that
   the polynomials are computed as they lie and only the results are turned, one round for four tables. */
#define FOUR_AT(k, value, slope, bend)                                                                        \
    do {                                                                                                      \
        const vec c0 = rows_at(pieces, 16, at.piece, k), c1 = rows_at(pieces + 4, 16, at.piece, k);           \
        const vec c2 = rows_at(pieces + 8, 16, at.piece, k), c3 = rows_at(pieces + 12, 16, at.piece, k);      \
        const vec own = SHUFFLE(at.s, at.s, k, k, k, k, 0);                                                   \
        value = CUBIC(own), slope = CUBIC_SLOPE(own), bend = CUBIC_BEND(own);                                 \
    } while (0)

INLINE void read_four(const real *pieces, place_t at, vec *value, vec *slope, vec *bend) {
    vec values[4], slopes[4], bends[4];
    FOUR_AT(0, values[0], slopes[0], bends[0]);
    FOUR_AT(1, values[1], slopes[1], bends[1]);
    FOUR_AT(2, values[2], slopes[2], bends[2]);
    FOUR_AT(3, values[3], slopes[3], bends[3]);
    turn(values[0], values[1], values[2], values[3], value);
    turn(slopes[0], slopes[1], slopes[2], slopes[3], slope);
    turn(bends[0], bends[1], bends[2], bends[3], bend);
}
#else
INLINE void read_one(const real *pieces, place_t at, vec *value, vec *slope, vec *bend) {
    vec c0, c1, c2, c3;
    for (long lane = 0; lane < LANES; lane++) {
        const real *row = pieces + 4 * at.piece[lane];
        c0[lane] = row[0], c1[lane] = row[1], c2[lane] = row[2], c3[lane] = row[3];
    }
    *value = CUBIC(at.s), *slope = CUBIC_SLOPE(at.s), *bend = CUBIC_BEND(at.s);
}

INLINE void read_four(const real *pieces, place_t at, vec *value, vec *slope, vec *bend) {
    for (long lane = 0; lane < LANES; lane++) {
        const real *row = pieces + 16 * at.piece[lane], s = at.s[lane];
        const row_t c0 = row_at(row), c1 = row_at(row + 4), c2 = row_at(row + 8), c3 = row_at(row + 12);
        const row_t values = CUBIC(s), slopes = CUBIC_SLOPE(s), bends = CUBIC_BEND(s);
        for (int table = 0; table < 4; table++)
            value[table][lane] = values[table], slope[table][lane] = slopes[table], bend[table][lane] = bends[table];
    }
}
#endif

#define LANE_BY_LANE(name, call)                                                          \
    static vec name(vec x) {                                                              \
        vec result;                                                                       \
        for (long lane = 0; lane < LANES; lane++) result[lane] = LIBM(call)(x[lane]);     \
        return result;                                                                    \
    }
/* UNUSED functions are dropped: they are static. */
#pragma GCC diagnostic ignored "-Wunused-function"
LANE_BY_LANE(wide_sin, sin)
LANE_BY_LANE(wide_cos, cos)
LANE_BY_LANE(wide_tan, tan)
LANE_BY_LANE(wide_sinh, sinh)
LANE_BY_LANE(wide_cosh, cosh)
LANE_BY_LANE(wide_log, log)
LANE_BY_LANE(sqrt_, sqrt)

static vec pow_(vec x, vec exponent) {
    vec result;
    for (long lane = 0; lane < LANES; lane++) result[lane] = LIBM(pow)(x[lane], exponent[lane]);
    return result;
}

/* 2^k for whole k in the range of normal numbers. */
INLINE vec power_of_two(mask k) {
#ifdef REAL_IS_DOUBLE
    return (vec)((k + 1023) << 52);
#else
    return (vec)((k + 127) << 23);
#endif
}

/* exp(r) - 1 for |r| <= ln(2)/2 by its Taylor series; the first neglected term is below the rounding error. */
INLINE vec small_expm1(vec r) {
#ifdef REAL_IS_DOUBLE
    vec sum = splat(1.0 / 6227020800.0);
    sum = sum * r + 1.0 / 479001600.0;
    sum = sum * r + 1.0 / 39916800.0;
    sum = sum * r + 1.0 / 3628800.0;
    sum = sum * r + 1.0 / 362880.0;
    sum = sum * r + 1.0 / 40320.0;
    sum = sum * r + 1.0 / 5040.0;
#else
    vec sum = splat(1.0f / 5040.0f);
#endif
    sum = sum * r + C(1.0) / C(720.0);
    sum = sum * r + C(1.0) / C(120.0);
    sum = sum * r + C(1.0) / C(24.0);
    sum = sum * r + C(1.0) / C(6.0);
    sum = sum * r + C(0.5);
    return sum * r * r + r;
}

/* x = k ln(2) + r. ln(2) is split so that k times its first part is exact. */
INLINE vec reduced(vec x, vec k) {
#ifdef REAL_IS_DOUBLE
    return (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
#else
    return (x - k * 0.693359375f) + k * 2.12194440e-4f;
#endif
}

/* The bounds lie past overflow and underflow; the scale is applied in two halves, so that both are reached. */
INLINE vec exp_(vec x) {
#ifdef REAL_IS_DOUBLE
    x = at_most(splat(710.0), at_least(splat(-760.0), x));
#else
    x = at_most(splat(89.0f), at_least(splat(-110.0f), x));
#endif
    const vec k = rounded(x * C(1.44269504088896340736));
    const vec value = small_expm1(reduced(x, k)) + 1;
    const mask whole_k = __builtin_convertvector(k, mask);
    const mask half = whole_k >> 1;
    return value * power_of_two(half) * power_of_two(whole_k - half);
}

INLINE vec tanh_(vec x) {
#ifdef REAL_IS_DOUBLE
    /* (e^2x - 1)/(e^2x + 1), from e^2x - 1 without cancellation; tanh 20 is 1 in double precision. */
    x = 2 * at_most(splat(20.0), at_least(splat(-20.0), x));
    const vec k = rounded(x * 1.44269504088896340736);
    const vec scale = power_of_two(__builtin_convertvector(k, mask));
    const vec above = scale * small_expm1(reduced(x, k)) + (scale - 1);
    return above / (above + 2);
#else
    /* Odd rational function of degree 11 over 6, a minimax fit of the relative error (1.7e-8) on [-7.9, 7.9];
       1 - tanh 7.9 is 2.8e-7. */
    x = at_most(splat(7.9f), at_least(splat(-7.9f), x));
    const vec y = x * x;
    vec above = splat(2.4104387540896713e-11f);
    above = above * y - 1.4905977382397124e-08f;
    above = above * y + 9.939110544028693e-06f;
    above = above * y + 0.0029920895519017373f;
    above = above * y + 0.12984902905384313f;
    above = above * y + 0.9999999833178725f;
    vec below = splat(0.00023808574830841425f);
    below = below * y + 0.024053063299211006f;
    below = below * y + 0.4631822084307669f;
    below = below * y + 1.0f;
    return above * x / below;
#endif
}

/* Whether any lane is set. */
INLINE int any(mask where) {
    typedef uint64_t words_t __attribute__((vector_size(VECTOR_BYTES)));
    const words_t words = (words_t)where;
    uint64_t found = 0;
    for (unsigned word = 0; word < VECTOR_BYTES / 8; word++) found |= words[word];
    return found != 0;
}

/* sin(x + ahead pi/2). x = k pi/2 + r, and the series of sin r and cos r up to the first term below the rounding error;
   pi/2 is split so that k times its first parts is exact. */
INLINE vec turned(vec x, int ahead) {
    const vec k = rounded(x * C(0.63661977236758134308));
#ifdef REAL_IS_DOUBLE
    vec r = x - k * 1.57079632673412561417e+00;
    r = (r - k * 6.07710050630396597660e-11) - k * 2.02226624879595063154e-21;
    const vec y = r * r;
    vec odd = splat(1.0 / 355687428096000.0);
    odd = odd * y - 1.0 / 1307674368000.0;
    odd = odd * y + 1.0 / 6227020800.0;
    odd = odd * y - 1.0 / 39916800.0;
    odd = odd * y + 1.0 / 362880.0;
    vec even = splat(1.0 / 20922789888000.0);
    even = even * y - 1.0 / 87178291200.0;
    even = even * y + 1.0 / 479001600.0;
    even = even * y - 1.0 / 3628800.0;
#else
    vec r = x - k * 1.5703125f;
    r = (r - k * 4.837512969970703125e-4f) - k * 7.549789948768648e-8f;
    const vec y = r * r;
    vec odd = splat(1.0f / 362880.0f);
    vec even = splat(-1.0f / 3628800.0f);
#endif
    odd = odd * y - C(1.0) / C(5040.0);
    odd = odd * y + C(1.0) / C(120.0);
    odd = odd * y - C(1.0) / C(6.0);
    even = even * y + C(1.0) / C(40320.0);
    even = even * y - C(1.0) / C(720.0);
    even = even * y + C(1.0) / C(24.0);
    even = even * y - C(0.5);
    const mask quarter = __builtin_convertvector(k, mask) + ahead;
    const vec value = pick((quarter & 1) == 0, odd * y * r + r, even * y + 1);
    return pick((quarter & 2) == 0, value, -value);
}

/* Arguments past these are left to libm. */
#ifdef REAL_IS_DOUBLE
#define MOST_TURNS 1e5
#define MOST_GROWTH 700.0
#else
#define MOST_TURNS 1e3f
#define MOST_GROWTH 85.0f
#endif

/* Up to here a few terms of the series of sine, cosine and their hyperbolic forms are exact to rounding. Programs with
   cases give these functions small arguments in the lanes of other cases, so often in all lanes. */
#define LITTLE C(0.04)

/* The series of cos sqrt(-y) and sin sqrt(-y)/sqrt(-y), of their hyperbolic forms for y > 0. */
INLINE vec short_even(vec y) { return ((y * (C(1.0) / C(720.0)) + C(1.0) / C(24.0)) * y + C(0.5)) * y + 1; }

INLINE vec short_odd(vec y) {
    return ((y * (C(1.0) / C(5040.0)) + C(1.0) / C(120.0)) * y + C(1.0) / C(6.0)) * y + 1;
}

INLINE int is_little(vec x) { return !any(~(abs_(x) <= LITTLE)); }

INLINE vec sin_(vec x) {
    if (is_little(x)) return short_odd(-x * x) * x;
    return any(abs_(x) > MOST_TURNS) ? wide_sin(x) : turned(x, 0);
}

INLINE vec cos_(vec x) {
    if (is_little(x)) return short_even(-x * x);
    return any(abs_(x) > MOST_TURNS) ? wide_cos(x) : turned(x, 1);
}

INLINE vec tan_(vec x) { return any(abs_(x) > MOST_TURNS) ? wide_tan(x) : turned(x, 0) / turned(x, 1); }

INLINE vec cosh_(vec x) {
    if (is_little(x)) return short_even(x * x);
    if (any(abs_(x) > MOST_GROWTH)) return wide_cosh(x);
    const vec grown = exp_(x);
    return C(0.5) * (grown + 1 / grown);
}

/* From e^|x| - 1, without cancellation where x is small. */
INLINE vec sinh_(vec x) {
    if (is_little(x)) return short_odd(x * x) * x;
    const vec size = abs_(x);
    if (any(size > MOST_GROWTH)) return wide_sinh(x);
    const vec k = rounded(size * C(1.44269504088896340736));
    const vec scale = power_of_two(__builtin_convertvector(k, mask));
    const vec above = scale * small_expm1(reduced(size, k)) + (scale - 1);
    const vec value = C(0.5) * (above + above / (above + 1));
    return pick(x < 0, -value, value);
}

/* |x| is mapped to y in [-tan(pi/8), tan(pi/8)] by y = x, (x - 1)/(x + 1) or -1/x, and atan y = y g(y^2) with a
   Chebyshev fit of g whose relative error is 2e-18 (float: 6e-10). */
INLINE vec atan_(vec x) {
    const vec size = abs_(x);
    const mask middle = size > C(0.41421356237309503), far = size > C(2.4142135623730949);
    const vec above = pick(far, splat(-1), pick(middle, size - 1, size));
    const vec y = above / pick(far, size, pick(middle, size + 1, splat(1))), z = y * y;
#ifdef REAL_IS_DOUBLE
    vec sum = splat(-0.017805397205419446);
    sum = sum * z + 0.03796525745386593;
    sum = sum * z - 0.05035102456601552;
    sum = sum * z + 0.05846878297330872;
    sum = sum * z - 0.06662951813629191;
    sum = sum * z + 0.07692045330902225;
    sum = sum * z - 0.09090896809064027;
    sum = sum * z + 0.11111110744919658;
    sum = sum * z - 0.14285714279250245;
    sum = sum * z + 0.19999999999940893;
    sum = sum * z - 0.3333333333333312;
    const vec value = (sum * z * y + pick(far, splat(6.123233995736766e-17), splat(0))) + y;
#else
    vec sum = splat(-0.06026305227658459f);
    sum = sum * z + 0.10569828806414448f;
    sum = sum * z - 0.14239532669648974f;
    sum = sum * z + 0.19998183041083206f;
    sum = sum * z - 0.33333306893048514f;
    const vec value = sum * z * y + y;
#endif
    const vec turn = pick(far, splat(C(1.57079632679489661923)), pick(middle, splat(C(0.78539816339744830962)), splat(0)));
    return pick(x < 0, -(turn + value), turn + value);
}

/* x = 2^k m with m in [sqrt(1/2), sqrt(2)], and log m = 2 artanh((m - 1)/(m + 1)) by its series up to the first term
   below the rounding error. */
INLINE vec log_(vec x) {
#ifdef REAL_IS_DOUBLE
    const mask ordinary = (x >= 2.2250738585072014e-308) & (x <= 1.7976931348623157e308);
    const mask bits = (mask)x, fraction = (bits & 0xfffffffffffffL) | 0x3ff0000000000000L;
    mask k = (bits >> 52) - 1023;
#else
    const mask ordinary = (x >= 1.17549435e-38f) & (x <= 3.40282347e38f);
    const mask bits = (mask)x, fraction = (bits & 0x7fffff) | 0x3f800000;
    mask k = (bits >> 23) - 127;
#endif
    if (any(~ordinary)) return wide_log(x);
    const mask large = (vec)fraction > C(1.41421356237309504880);
    const vec m = pick(large, C(0.5) * (vec)fraction, (vec)fraction);
    k -= large;
    const vec powers = __builtin_convertvector(k, vec), s = (m - 1) / (m + 1), z = s * s;
#ifdef REAL_IS_DOUBLE
    vec sum = splat(2.0 / 21.0);
    sum = sum * z + 2.0 / 19.0;
    sum = sum * z + 2.0 / 17.0;
    sum = sum * z + 2.0 / 15.0;
    sum = sum * z + 2.0 / 13.0;
    sum = sum * z + 2.0 / 11.0;
    sum = sum * z + 2.0 / 9.0;
    const vec high = powers * 6.93147180369123816490e-01, low = powers * 1.90821492927058770002e-10;
#else
    vec sum = splat(2.0f / 9.0f);
    const vec high = powers * 0.693359375f, low = powers * -2.12194440e-4f;
#endif
    sum = sum * z + C(2.0) / C(7.0);
    sum = sum * z + C(2.0) / C(5.0);
    sum = sum * z + C(2.0) / C(3.0);
    return high + (2 * s + (sum * z * s + low));
}
