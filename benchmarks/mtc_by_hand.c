/* The limit of the benchmark: MTC with its four default elements, forwards and backwards, written and tuned by hand.

   It does what a generated kernel does (all fifteen per-neuron numbers get a gradient, input and start too) and knows
   more: products of parameters are folded by hand into the fifteen numbers below, so that the step is one chain of
   multiply-adds. Kept equal to the eager step by a test. Compiled behind conductance/kernels/vectors.h. */

enum {
    KEEP, REST, DRIVE,                  /* 1 - dt/tau_m, U_rest dt/tau_m, R dt/tau_m */
    FAST, SLOW_UP, SLOW_DOWN, ULTRA,    /* +-alpha R dt/tau_m of each element */
    D_FAST, D_UP, D_DOWN, D_ULTRA,      /* delta of each element */
    TO_SLOW, TO_ULTRA,                  /* dt/tau_s, dt/tau_us */
    SCALE, OFFSET,                      /* 1/(U_sat - U_th), -U_th/(U_sat - U_th) */
    NUMBERS
};

#define LANES_AT_ONCE 8
#define SEGMENT 32
#define AHEAD 6

typedef struct { vec u, s, q; } state_t;
typedef struct { state_t at; vec fast, up, down, ultra, input, seed; } moment_t;

INLINE state_t step(state_t at, vec input, const vec *n, vec *fast, vec *up, vec *down, vec *ultra) {
    *fast = tanh_(at.u - n[D_FAST]);
    *up = tanh_(at.s - n[D_UP]);
    *down = tanh_(at.s - n[D_DOWN]);
    *ultra = tanh_(at.q - n[D_ULTRA]);
    const vec drive = n[KEEP] * at.u + (n[DRIVE] * input + n[REST]);
    return (state_t){
        (n[FAST] * *fast + (n[SLOW_UP] * *up + drive)) + (n[SLOW_DOWN] * *down + n[ULTRA] * *ultra),
        at.s + n[TO_SLOW] * (at.u - at.s),
        at.q + n[TO_ULTRA] * (at.u - at.q),
    };
}

INLINE void gather(vec *n, long begin, const real *table, long neurons) {
    for (long i = 0; i < NUMBERS; i++) n[i] = load(table + i * neurons + begin % neurons);
}

INLINE state_t load_state(const real *from, long count) {
    return (state_t){load(from), load(from + count), load(from + 2 * count)};
}

INLINE void store_state(real *to, long count, state_t at) {
    store(to, at.u);
    store(to + count, at.s);
    store(to + 2 * count, at.q);
}

/* `neurons` must be a multiple of LANES, `count` one of LANES_AT_ONCE vectors, and results aligned to a vector, as the
   benchmark's are. */
void forward(
    long steps, long count, long neurons, int threads, const real *inputs, const real *start, const real *table,
    real *outputs, real *checkpoints, real *final
) {
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
    for (long tile = 0; tile < count; tile += LANES_AT_ONCE * LANES) {
        vec n[LANES_AT_ONCE][NUMBERS];
        state_t at[LANES_AT_ONCE];
        for (long g = 0; g < LANES_AT_ONCE; g++) {
            gather(n[g], tile + g * LANES, table, neurons);
            at[g] = load_state(start + tile + g * LANES, count);
        }
        for (long t = 0; t < steps; t++) {
            if (checkpoints && t % SEGMENT == 0)
                for (long g = 0; g < LANES_AT_ONCE; g++)
                    store_state(checkpoints + t / SEGMENT * 3 * count + tile + g * LANES, count, at[g]);
            for (long g = 0; g < LANES_AT_ONCE; g++) {
                const long place = t * count + tile + g * LANES;
                vec fast, up, down, ultra;
                __builtin_prefetch(inputs + place + AHEAD * count, 0);
                at[g] = step(at[g], load(inputs + place), n[g], &fast, &up, &down, &ultra);
                const vec ramp = n[g][SCALE] * at[g].u + n[g][OFFSET];
                put(outputs + place, at_most(splat(1), at_least(splat(0), ramp)), CAN_STREAM);
            }
        }
        for (long g = 0; g < LANES_AT_ONCE; g++) store_state(final + tile + g * LANES, count, at[g]);
        finish_puts();
    }
}

