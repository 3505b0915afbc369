/* The loss of a classifier on first spike times and its gradients, trial by trial: all layers forwards, the loss, all
   layers back. What a trial needs stays in the cache of its thread, and only sums leave it. Printed above this text,
   where neurons have pseudospikes (PSEUDOSPIKES):

       drive(held, root, root_slope)                                the current held after the trial
       rest(p, q, root, phase, period, by_angle, by_root, period_slope) */

/* One layer in one trial. Its input spikes are the spikes of the stage below, so are their bars. */
enum { PHASE, PERIOD, BY_ANGLE, PHASE_BY_CURRENT, PERIOD_BY_CURRENT, AFTER };
typedef struct {
    call_t call;
    real *start, *state, *after, *rates, *rate_bars, *held_bars, *first, *scratch;
    long *first_spike;
} stage_t;

typedef struct {
    char *base;
    size_t used;
} arena_t;

/* The next piece of an arena; without a base it is only counted. */
static void *piece(arena_t *arena, size_t bytes) {
    char *place = arena->base ? arena->base + arena->used : 0;
    arena->used += (bytes + 63) / 64 * 64;
    return place;
}

static void lay_out(const chain_t *chain, stage_t *stages, arena_t *arena) {
    call_t input = {0};
    const long events = chain->layers[0].events;
    input.spike_times = piece(arena, (events + 1) * sizeof(real));
    input.spike_neurons = piece(arena, (events + 1) * sizeof(int64_t));
    input.spike_mask = piece(arena, events + 1);
    for (long depth = 0; depth < chain->depth; depth++) {
        stage_t *stage = stages + depth;
        const call_t *below = depth ? &stages[depth - 1].call : &input;
        call_t *call = &stage->call;
        *call = chain->layers[depth];
        call->batch = 1;
        call->events = depth ? below->room : events;
        call->intervals = call->events + 1;
        call->times = below->spike_times;
        call->neurons = below->spike_neurons;
        call->mask = below->spike_mask;
        call->time_bars = below->spike_bars;
        call->spike_times = piece(arena, (call->room + 1) * sizeof(real));
        call->spike_neurons = piece(arena, (call->room + 1) * sizeof(int64_t));
        call->spike_mask = piece(arena, call->room + 1);
        call->spike_intervals = piece(arena, call->room * sizeof(int64_t));
        call->spike_slopes = piece(arena, call->room * SLOPES * sizeof(real));
        call->spike_bars = piece(arena, (call->room + 1) * sizeof(real));
        call->counts = piece(arena, sizeof(int64_t));
        call->first_bars = piece(arena, call->width * sizeof(real));
        call->second_bars = piece(arena, call->width * sizeof(real));
        call->tape = piece(arena, call->intervals * tape_rows(call) * call->width * sizeof(real));
        stage->start = piece(arena, 6 * call->width * sizeof(real));
        stage->state = piece(arena, 6 * call->width * sizeof(real));
        stage->after = piece(arena, AFTER * call->width * sizeof(real));
        stage->rates = piece(arena, call->width * sizeof(real));
        stage->rate_bars = piece(arena, call->width * sizeof(real));
        stage->held_bars = piece(arena, call->width * sizeof(real));
        stage->first = piece(arena, call->width * sizeof(real));
        stage->scratch = piece(arena, 3 * call->width * sizeof(real));
        stage->first_spike = piece(arena, call->width * sizeof(long));
    }
}

static void take_input(const chain_t *chain, long trial, call_t *call) {
    const call_t *given = chain->layers;
    const long count = arrivals_of(given, trial);
    for (long event = 0; event < count; event++) {
        call->times[event] = given->times[event * given->batch + trial];
        call->neurons[event] = given->neurons[event * given->batch + trial];
        call->mask[event] = 1;
    }
    call->mask[count] = 0;
}

static void keep_spikes(const queue_t *queue, const call_t *call) {
    for (long spike = 0; spike < queue->count; spike++) {
        const long from = queue->order[spike];
        call->spike_times[spike] = row_of(queue, TIME)[from];
        call->spike_neurons[spike] = queue->neuron[from];
        call->spike_intervals[spike] = queue->interval[from];
        call->spike_mask[spike] = 1;
        for (long slope = 0; slope < SLOPES; slope++)
            call->spike_slopes[spike * SLOPES + slope] = row_of(queue, SLOPE + slope)[from];
    }
    call->spike_mask[queue->count] = 0;
    call->counts[0] = queue->count;
}

