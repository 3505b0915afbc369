/* The time loop of one recurrent layer, around the step that is printed above this text (see time_loop.c for what is
   printed). The input of a step is x[t] + W r[t-1], where r is the source (the output, or state number `place`),
   low-passed by `share` of the distance in a step where that is not 1.

   Series do not see each other: a group of ROWS of them runs through all of time by itself, and groups are shared out
   among the threads. Rows are padded to `width` numbers inside, so that every product works on whole panels of two
   vectors. The terms of each sum stand in the order of the neurons, whichever way a product is taken, and the choice
   between the ways depends on the group alone: the same bits for any number of threads.

   Forwards, `drives` keeps the inputs of the step and `arrived` the r after it, so that backwards no product is taken
   twice: the states of a SEGMENT of steps are computed again from its checkpoint without one. The gradient of the
   weights is one product over all steps and series, at the end. With COURSE see time_loop.c. */

#ifndef BACKWARD
#define TAPE 0
#define SUMS 0
#endif
#define SEGMENT 32
#define PANEL (2 * LANES)
#if defined(__AVX512F__)
#define ROWS 8 /* sums of ROWS rows and two vectors fill the registers */
#else
#define ROWS 4
#endif
#define CHUNK 64 /* rows of the product that is the gradient of the weights, packed at a time */
#define SPARSE 3 /* sums over the spikes pay where at most one of SPARSE values is not zero */

typedef struct {
    long steps, batch, neurons, width, vectors;
    uint32_t seed;
    long place; /* of the source among the states; -1 for the output */
    real share;
} shape_t;

typedef struct {
    vec state[STATES], input, noise[NOISES], kept[TAPE];
} moment_t;

static long padded(long neurons) { return (neurons + PANEL - 1) / PANEL * PANEL; }

static shape_t shape_of(long steps, long batch, long neurons, uint32_t seed, long place, double share) {
    return (shape_t){steps, batch, neurons, padded(neurons), (neurons + LANES - 1) / LANES, seed, place, (real)share};
}

#define MOMENTS(width) ((SEGMENT + 1) * ROWS * ((width) / LANES))

/* Numbers of scratch memory: weights in panels and constants, then what each thread has for itself. */
static long shared_room(long neurons) { return padded(neurons) * (neurons + CONSTANTS); }

static long own_room(long neurons) {
    const long width = padded(neurons);
    const long loop = ROWS * width * (STATES + SUMS + 4) + MOMENTS(width) * (long)(sizeof(moment_t) / sizeof(real));
    return loop + 2 * CHUNK * width;
}

long room(long neurons, int threads) {
    return shared_room(neurons) + threads * own_room(neurons) + padded(neurons) * padded(neurons);
}

/* A row of memory to vectors `stride` apart, with zeros after its end, and back. */
static void take(vec *to, long stride, const real *row, long neurons) {
    long v = 0;
    for (; (v + 1) * LANES <= neurons; v++) to[v * stride] = load(row + v * LANES);
    if (v * LANES < neurons) {
        vec last = {0};
        memcpy(&last, row + v * LANES, (size_t)(neurons - v * LANES) * sizeof(real));
        to[v * stride] = last;
    }
}

static void give(real *row, const vec *from, long stride, long neurons) {
    long v = 0;
    for (; (v + 1) * LANES <= neurons; v++) store(row + v * LANES, from[v * stride]);
    if (v * LANES < neurons)
        memcpy(row + v * LANES, &from[v * stride], (size_t)(neurons - v * LANES) * sizeof(real));
}

/* `matrix` (inner, neurons), by its two strides, in panels: panel after panel, each (inner, PANEL). */
static void pack(real *panels, const real *matrix, long inner, long across, shape_t shape) {
    for (long first = 0; first < shape.width; first += PANEL)
        for (long j = 0; j < shape.neurons; j++)
            for (long lane = 0; lane < PANEL; lane++)
                *panels++ = first + lane < shape.neurons ? matrix[j * inner + (first + lane) * across] : 0;
}

static void spread_constants(vec *constants, const real *table, shape_t shape) {
    for (long v = 0; v < shape.vectors; v++)
        for (long index = 0; index < CONSTANTS; index++)
            for (long lane = 0; lane < LANES; lane++) {
                const long neuron = v * LANES + lane;
                constants[v * CONSTANTS + index][lane] =
                    table[index * shape.neurons + (neuron < shape.neurons ? neuron : 0)];
            }
}

