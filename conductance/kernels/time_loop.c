/* The time loop of one layer, around the step that is printed above this text:

       advance(state, input, constant, noise, next, output)           one step
       replay(state, input, constant, noise, next, tape)              one step again, keeping what `reverse` reads
       reverse(state, next, input, constant, noise, tape, bar, ...)   the adjoint of one step

   with STATES, CONSTANTS, NOISES (draws of a step), SUMS (constants that want a gradient), TAPE (values kept per step
   of a segment). A draw is a function of the seed, the lane, the step and its place, so that it is the same for any
   number of threads, and drawn again backwards.

   Batch and neuron are one index m = batch * neurons + neuron of `count` lanes, so that any width is stepped at the
   same speed; a lane's constants are those of its neuron. A tile is up to GROUPS vectors of lanes. Each tile runs
   through all of time while its states, constants and sums stay in registers and the first-level cache, so that
   only input and output move. Backwards, the states of a SEGMENT of steps are computed again from its checkpoint; that
   of the first segment is the start. A start of `start_count` = `neurons` lanes is the same for the whole batch.

   With COURSE, the place of a state, that state after every step stands behind all outputs, and its adjoint behind
   theirs. */

#ifndef BACKWARD
#define TAPE 0
#endif
#define SEGMENT 32
#ifdef COURSE
#define COURSES 1
#else
#define COURSES 0
#endif
#define SLOTS (STATES + TAPE + NOISES + COURSES + 2)
#define GROUPS (SLOTS <= 12 ? 8 : SLOTS <= 24 ? 4 : 2) /* one segment of a tile takes about 200 kB at most */
#define AHEAD 6 /* steps by which the strided input is fetched early; the hardware sees no stride this long */
#define TILE (GROUPS * LANES)

#define STREAM_BYTES (4L << 20)

typedef struct {
    long steps, count, neurons;
    long soon;  /* from a lane to what is fetched early: some steps ahead, or in the next tile where time is short */
    int stream; /* results larger than a cache go past it: a line that is written whole need not be read first */
    uint32_t seed;
} shape_t;

static shape_t shape_of(long steps, long count, long neurons, uint32_t seed, const real *results) {
    const int aligned = (uintptr_t)results % VECTOR_BYTES == 0 && count % LANES == 0;
    const int large = steps * count * (long)sizeof(real) >= STREAM_BYTES;
    const long soon = steps > AHEAD ? AHEAD * count : TILE;
    return (shape_t){steps, count, neurons, soon, aligned && large && CAN_STREAM, seed};
}

/* The last vector of lanes may overlap the one before it, which computes the same values twice. `tile_begin` puts
   at least two vectors into every tile, so that both belong to one thread. */
static long vectors_in(long count) { return (count + LANES - 1) / LANES; }

static long tiles_in(long count, int threads) {
    const long vectors = vectors_in(count), most = vectors / 2 > 0 ? vectors / 2 : 1;
    const long needed = (vectors + GROUPS - 1) / GROUPS;
    const long even = (needed + threads - 1) / threads * threads;
    return even < most ? even : most;
}

static long lane_begin(long vector, long count) {
    const long begin = vector * LANES;
    return begin + LANES > count ? count - LANES : begin;
}

/* The lanes from `begin` on of rows that repeat after `width` numbers. */
INLINE void gather(vec *values, long rows, long begin, const real *table, long width) {
    const long first = width == 1 ? 0 : begin % width;
    for (long index = 0; index < rows; index++) {
        const real *row = table + index * width;
        if (width == 1) /* every division below costs as much as a step */
            values[index] = splat(row[0]);
        else if (first + LANES <= width)
            values[index] = load(row + first);
        else
            for (long lane = 0; lane < LANES; lane++) values[index][lane] = row[(first + lane) % width];
    }
}