#ifdef PSEUDOSPIKES
/* Phase and period after the trial, and the rates; the charge that the rates below bring adds to the current. */
static void look_ahead(const stage_t *stage, const stage_t *below) {
    const call_t *call = &stage->call;
    const long width = call->width;
    for (long lane = 0; lane < width; lane += LANES) {
        vec held = load(stage->state + 2 * width + lane), root, root_slope, value[AFTER];
        if (below)
            for (long sender = 0; sender < call->senders; sender++)
                held += below->rates[sender] * load(call->weight + sender * width + lane);
        drive(held, &root, &root_slope);
        rest(
            load(stage->state + lane), load(stage->state + width + lane), root, value + PHASE, value + PERIOD,
            value + BY_ANGLE, value + PHASE_BY_CURRENT, value + PERIOD_BY_CURRENT
        );
        value[PHASE_BY_CURRENT] *= root_slope;
        value[PERIOD_BY_CURRENT] *= root_slope;
        for (long row = 0; row < AFTER; row++) store(stage->after + row * width + lane, value[row]);
        store(stage->rates + lane, value[PHASE] / value[PERIOD]);
    }
}

/* From the bars of the rates, and of the pseudospikes in `held_bars`, to those of the state, weights and rates below. */
static void look_back(const stage_t *stage, const stage_t *below, real *sums) {
    const call_t *call = &stage->call;
    const long width = call->width;
    for (long neuron = 0; neuron < call->size; neuron++) {
        const real *after = stage->after + neuron;
        /* a rate is phase over period, a pseudospike is at end + period - phase */
        const real rate_bar = stage->rate_bars[neuron] / after[PERIOD * width], late_bar = stage->held_bars[neuron];
        const real phase_bar = rate_bar - late_bar, period_bar = late_bar - rate_bar * stage->rates[neuron];
        const real bar = phase_bar * after[PHASE_BY_CURRENT * width] + period_bar * after[PERIOD_BY_CURRENT * width];
        call->first_bars[neuron] = phase_bar * after[BY_ANGLE * width];
        call->second_bars[neuron] = bar;
        stage->held_bars[neuron] = bar;
    }
    if (!below) return;
    for (long sender = 0; sender < call->senders; sender++) {
        const real *weight = call->weight + sender * width;
        real *sum = sums + sender * width;
        vec total = splat(0);
        for (long lane = 0; lane < width; lane += LANES) {
            const vec bar = load(stage->held_bars + lane);
            store(sum + lane, load(sum + lane) + below->rates[sender] * bar);
            total += bar * load(weight + lane);
        }
        real bar = 0;
        for (long lane = 0; lane < LANES; lane++) bar += total[lane];
        below->rate_bars[sender] = bar;
    }
}
#else
/* Neurons without pseudospikes: nothing comes after the trial. */
static void look_ahead(const stage_t *stage, const stage_t *below) {
    (void)stage;
    (void)below;
}

static void look_back(const stage_t *stage, const stage_t *below, real *sums) {
    (void)below;
    (void)sums;
    memset(stage->call.first_bars, 0, stage->call.size * sizeof(real));
    memset(stage->call.second_bars, 0, stage->call.size * sizeof(real));
}
#endif

/* The first spike or pseudospike of each neuron, or the end of the trial. */
static void find_first(const stage_t *stage) {
    const call_t *call = &stage->call;
    for (long neuron = 0; neuron < call->size; neuron++) {
        stage->first[neuron] = call->end;
#ifdef PSEUDOSPIKES
        stage->first[neuron] += stage->after[PERIOD * call->width + neuron] - stage->after[neuron];
#endif
        stage->first_spike[neuron] = -1;
    }
    for (long spike = call->counts[0] - 1; spike >= 0; spike--) {
        stage->first[call->spike_neurons[spike]] = call->spike_times[spike];
        stage->first_spike[call->spike_neurons[spike]] = spike;
    }
}

/* `losses.first_spike_loss` of one trial over the batch; leaves the bars of spikes and pseudospikes. Typed a second
   time because its sums over neurons have a length that is known at run time alone; tests/conductance/
   test_events_classifier.py holds value and gradients to those of torch. */
static double lose(const chain_t *chain, long trial, const stage_t *stage) {
    const call_t *call = &stage->call;
    const long label = chain->labels[trial];
    const double tau = chain->tau, right = stage->first[label], share = 1.0 / chain->layers->batch;
    double earliest = stage->first[0], total = 0;
    for (long neuron = 1; neuron < call->size; neuron++)
        if (stage->first[neuron] < earliest) earliest = stage->first[neuron];
    for (long neuron = 0; neuron < call->size; neuron++) total += exp((earliest - stage->first[neuron]) / tau);
    memset(call->spike_bars, 0, call->counts[0] * sizeof(real));
    memset(stage->held_bars, 0, call->width * sizeof(real));
    memset(stage->rate_bars, 0, call->width * sizeof(real));
    for (long neuron = 0; neuron < call->size; neuron++) {
        double bar = -exp((earliest - stage->first[neuron]) / tau) / (total * tau);
        if (neuron == label) bar += 1 / tau + chain->regulariser * exp(right / call->end) / call->end;
        const long spike = stage->first_spike[neuron];
        if (spike >= 0)
            call->spike_bars[spike] = bar * share;
        else
            stage->held_bars[neuron] = bar * share;
    }
    return share * (log(total) + (right - earliest) / tau + chain->regulariser * expm1(right / call->end));
}