/* to[row] += sum over j of from[row][j] panel[j] */
static void add_product(real *to, const real *from, const real *panels, shape_t shape) {
    for (long first = 0; first < shape.width; first += PANEL, panels += shape.neurons * PANEL) {
        vec sum[ROWS][2];
        for (int row = 0; row < ROWS; row++)
            sum[row][0] = load(to + row * shape.width + first), sum[row][1] = load(to + row * shape.width + first + LANES);
        for (long j = 0; j < shape.neurons; j++) {
            const vec one = load(panels + j * PANEL), other = load(panels + j * PANEL + LANES);
#pragma GCC unroll 8
            for (int row = 0; row < ROWS; row++) {
                const vec value = splat(from[row * shape.width + j]);
                sum[row][0] += value * one, sum[row][1] += value * other;
            }
        }
        for (int row = 0; row < ROWS; row++)
            store(to + row * shape.width + first, sum[row][0]), store(to + row * shape.width + first + LANES, sum[row][1]);
    }
}

/* The same for one row of which `count` values are not zero, at the places `list`. */
static void add_listed(real *to, const real *from, const real *panels, const int32_t *list, long count, shape_t shape) {
    for (long first = 0; first < shape.width; first += PANEL, panels += shape.neurons * PANEL) {
        vec one = load(to + first), other = load(to + first + LANES);
        for (long each = 0; each < count; each++) {
            const long j = list[each];
            const vec value = splat(from[j]);
            one += value * load(panels + j * PANEL), other += value * load(panels + j * PANEL + LANES);
        }
        store(to + first, one), store(to + first + LANES, other);
    }
}

/* The places of a row's values that are not zero; whole vectors of zeros are passed over at once. */
static long listed(int32_t *list, const real *row, long neurons) {
    long count = 0;
    for (long first = 0; first < neurons; first += LANES) {
        if (!any(load(row + first) != 0)) continue;
        const long end = first + LANES < neurons ? first + LANES : neurons;
        for (long j = first; j < end; j++) list[count] = (int32_t)j, count += row[j] != 0;
    }
    return count;
}

static void add_recurrent(real *to, const real *from, const real *panels, long rows, shape_t shape) {
    int32_t list[ROWS][shape.neurons];
    long counts[ROWS], all = 0;
    for (long row = 0; row < rows; row++) {
        all += counts[row] = listed(list[row], from + row * shape.width, shape.neurons);
        if (all * SPARSE > rows * shape.neurons) {
            add_product(to, from, panels, shape);
            return;
        }
    }
    for (long row = 0; row < rows; row++)
        if (counts[row])
            add_listed(to + row * shape.width, from + row * shape.width, panels, list[row], counts[row], shape);
}

