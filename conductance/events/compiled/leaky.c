/* Leaky neurons with a hard reset: the state is V and I. In an interval a neuron goes from spike to spike, then on to
   its end. Printed above this text:

       move(v, i, duration, ...)                    after a duration without a spike, and its slopes
       cross(v, i, wait, exists)                    when the next spike comes
       slope(v, i, wait, by_voltage, by_current)    and its slopes */

/* A spike in the middle of an interval makes its adjoint need the slopes over time in any case. */
enum { KEEP, PUSH, FADE, DRAG, FALL, TAPE };
int tape_rows(const call_t *call) {
    (void)call;
    return TAPE;
}

static void queue_spikes(
    queue_t *queue, const call_t *call, long interval, long first_lane, vec voltage, vec current, vec wait, mask hit,
    vec begin, real next
) {
    for (long lane = 0; lane < LANES; lane++)
        if (hit[lane])
            push(
                queue, call, interval, first_lane + lane, voltage[lane], current[lane], wait[lane], begin[lane], next,
                begin[lane] + wait[lane]
            );
}

static void resolve(const queue_t *queue, const call_t *call, long first) {
    for (long spike = first; spike < queue->count; spike += LANES) {
        const vec voltage = load(row_of(queue, FIRST) + spike), current = load(row_of(queue, SECOND) + spike);
        const vec wait = load(row_of(queue, THIRD) + spike);
        vec by_voltage, by_current, voltage_end, current_end, keep, push_slope, fade, drag, fall;
        store(row_of(queue, TIME) + spike, smaller(load(row_of(queue, TIME) + spike), load(row_of(queue, NEXT) + spike)));
        if (!call->tape) continue;
        slope(voltage, current, wait, &by_voltage, &by_current);
        move(voltage, current, wait, &voltage_end, &current_end, &keep, &push_slope, &fade, &drag, &fall);
        store(row_of(queue, SLOPE) + spike, by_voltage);
        store(row_of(queue, SLOPE + 1) + spike, by_current);
        store(row_of(queue, SLOPE + 2) + spike, fade);
        store(row_of(queue, SLOPE + 3) + spike, fall);
    }
}

static void begin_trial(const call_t *call, long trial, real *state) {
    take(call, trial, call->first, state);
    take(call, trial, call->second, state + call->width);
}

static void end_trial(const call_t *call, long trial, real *state) {
    give(call, trial, state, call->last_first);
    give(call, trial, state + call->width, call->last_second);
}

static void run_interval(
    const call_t *call, long trial, long interval, queue_t *queue, real *state, real now, real next,
    const real *charges, long certain
) {
    const long width = call->width;
    real *voltage_of = state, *current_of = state + width;
    real *tape = call->tape ? tape_of(call, trial, interval) : 0;
    for (long lane = 0; lane < width; lane += LANES) {
        vec voltage = load(voltage_of + lane), current = load(current_of + lane);
        vec begin = splat(now), left = splat(next - now);
        vec voltage_end, current_end, keep, push_slope, fade, drag, fall;
        long expected = lane <= certain && certain < lane + LANES ? certain - lane : -1;
        for (;;) {
            vec wait, exists;
            cross(voltage, current, &wait, &exists);
            if (expected >= 0 && left[expected] < wait[expected]) left[expected] = wait[expected];
            expected = -1;
            const mask hit = (exists > 0) & (wait > 0) & (wait <= left);
            if (!any(hit)) break;
            queue_spikes(queue, call, interval, lane, voltage, current, wait, hit, begin, next);
            const vec passed = pick(hit, wait, splat(0));
            move(voltage, current, passed, &voltage_end, &current_end, &keep, &push_slope, &fade, &drag, &fall);
            voltage = pick(hit, splat(0), voltage);
            current = pick(hit, current_end, current);
            begin += passed;
            left -= passed;
        }
        move(voltage, current, left, &voltage_end, &current_end, &keep, &push_slope, &fade, &drag, &fall);
        store(voltage_of + lane, voltage_end);
        store(current_of + lane, current_end + (charges ? load(charges + lane) : splat(0)));
        if (!tape) continue;
        store(tape + KEEP * width + lane, keep);
        store(tape + PUSH * width + lane, push_slope);
        store(tape + FADE * width + lane, fade);
        store(tape + DRAG * width + lane, drag);
        store(tape + FALL * width + lane, fall);
    }
}

static void reverse_interval(const call_t *call, long trial, long interval, bars_t bars, real *sum) {
    const long width = call->width;
    const real *tape = tape_of(call, trial, interval);
    for (long lane = 0; lane < width; lane += LANES) {
        const vec voltage = load(bars.first + lane), current = load(bars.second + lane);
        add_charge(sum, lane, current);
        const vec drag = load(tape + DRAG * width + lane), fall = load(tape + FALL * width + lane);
        store(bars.late + lane, -drag * voltage - fall * current);
        store(
            bars.second + lane,
            load(tape + FADE * width + lane) * current + load(tape + PUSH * width + lane) * voltage
        );
        store(bars.first + lane, load(tape + KEEP * width + lane) * voltage);
    }
}

/* What comes after the reset depends on the time of the spike, and on V before it only through that time. */
static void reverse_spike(const real *slopes, real bar, bars_t bars, long neuron) {
    const real time = bar + bars.late[neuron], wait = time + slopes[3] * bars.second[neuron];
    bars.second[neuron] = slopes[2] * bars.second[neuron] + slopes[1] * wait;
    bars.first[neuron] = slopes[0] * wait;
    bars.late[neuron] = time;
}
