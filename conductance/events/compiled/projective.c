/* Quadratic neurons: the state is the direction (p, q) of V = p/q, upright (q >= 0) and of length 1, and I. Spikes are
   where q changes its sign; the adjoint of the direction is that of its angle. Printed above this text:

       prepare(duration, shared)                                what all neurons of an interval share
       move(p, q, current, duration, shared, ...)               the end of an interval, and its slopes
       count_turns(p, q, current, duration, ...)                phases at both ends, in half turns
       cross(p, q, current, turns, wait)                        when a spike comes
       slope(p, q, current, wait, by_angle, by_current)         and its slopes
       arrive(p, q, charge, ...)                                an input spike that moves V (ON_VOLTAGE) */

/* The last rows are kept only for gradients to times. */
#ifdef ON_VOLTAGE
enum { TURN, PUSH, DRAG, TAPE };
#else
enum { TURN, PUSH, FADE, DRAG, FALL, TAPE };
#endif
int tape_rows(const call_t *call) { return call->timed ? TAPE : DRAG; }

INLINE mask upright(vec *p, vec *q) {
    const mask above = (*q > 0) | ((*q == 0) & (*p < 0));
    *p = pick(above, *p, -*p);
    *q = abs_(*q);
    return above;
}

INLINE void shorten(vec *p, vec *q) {
    const vec scale = 1 / larger(abs_(*p), abs_(*q));
    const vec x = *p * scale, y = *q * scale, length = 1 / sqrt_(x * x + y * y);
    *p = x * length;
    *q = y * length;
}

/* Which of two neighbouring numbers of spikes is right is decided by the sign of q, which two intervals share at their
   border: rounding can move a spike from one to the next but neither lose nor double it. */
INLINE vec spikes_in(vec p, vec q, vec current, vec duration, vec squared, mask odd) {
    const vec parity = pick(odd, splat(1), splat(0));
    if (!any(squared >= C(9.8))) return parity; /* a little below pi^2: at most one spike */
    vec start, stop;
    count_turns(p, q, current, duration, &start, &stop);
    const vec pairs = at_least(splat(0), rounded((stop - C(0.5) - parity) * C(0.5)));
    return pick((squared >= C(9.8)) & (stop - start >= 1), parity + 2 * pairs, parity);
}

static void queue_spikes(
    queue_t *queue, const call_t *call, long interval, long first_lane, vec p, vec q, vec current, vec spikes,
    real now, real next
) {
    for (long lane = 0; lane < LANES; lane++)
        for (long turn = 0; turn < (long)spikes[lane]; turn++)
            push(queue, call, interval, first_lane + lane, p[lane], q[lane], current[lane], now, next, turn);
}

static void resolve(const queue_t *queue, const call_t *call, long first) {
    for (long spike = first; spike < queue->count; spike += LANES) {
        const vec p = load(row_of(queue, FIRST) + spike), q = load(row_of(queue, SECOND) + spike);
        const vec current = load(row_of(queue, THIRD) + spike), begin = load(row_of(queue, BEGIN) + spike);
        const vec next = load(row_of(queue, NEXT) + spike), longest = next - begin;
        vec wait, by_angle, by_current;
        cross(p, q, current, load(row_of(queue, TIME) + spike), &wait);
        wait = pick(wait >= 0, pick(wait <= longest, wait, longest), pick(wait < 0, splat(0), longest));
        store(row_of(queue, TIME) + spike, smaller(begin + wait, next));
        if (!call->tape) continue;
        slope(p, q, current, wait, &by_angle, &by_current);
        store(row_of(queue, SLOPE) + spike, by_angle);
        store(row_of(queue, SLOPE + 1) + spike, by_current);
    }
}

static void begin_trial(const call_t *call, long trial, real *state) {
    const long width = call->width;
    take(call, trial, call->first, state);
    take(call, trial, call->second, state + 2 * width);
    for (long lane = 0; lane < width; lane += LANES) {
        const vec angle = load(state + lane);
        vec p = sin_(angle), q = cos_(angle);
        upright(&p, &q);
        store(state + lane, p);
        store(state + width + lane, q);
    }
}