static void forward_group(
    shape_t shape, long begin, long rows, const real *inputs, const real *start, const vec *constants,
    const real *panels, real *outputs, real *drives, real *arrived, real *checkpoints, real *final, real *own
) {
    const long width = shape.width, across = width / LANES, each = shape.batch * shape.neurons;
    vec *state = (vec *)own, *drive = state + ROWS * across * STATES, *arriving = drive + ROWS * across;
    vec *result = arriving + ROWS * across;
    memset(own, 0, (size_t)(ROWS * width * (STATES + 3)) * sizeof(real));
    for (long row = 0; row < rows; row++) {
        const real *from = start + (begin + row) * shape.neurons;
        for (long index = 0; index < STATES; index++)
            take(state + row * across * STATES + index, STATES, from + index * each, shape.neurons);
        take(arriving + row * across, 1, from + STATES * each, shape.neurons);
    }
    for (long t = 0; t < shape.steps; t++) {
        for (long row = 0; row < rows; row++)
            take(drive + row * across, 1, inputs + t * each + (begin + row) * shape.neurons, shape.neurons);
        add_recurrent((real *)drive, (const real *)arriving, panels, rows, shape);
        for (long row = 0; row < rows; row++) {
            const long lane = (begin + row) * shape.neurons, place = t * each + lane;
            vec *states = state + row * across * STATES;
            if (checkpoints && t > 0 && t % SEGMENT == 0)
                for (long index = 0; index < STATES; index++)
                    give(checkpoints + ((t / SEGMENT - 1) * STATES + index) * each + lane, states + index, STATES, shape.neurons);
            if (drives) give(drives + place, drive + row * across, 1, shape.neurons);
            for (long v = 0; v < shape.vectors; v++) {
                vec next[STATES], noise[NOISES + 1], *now = states + v * STATES, *last = arriving + row * across + v;
                draws(noise, shape.seed, lane + v * LANES, t);
                advance(now, drive[row * across + v], constants + v * CONSTANTS, noise, next, &result[row * across + v]);
                for (long index = 0; index < STATES; index++) now[index] = next[index];
                const vec seen = shape.place < 0 ? result[row * across + v] : now[shape.place];
                *last = shape.share == 1 ? seen : *last + shape.share * (seen - *last);
            }
            give(outputs + place, result + row * across, 1, shape.neurons);
#ifdef COURSE
            give(outputs + shape.steps * each + place, states + COURSE, STATES, shape.neurons);
#endif
            if (arrived) give(arrived + place, arriving + row * across, 1, shape.neurons);
        }
    }
    for (long row = 0; row < rows; row++) {
        real *to = final + (begin + row) * shape.neurons;
        for (long index = 0; index < STATES; index++)
            give(to + index * each, state + row * across * STATES + index, STATES, shape.neurons);
        give(to + STATES * each, arriving + row * across, 1, shape.neurons);
    }
}

void forward(
    long steps, long batch, long neurons, int threads, uint32_t seed, long place, double share, const real *inputs,
    const real *start, const real *table, const real *weight, real *outputs, real *drives, real *arrived,
    real *checkpoints, real *final, real *scratch
) {
    const shape_t shape = shape_of(steps, batch, neurons, seed, place, share);
    const long groups = (batch + ROWS - 1) / ROWS, own = own_room(neurons);
    real *panels = scratch, *free = scratch + shared_room(neurons);
    vec *constants = (vec *)(panels + shape.width * neurons);
    pack(panels, weight, 1, neurons, shape);
    spread_constants(constants, table, shape);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (long share_of = 0; share_of < threads; share_of++)
        for (long group = share_of * groups / threads; group < (share_of + 1) * groups / threads; group++) {
            const long begin = group * ROWS, rows = batch - begin < ROWS ? batch - begin : ROWS;
            forward_group(
                shape, begin, rows, inputs, start, constants, panels, outputs, drives, arrived, checkpoints, final,
                free + share_of * own
            );
        }
}

#ifdef BACKWARD

static void replay_segment(
    shape_t shape, long begin, long rows, long from, long steps, const real *first, const real *drives,
    const vec *constants, moment_t *moments, vec *drive
) {
    const long across = shape.width / LANES, each = shape.batch * shape.neurons, stride = sizeof(moment_t) / sizeof(vec);
    for (long row = 0; row < rows; row++)
        for (long index = 0; index < STATES; index++)
            take(
                moments[row * across].state + index, stride, first + index * each + (begin + row) * shape.neurons,
                shape.neurons
            );
    for (long t = 0; t < steps; t++)
        for (long row = 0; row < rows; row++) {
            const long lane = (begin + row) * shape.neurons;
            take(drive, 1, drives + (from + t) * each + lane, shape.neurons);
            for (long v = 0; v < shape.vectors; v++) {
                moment_t *now = moments + (t * ROWS + row) * across + v;
                now->input = drive[v];
                draws(now->noise, shape.seed, lane + v * LANES, from + t);
                replay(now->state, now->input, constants + v * CONSTANTS, now->noise, now[ROWS * across].state, now->kept);
            }
        }
}