/* Where a layer has more spikes than room, their number is kept and the trial left out. */
static double run_trial(const chain_t *chain, long trial, stage_t *stages, queue_t *queue, long part) {
    take_input(chain, trial, &stages->call);
    for (long depth = 0; depth < chain->depth; depth++) {
        const call_t *call = &stages[depth].call;
        int64_t *needed = chain->needed + part * chain->depth + depth;
        memcpy(stages[depth].state, stages[depth].start, 6 * call->width * sizeof(real));
        queue->count = 0;
        forward_trial(call, 0, queue, stages[depth].state);
        if (queue->count > *needed) *needed = queue->count;
        if (queue->count > call->room) return 0;
        keep_spikes(queue, call);
        look_ahead(stages + depth, depth ? stages + depth - 1 : 0);
    }
    find_first(stages + chain->depth - 1);
    const double loss = lose(chain, trial, stages + chain->depth - 1);
    for (long depth = chain->depth - 1; depth >= 0; depth--) {
        const call_t *call = &stages[depth].call;
        const long width = call->width;
        real *sums = call->sums + part * chain->stride, *scratch = stages[depth].scratch;
        real *first_sum = sums + call->senders * width, *second_sum = first_sum + width;
        const bars_t bars = {scratch, scratch + width, scratch + 2 * width};
        look_back(stages + depth, depth ? stages + depth - 1 : 0, sums);
        memset(bars.late, 0, width * sizeof(real));
        backward_trial(call, 0, bars, sums);
        for (long neuron = 0; neuron < call->size; neuron++) {
            first_sum[neuron] += call->first_bars[neuron];
            second_sum[neuron] += call->second_bars[neuron];
        }
        if (depth) memset(stages[depth - 1].held_bars, 0, stages[depth - 1].call.width * sizeof(real));
    }
    return loss;
}

static int is_finite(const call_t *call) {
    real total = 0;
    for (long place = 0; place < call->senders * call->width; place++) total += 0 * call->weight[place];
    for (long place = 0; place < call->size; place++) total += 0 * (call->first[place] + call->second[place]);
    return total == 0;
}

/* The trials of a part; returns 0 where memory is lacking. */
static int run_part(const chain_t *chain, long part) {
    arena_t arena = {0};
    stage_t *stages = calloc(chain->depth, sizeof(stage_t));
    call_t widest = chain->layers[0];
    for (long depth = 1; depth < chain->depth; depth++)
        if (chain->layers[depth].room > widest.room) widest.room = chain->layers[depth].room;
    queue_t queue;
    int fine = queue_open(&queue, &widest) && stages;
    if (fine) lay_out(chain, stages, &arena);
    arena.base = fine ? aligned_alloc(64, arena.used) : 0;
    if (arena.base) {
        memset(arena.base, 0, arena.used);
        arena.used = 0;
        lay_out(chain, stages, &arena);
        for (long depth = 0; depth < chain->depth; depth++) begin_trial(&stages[depth].call, 0, stages[depth].start);
        double loss = 0;
        for (long trial = part_begin(chain->layers, part); trial < part_begin(chain->layers, part + 1); trial++)
            loss += run_trial(chain, trial, stages, &queue, part);
        chain->losses[part] = loss;
    } else
        fine = 0;
    queue_close(&queue);
    free(arena.base);
    free(stages);
    return fine;
}

/* Loss and gradients; `sums` of a layer has the rows of its weights, then one for each state at the start. Returns 0
   where memory is lacking, 2 where a weight or a state is not finite, 3 where a label is of no output neuron. */
int classify(const chain_t *chain) {
    const call_t *call = chain->layers;
    int fine = 1;
    for (long depth = 0; depth < chain->depth; depth++)
        if (!is_finite(chain->layers + depth)) return 2;
    for (long trial = 0; trial < call->batch; trial++)
        if (chain->labels[trial] < 0 || chain->labels[trial] >= chain->layers[chain->depth - 1].size) return 3;
    EACH_PART(call, part) if (!run_part(chain, part)) fine = 0;
    return fine;
}