static void end_trial(const call_t *call, long trial, real *state) {
    const long width = call->width;
    for (long lane = 0; lane < width; lane++) state[lane] = LIBM(atan2)(state[lane], state[width + lane]);
    give(call, trial, state, call->last_first);
    give(call, trial, state + 2 * width, call->last_second);
}

static void run_interval(
    const call_t *call, long trial, long interval, queue_t *queue, real *state, real now, real next,
    const real *charges, long certain
) {
    const long width = call->width;
    real *p_of = state, *q_of = state + width, *current_of = state + 2 * width;
    real *tape = call->tape ? tape_of(call, trial, interval) : 0;
    const vec duration = splat(next - now);
    vec shared[SHARED + 1];
    prepare(duration, shared);
    for (long lane = 0; lane < width; lane += LANES) {
        const vec p = load(p_of + lane), q = load(q_of + lane), current = load(current_of + lane);
        vec p_end, q_end, current_end, squared, turn, push_slope, fade, drag, fall;
        move(
            p, q, current, duration, shared, &p_end, &q_end, &current_end, &squared, &turn, &push_slope, &fade, &drag,
            &fall
        );
        shorten(&p_end, &q_end);
        const mask odd = ~upright(&p_end, &q_end);
        vec spikes = splat(0);
        if (any(odd | (squared >= C(9.8)))) spikes = spikes_in(p, q, current, duration, squared, odd);
        if (lane <= certain && certain < lane + LANES && spikes[certain - lane] == 0) {
            spikes[certain - lane] = 1;
            p_end[certain - lane] = -1;
            q_end[certain - lane] = 0;
        }
        if (any(spikes > 0)) queue_spikes(queue, call, interval, lane, p, q, current, spikes, now, next);
        const vec charge = charges ? load(charges + lane) : splat(0);
#ifdef ON_VOLTAGE
        vec by_angle, p_moved, q_moved;
        arrive(p_end, q_end, charge, &p_moved, &q_moved, &by_angle, &push_slope);
        p_end = p_moved;
        q_end = q_moved;
        shorten(&p_end, &q_end);
        turn *= by_angle;
        drag *= by_angle;
#else
        current_end += charge;
#endif
        store(p_of + lane, p_end);
        store(q_of + lane, q_end);
        store(current_of + lane, current_end);
        if (!tape) continue;
        store(tape + TURN * width + lane, turn);
        store(tape + PUSH * width + lane, push_slope);
        if (call->timed) store(tape + DRAG * width + lane, drag);
#ifndef ON_VOLTAGE
        store(tape + FADE * width + lane, fade);
        if (call->timed) store(tape + FALL * width + lane, fall);
#endif
    }
}

static void reverse_interval(const call_t *call, long trial, long interval, bars_t bars, real *sum) {
    const long width = call->width;
    const real *tape = tape_of(call, trial, interval);
    for (long lane = 0; lane < width; lane += LANES) {
        const vec angle = load(bars.first + lane), push_slope = load(tape + PUSH * width + lane);
#ifdef ON_VOLTAGE
        add_charge(sum, lane, push_slope * angle);
        if (call->timed) store(bars.late + lane, -load(tape + DRAG * width + lane) * angle);
#else
        const vec current = load(bars.second + lane);
        add_charge(sum, lane, current);
        if (call->timed)
            store(
                bars.late + lane,
                -load(tape + DRAG * width + lane) * angle - load(tape + FALL * width + lane) * current
            );
        store(bars.second + lane, load(tape + FADE * width + lane) * current + push_slope * angle);
#endif
        store(bars.first + lane, load(tape + TURN * width + lane) * angle);
    }
}

static void reverse_spike(const real *slopes, real bar, bars_t bars, long neuron) {
    bars.first[neuron] += slopes[0] * bar;
    bars.second[neuron] += slopes[1] * bar;
    bars.late[neuron] += bar;
}