INLINE void reverse(long steps, moment_t *moments, const vec *n, state_t *bar, vec *sums) {
    vec u = bar->u, s = bar->s, q = bar->q, sum[NUMBERS];
    for (long i = 0; i < NUMBERS; i++) sum[i] = (vec){0};
    const vec keep_slow = 1 - n[TO_SLOW], keep_ultra = 1 - n[TO_ULTRA];
    for (long t = steps - 1; t >= 0; t--) {
        moment_t *m = &moments[t];
        const vec after = m[1].at.u, ramp = n[SCALE] * after + n[OFFSET];
        const vec seed = pick((ramp >= 0) & (ramp <= 1), m->seed, splat(0));
        const vec over_slow = m->at.u - m->at.s, over_ultra = m->at.u - m->at.q;
        u += seed * n[SCALE];
        const vec fast = u * n[FAST], up = u * n[SLOW_UP], down = u * n[SLOW_DOWN], ultra = u * n[ULTRA];
        const vec to_fast = fast - fast * (m->fast * m->fast), to_up = up - up * (m->up * m->up);
        const vec to_down = down - down * (m->down * m->down), to_ultra = ultra - ultra * (m->ultra * m->ultra);
        sum[SCALE] += seed * after;
        sum[OFFSET] += seed;
        sum[KEEP] += u * m->at.u;
        sum[REST] += u;
        sum[DRIVE] += u * m->input;
        sum[FAST] += u * m->fast;
        sum[SLOW_UP] += u * m->up;
        sum[SLOW_DOWN] += u * m->down;
        sum[ULTRA] += u * m->ultra;
        sum[D_FAST] -= to_fast;
        sum[D_UP] -= to_up;
        sum[D_DOWN] -= to_down;
        sum[D_ULTRA] -= to_ultra;
        sum[TO_SLOW] += s * over_slow;
        sum[TO_ULTRA] += q * over_ultra;
        m->input = u * n[DRIVE];
        u = (u * n[KEEP] + to_fast) + (s * n[TO_SLOW] + q * n[TO_ULTRA]);
        s = s * keep_slow + (to_up + to_down);
        q = q * keep_ultra + to_ultra;
    }
    *bar = (state_t){u, s, q};
    for (long i = 0; i < NUMBERS; i++) sums[i] += sum[i];
}

void backward(
    long steps, long count, long neurons, int threads, const real *inputs, const real *table,
    const real *checkpoints, const real *output_bars, const real *final_bars, real *input_bars, real *start_bars,
    real *lane_sums, real *sums
) {
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
    for (long tile = 0; tile < count; tile += LANES_AT_ONCE * LANES) {
        vec n[LANES_AT_ONCE][NUMBERS], sum[LANES_AT_ONCE][NUMBERS];
        state_t bar[LANES_AT_ONCE];
        moment_t moments[LANES_AT_ONCE][SEGMENT + 1];
        for (long g = 0; g < LANES_AT_ONCE; g++) {
            gather(n[g], tile + g * LANES, table, neurons);
            bar[g] = load_state(final_bars + tile + g * LANES, count);
            for (long i = 0; i < NUMBERS; i++) sum[g][i] = (vec){0};
        }
        for (long segment = (steps - 1) / SEGMENT; segment >= 0; segment--) {
            const long from = segment * SEGMENT, length = steps - from < SEGMENT ? steps - from : SEGMENT;
            for (long g = 0; g < LANES_AT_ONCE; g++)
                moments[g][0].at = load_state(checkpoints + segment * 3 * count + tile + g * LANES, count);
            for (long t = 0; t < length; t++)
                for (long g = 0; g < LANES_AT_ONCE; g++) {
                    const long place = (from + t) * count + tile + g * LANES;
                    const long soon = (t + AHEAD < length ? AHEAD : AHEAD - length - SEGMENT) * count;
                    moment_t *m = &moments[g][t];
                    __builtin_prefetch(inputs + place + soon, 0);
                    __builtin_prefetch(output_bars + place + soon, 0);
                    m->input = load(inputs + place);
                    m->seed = load(output_bars + place);
                    m[1].at = step(m->at, m->input, n[g], &m->fast, &m->up, &m->down, &m->ultra);
                }
            for (long g = 0; g < LANES_AT_ONCE; g++) reverse(length, moments[g], n[g], &bar[g], sum[g]);
            for (long t = 0; t < length; t++)
                for (long g = 0; g < LANES_AT_ONCE; g++) {
                    const long place = (from + t) * count + tile + g * LANES;
                    put(input_bars + place, moments[g][t].input, CAN_STREAM);
                }
        }
        for (long g = 0; g < LANES_AT_ONCE; g++) {
            store_state(start_bars + tile + g * LANES, count, bar[g]);
            for (long i = 0; i < NUMBERS; i++) store(lane_sums + i * count + tile + g * LANES, sum[g][i]);
        }
        finish_puts();
    }
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (long row = 0; row < NUMBERS; row++)
        for (long neuron = 0; neuron < neurons; neuron++) {
            double total = 0;
            for (long place = neuron; place < count; place += neurons) total += lane_sums[row * count + place];
            sums[row * neurons + neuron] = (real)total;
        }
}
