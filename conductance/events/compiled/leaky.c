/* Leaky neurons with a hard reset: the state is V and I. In an interval a neuron goes from spike to spike, then on to
   its end. Time enters as the decay exp(-t/tau) over it, in which everything is a polynomial or a root: only a spike's
   own time needs a logarithm. Printed above this text:

       move(v, i, decay, ...)                       after a decay without a spike, and its slopes
       cross(v, i, decay, exists)                   the decay until the next spike
       slope(v, i, decay, by_voltage, by_current)   slopes of that spike's time
       passed(decay, duration), faded(duration, decay) */

/* A spike in the middle of an interval makes its adjoint need the slopes over time in any case. */
enum { KEEP, PUSH, FADE, DRAG, FALL, TAPE };
int tape_rows(const call_t *call) {
    (void)call;
    return TAPE;
}

static void queue_spikes(
    queue_t *queue, const call_t *call, long interval, long first_lane, vec voltage, vec current, vec decay, mask hit,
    real begin, real next, vec total
) {
    for (long lane = 0; lane < LANES; lane++)
        if (hit[lane])
            push(
                queue, call, interval, first_lane + lane, voltage[lane], current[lane], decay[lane], begin, next,
                total[lane]
            );
}

static void resolve(const queue_t *queue, const call_t *call, long first) {
    for (long spike = first; spike < queue->count; spike += LANES) {
        const vec voltage = load(row_of(queue, FIRST) + spike), current = load(row_of(queue, SECOND) + spike);
        const vec decay = load(row_of(queue, THIRD) + spike);
        vec wait, by_voltage, by_current, voltage_end, current_end, keep, push_slope, fade, drag, fall;
        passed(load(row_of(queue, TIME) + spike), &wait);
        store(
            row_of(queue, TIME) + spike,
            smaller(load(row_of(queue, BEGIN) + spike) + wait, load(row_of(queue, NEXT) + spike))
        );
        if (!call->tape) continue;
        slope(voltage, current, decay, &by_voltage, &by_current);
        move(voltage, current, decay, &voltage_end, &current_end, &keep, &push_slope, &fade, &drag, &fall);
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
    vec whole;
    faded(splat(next - now), &whole);
    for (long lane = 0; lane < width; lane += LANES) {
        vec voltage = load(voltage_of + lane), current = load(current_of + lane);
        vec left = whole, total = splat(1); /* decays until the end, and since the beginning */
        vec voltage_end, current_end, keep, push_slope, fade, drag, fall;
        long expected = lane <= certain && certain < lane + LANES ? certain - lane : -1;
        for (;;) {
            vec decay, exists;
            cross(voltage, current, &decay, &exists);
            if (expected >= 0 && left[expected] > decay[expected]) left[expected] = decay[expected];
            expected = -1;
            const mask hit = (exists > 0) & (decay < 1) & (decay >= left);
            if (!any(hit)) break;
            decay = pick(hit, decay, splat(1));
            total *= decay;
            queue_spikes(queue, call, interval, lane, voltage, current, decay, hit, now, next, total);
            move(voltage, current, decay, &voltage_end, &current_end, &keep, &push_slope, &fade, &drag, &fall);
            voltage = pick(hit, splat(RESET), voltage);
            current = pick(hit, current_end, current);
            left /= decay;
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