static void backward_group(
    shape_t shape, long begin, long rows, const real *start, const vec *constants, const real *panels,
    const real *drives, const real *checkpoints, const real *output_bars, const real *final_bars, real *input_bars,
    real *start_bars, real *lane_sums, real *own
) {
    const long width = shape.width, across = width / LANES, each = shape.batch * shape.neurons;
    vec *bar = (vec *)own, *sum = bar + ROWS * across * STATES, *drive = sum + ROWS * across * SUMS;
    vec *arriving_bar = drive + ROWS * across, *seed_bar = arriving_bar + ROWS * across;
#ifdef COURSE
    vec *course_bar = seed_bar + ROWS * across;
#endif
    moment_t *moments = (moment_t *)(seed_bar + 2 * ROWS * across);
    memset(own, 0, (size_t)(ROWS * width * (STATES + SUMS + 4)) * sizeof(real));
    for (long row = 0; final_bars && row < rows; row++) {
        const real *from = final_bars + (begin + row) * shape.neurons;
        for (long index = 0; index < STATES; index++)
            take(bar + row * across * STATES + index, STATES, from + index * each, shape.neurons);
        take(arriving_bar + row * across, 1, from + STATES * each, shape.neurons);
    }
    for (long segment = (shape.steps - 1) / SEGMENT; segment >= 0; segment--) {
        const long from = segment * SEGMENT, left = shape.steps - from, steps = left < SEGMENT ? left : SEGMENT;
        const real *first = segment > 0 ? checkpoints + (segment - 1) * STATES * each : start;
        replay_segment(shape, begin, rows, from, steps, first, drives, constants, moments, drive);
        for (long t = steps - 1; t >= 0; t--) {
            for (long row = 0; row < rows; row++) {
                const long place = (from + t) * each + (begin + row) * shape.neurons;
                take(seed_bar, 1, output_bars + place, shape.neurons);
#ifdef COURSE
                take(course_bar, 1, output_bars + shape.steps * each + place, shape.neurons);
#endif
                for (long v = 0; v < shape.vectors; v++) {
                    const moment_t *now = moments + (t * ROWS + row) * across + v;
                    vec *bars = bar + (row * across + v) * STATES, *later = arriving_bar + row * across + v;
                    const vec seen = shape.share == 1 ? *later : shape.share * *later;
                    if (shape.place >= 0) bars[shape.place] += seen;
#ifdef COURSE
                    bars[COURSE] += course_bar[v];
#endif
                    const vec output_bar = shape.place < 0 ? seed_bar[v] + seen : seed_bar[v];
                    reverse(
                        now->state, now[ROWS * across].state, now->input, constants + v * CONSTANTS, now->noise,
                        now->kept, bars, output_bar, &drive[row * across + v], sum + (row * across + v) * SUMS
                    );
                    *later -= seen;
                }
                give(input_bars + place, drive + row * across, 1, shape.neurons);
            }
            add_product((real *)arriving_bar, (const real *)drive, panels, shape);
        }
    }
    for (long row = 0; row < rows; row++) {
        const long lane = (begin + row) * shape.neurons;
        for (long index = 0; index < STATES; index++)
            give(start_bars + index * each + lane, bar + row * across * STATES + index, STATES, shape.neurons);
        give(start_bars + STATES * each + lane, arriving_bar + row * across, 1, shape.neurons);
        for (long index = 0; index < SUMS; index++)
            give(lane_sums + index * each + lane, sum + row * across * SUMS + index, SUMS, shape.neurons);
    }
}

/* to[j] += sum over k of values[k][j] bars[k], for `rows` of k and `used` numbers of a row. */
static void add_outer(real *to, const real *bars, const real *values, long rows, long used, shape_t shape) {
    for (long j = 0; j < shape.neurons; j += ROWS)
        for (long i = 0; i < used; i += PANEL) {
            real *place = to + j * shape.width + i;
            vec sum[ROWS][2];
            for (int row = 0; row < ROWS; row++)
                sum[row][0] = load(place + row * shape.width), sum[row][1] = load(place + row * shape.width + LANES);
            for (long k = 0; k < rows; k++) {
                const vec one = load(bars + k * used + i), other = load(bars + k * used + i + LANES);
#pragma GCC unroll 8
                for (int row = 0; row < ROWS; row++) {
                    const vec value = splat(values[k * shape.width + j + row]);
                    sum[row][0] += value * one, sum[row][1] += value * other;
                }
            }
            for (int row = 0; row < ROWS; row++)
                store(place + row * shape.width, sum[row][0]), store(place + row * shape.width + LANES, sum[row][1]);
        }
}