static void forward_tile(
    shape_t shape, const long *begin, long groups, const real *inputs, const real *start, long start_count,
    const real *table, real *outputs, real *checkpoints, real *final
) {
    vec constant[GROUPS][CONSTANTS + 1], state[GROUPS][STATES];
    for (long group = 0; group < groups; group++) {
        gather(constant[group], CONSTANTS, begin[group], table, shape.neurons);
        gather(state[group], STATES, begin[group], start, start_count);
    }
    for (long t = 0; t < shape.steps; t++) {
        const real *input = inputs + t * shape.count;
        real *output = outputs + t * shape.count;
        if (checkpoints && t > 0 && t % SEGMENT == 0) {
            real *checkpoint = checkpoints + (t / SEGMENT - 1) * STATES * shape.count;
            for (long group = 0; group < groups; group++)
                for (long index = 0; index < STATES; index++)
                    store(checkpoint + index * shape.count + begin[group], state[group][index]);
        }
        for (long group = 0; group < groups; group++) {
            vec next[STATES], result, noise[NOISES + 1];
            draws(noise, shape.seed, begin[group], t);
            __builtin_prefetch(input + shape.soon + begin[group], 0);
            if (!shape.stream) __builtin_prefetch(output + shape.soon + begin[group], 1);
            advance(state[group], load(input + begin[group]), constant[group], noise, next, &result);
            for (long index = 0; index < STATES; index++) state[group][index] = next[index];
            put(output + begin[group], result, shape.stream);
#ifdef COURSE
            put(output + shape.steps * shape.count + begin[group], next[COURSE], shape.stream);
#endif
        }
    }
    for (long group = 0; group < groups; group++)
        for (long index = 0; index < STATES; index++)
            put(final + index * shape.count + begin[group], state[group][index], shape.stream);
}

void forward(
    long steps, long count, long neurons, int threads, uint32_t seed, const real *inputs, const real *start, long start_count,
    const real *table, real *outputs, real *checkpoints, real *final
) {
    const shape_t shape = shape_of(steps, count, neurons, seed, outputs);
    const long tiles = tiles_in(count, threads), vectors = vectors_in(count);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (long tile = 0; tile < tiles; tile++) {
        const long first = tile * vectors / tiles, groups = (tile + 1) * vectors / tiles - first;
        long begin[GROUPS];
        for (long group = 0; group < groups; group++) begin[group] = lane_begin(first + group, count);
        forward_tile(shape, begin, groups, inputs, start, start_count, table, outputs, checkpoints, final);
        finish_puts();
    }
}

#ifdef BACKWARD

/* What one step of a segment leaves for its adjoint. The columns of input and seeds lie `count` numbers apart, often a
   power of two, so that all steps of a segment fall into one set of the cache and evict each other: they are read
   once, in the order of memory, and kept here. `input` makes room for its own adjoint. */
typedef struct {
    vec state[STATES], input, output_bar, course_bar[COURSES], noise[NOISES], kept[TAPE];
} moment_t;

/* One segment of one vector of lanes, backwards: adjoints and sums stay in registers. */
INLINE void reverse_segment(
    long steps, moment_t *moments, const vec *constant, vec *bar, vec *sum
) {
    vec bars[STATES], sums[SUMS + 1];
    for (long index = 0; index < STATES; index++) bars[index] = bar[index];
    for (long index = 0; index < SUMS; index++) sums[index] = (vec){0};
    for (long t = steps - 1; t >= 0; t--) {
        moment_t *now = &moments[t];
        vec input_bar;
#ifdef COURSE
        bars[COURSE] += now->course_bar[0];
#endif
        reverse(
            now->state, now[1].state, now->input, constant, now->noise, now->kept, bars, now->output_bar, &input_bar,
            sums
        );
        now->input = input_bar;
    }
    for (long index = 0; index < STATES; index++) bar[index] = bars[index];
    for (long index = 0; index < SUMS; index++) sum[index] += sums[index];
}

static void backward_tile(
    shape_t shape, const long *begin, long groups, const real *inputs, const real *start, long start_count,
    const real *table, const real *checkpoints, const real *output_bars, const real *final_bars, real *input_bars,
    real *start_bars, real *lane_sums
) {
    vec constant[GROUPS][CONSTANTS + 1], bar[GROUPS][STATES], sum[GROUPS][SUMS + 1];
    moment_t moments[GROUPS][SEGMENT + 1];
    for (long group = 0; group < groups; group++) {
        gather(constant[group], CONSTANTS, begin[group], table, shape.neurons);
        for (long index = 0; index < STATES; index++)
            bar[group][index] = final_bars ? load(final_bars + index * shape.count + begin[group]) : (vec){0};
        for (long index = 0; index < SUMS; index++) sum[group][index] = (vec){0};
    }
    for (long segment = (shape.steps - 1) / SEGMENT; segment >= 0; segment--) {
        const long from = segment * SEGMENT;
        const long steps = shape.steps - from < SEGMENT ? shape.steps - from : SEGMENT;
        /* after a segment's last steps come the first ones of the segment before it, if there is one */
        const long turn = shape.steps > AHEAD ? steps - AHEAD : steps;
        const long back = from > 0 ? (steps + SEGMENT) * shape.count : shape.soon;
        const real *first = segment > 0 ? checkpoints + (segment - 1) * STATES * shape.count : start;
        for (long group = 0; group < groups; group++)
            gather(moments[group][0].state, STATES, begin[group], first, segment > 0 ? shape.count : start_count);
        for (long t = 0; t < steps; t++) {
            for (long group = 0; group < groups; group++) {
                const long place = (from + t) * shape.count + begin[group];
                moment_t *now = &moments[group][t];
                const long soon = place + shape.soon - (t >= turn ? back : 0);
                __builtin_prefetch(inputs + soon, 0);
                __builtin_prefetch(output_bars + soon, 0);
                now->input = load(inputs + place);
                now->output_bar = load(output_bars + place);
#ifdef COURSE
                now->course_bar[0] = load(output_bars + shape.steps * shape.count + place);
#endif
                draws(now->noise, shape.seed, begin[group], from + t);
                replay(now->state, now->input, constant[group], now->noise, now[1].state, now->kept);
            }
        }
        for (long group = 0; group < groups; group++)
            reverse_segment(steps, moments[group], constant[group], bar[group], sum[group]);
#ifdef INPUT_GRADIENT
        for (long t = 0; t < steps; t++)
            for (long group = 0; group < groups; group++) {
                const long place = (from + t) * shape.count + begin[group];
                if (!shape.stream) __builtin_prefetch(input_bars + place + shape.soon, 1);
                put(input_bars + place, moments[group][t].input, shape.stream);
            }
#endif
    }
    for (long group = 0; group < groups; group++) {
#ifdef START_GRADIENT
        for (long index = 0; index < STATES; index++)
            store(start_bars + index * shape.count + begin[group], bar[group][index]);
#endif
        for (long index = 0; index < SUMS; index++)
            store(lane_sums + index * shape.count + begin[group], sum[group][index]);
    }
}

void backward(
    long steps, long count, long neurons, int threads, uint32_t seed, const real *inputs, const real *start, long start_count,
    const real *table, const real *checkpoints, const real *output_bars, const real *final_bars, real *input_bars,
    real *start_bars, real *lane_sums, real *sums
) {
    const shape_t shape = shape_of(steps, count, neurons, seed, input_bars);
    const long tiles = tiles_in(count, threads), vectors = vectors_in(count);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (long tile = 0; tile < tiles; tile++) {
        const long first = tile * vectors / tiles, groups = (tile + 1) * vectors / tiles - first;
        long begin[GROUPS];
        for (long group = 0; group < groups; group++) begin[group] = lane_begin(first + group, count);
        backward_tile(
            shape, begin, groups, inputs, start, start_count, table, checkpoints, output_bars, final_bars, input_bars,
            start_bars, lane_sums
        );
        finish_puts();
    }
    sum_over_batch(SUMS, count, neurons, threads, lane_sums, sums);
}

#endif