/* The same over the values that are not zero, where they are few; else nothing is done and 0 returned. */
static int add_outer_listed(real *to, const real *bars, const real *values, long rows, long used, shape_t shape) {
    int32_t list[shape.neurons];
    uint8_t place[shape.neurons][CHUNK], count[shape.neurons];
    long all = 0;
    memset(count, 0, (size_t)shape.neurons);
    for (long k = 0; k < rows; k++) {
        const long found = listed(list, values + k * shape.width, shape.neurons);
        all += found;
        if (all * SPARSE > rows * shape.neurons) return 0;
        for (long each = 0; each < found; each++) place[list[each]][count[list[each]]++] = (uint8_t)k;
    }
    for (long j = 0; j < shape.neurons; j++)
        for (long i = 0; count[j] && i < used; i += PANEL) {
            real *at = to + j * shape.width + i;
            vec one = load(at), other = load(at + LANES);
            for (long each = 0; each < count[j]; each++) {
                const long k = place[j][each];
                const vec value = splat(values[k * shape.width + j]);
                one += value * load(bars + k * used + i), other += value * load(bars + k * used + i + LANES);
            }
            store(at, one), store(at + LANES, other);
        }
    return 1;
}

/* The panels from `begin` to `end` of (transposed) sums over all rows of drives' adjoint times what arrived. */
static void weight_panels(
    shape_t shape, long begin, long end, const real *input_bars, const real *arrived, const real *start, real *turned,
    real *own
) {
    const long neurons = shape.neurons, width = shape.width, count = shape.steps * shape.batch;
    const long first = begin * PANEL, used = (end - begin) * PANEL;
    const long inside = neurons - first < used ? neurons - first : used;
    real *bars = own, *values = own + CHUNK * width;
    memset(own, 0, (size_t)(2 * CHUNK * width) * sizeof(real));
    for (long j = 0; j < width; j++) memset(turned + j * width + first, 0, (size_t)used * sizeof(real));
    for (long from = 0; from < count; from += CHUNK) {
        const long rows = count - from < CHUNK ? count - from : CHUNK;
        for (long k = 0; k < rows; k++) {
            const long row = from + k;
            const real *source = row < shape.batch ? start + (STATES * shape.batch + row) * neurons
                                                   : arrived + (row - shape.batch) * neurons;
            memcpy(values + k * width, source, (size_t)neurons * sizeof(real));
            memcpy(bars + k * used, input_bars + row * neurons + first, (size_t)inside * sizeof(real));
        }
        if (!add_outer_listed(turned + first, bars, values, rows, used, shape))
            add_outer(turned + first, bars, values, rows, used, shape);
    }
}

void backward(
    long steps, long batch, long neurons, int threads, uint32_t seed, long place, double share, const real *start,
    const real *table, const real *weight, const real *drives, const real *arrived, const real *checkpoints,
    const real *output_bars, const real *final_bars, real *input_bars, real *start_bars, real *weight_bars,
    real *lane_sums, real *sums, real *scratch
) {
    const shape_t shape = shape_of(steps, batch, neurons, seed, place, share);
    const long groups = (batch + ROWS - 1) / ROWS, own = own_room(neurons), panels_in = shape.width / PANEL;
    real *panels = scratch, *free = scratch + shared_room(neurons), *turned = free + threads * own;
    vec *constants = (vec *)(panels + shape.width * neurons);
    pack(panels, weight, neurons, 1, shape);
    spread_constants(constants, table, shape);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (long share_of = 0; share_of < threads; share_of++)
        for (long group = share_of * groups / threads; group < (share_of + 1) * groups / threads; group++) {
            const long begin = group * ROWS, rows = batch - begin < ROWS ? batch - begin : ROWS;
            backward_group(
                shape, begin, rows, start, constants, panels, drives, checkpoints, output_bars, final_bars, input_bars,
                start_bars, lane_sums, free + share_of * own
            );
        }
    sum_over_batch(SUMS, batch * neurons, neurons, threads, lane_sums, sums);
    if (!weight_bars) return;
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (long share_of = 0; share_of < threads; share_of++) {
        const long first = share_of * panels_in / threads, end = (share_of + 1) * panels_in / threads;
        if (first < end)
            weight_panels(shape, first, end, input_bars, arrived, start, turned, free + share_of * own);
    }
    for (long i = 0; i < neurons; i++)
        for (long j = 0; j < neurons; j++) weight_bars[i * neurons + j] = turned[j * shape.width + i];
}

#endif
