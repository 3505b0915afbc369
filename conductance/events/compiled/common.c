/* What the event loops of all neurons share. A trial goes from arrival to arrival: interval k begins at arrival k - 1
   (interval 0 at time 0) and ends at arrival k (the last one at the end of the trial). Spikes lie in a queue, so that
   their times are computed in full vectors, whichever neurons they are of. Threads take trials; within one, vectors
   take neurons, of which there are `size`, padded to `width`.

   The arrivals of a layer are its input spikes. Those of a recurrent layer are found on the way: its own spikes arrive
   again after `delay`, so an interval ends at the latest where the first spike in it arrives. */

#include <stdlib.h>

#define EACH_PART(call, part)                                                              \
    _Pragma("omp parallel for schedule(static) num_threads(call->threads) if (call->threads > 1)") \
    for (long part = 0; part < call->threads; part++)

INLINE long part_begin(const call_t *call, long part) { return part * call->batch / call->threads; }

/* Input spikes of a trial; those come before its padding. */
static long arrivals_of(const call_t *call, long trial) {
    long count = 0;
    while (count < call->events && call->mask[count * call->batch + trial]) count++;
    return count;
}

INLINE real arrival_time(const call_t *call, long trial, long event, long arrivals) {
    return event < arrivals ? call->times[event * call->batch + trial] : call->end;
}

/* Whose charges arrive: a row of `weight`, in which the layer's own neurons follow the inputs. */
INLINE long input_sender(const call_t *call, long trial, long event) {
    return call->neurons[event * call->batch + trial];
}

INLINE long own_sender(const call_t *call, long neuron) { return call->senders - call->size + neuron; }

/* Rows of `width` that an interval has on the tape. */
int tape_rows(const call_t *call);

INLINE real *tape_of(const call_t *call, long trial, long interval) {
    return call->tape + (trial * (call->intervals) + interval) * tape_rows(call) * call->width;
}

/* The spikes of a trial in the order in which they are found. `value` has QUEUE rows of `room` numbers; until a spike
   is resolved, TIME holds what else is known of it. */
enum { FIRST, SECOND, THIRD, BEGIN, NEXT, TIME, SLOPE, QUEUE = SLOPE + SLOPES };
typedef struct {
    long count, room;
    real *value;
    long *interval, *neuron, *order, *spare;
} queue_t;

INLINE real *row_of(const queue_t *queue, long row) { return queue->value + row * queue->room; }

/* Room for the spikes of a trial, up to a full vector. */
static long padded_room(const call_t *call) { return call->room + 2 * LANES; }

static int queue_open(queue_t *queue, const call_t *call) {
    queue->count = 0;
    queue->room = padded_room(call);
    queue->value = calloc(queue->room * QUEUE, sizeof(real));
    queue->interval = malloc(queue->room * 4 * sizeof(long));
    if (!queue->value || !queue->interval) return 0;
    queue->neuron = queue->interval + queue->room;
    queue->order = queue->neuron + queue->room;
    queue->spare = queue->order + queue->room;
    return 1;
}

static void queue_close(queue_t *queue) {
    free(queue->value);
    free(queue->interval);
}

/* Spikes past the room are counted, so that the caller knows how much is needed. */
static void push(
    queue_t *queue, const call_t *call, long interval, long neuron, real first, real second, real third, real begin,
    real next, real time
) {
    const long place = queue->count;
    if (neuron >= call->size) return;
    queue->count++;
    if (place >= call->room) return;
    queue->interval[place] = interval;
    queue->neuron[place] = neuron;
    row_of(queue, FIRST)[place] = first;
    row_of(queue, SECOND)[place] = second;
    row_of(queue, THIRD)[place] = third;
    row_of(queue, BEGIN)[place] = begin;
    row_of(queue, NEXT)[place] = next;
    row_of(queue, TIME)[place] = time;
}

#define RUN 16
/* Merge sort, stable. Spikes are nearly in order: runs are sorted by insertion, and runs in order are not merged. */
static void sort_by_time(const queue_t *queue, long first, long count) {
    const real *time = row_of(queue, TIME);
    long *order = queue->order, *spare = queue->spare;
    for (long begin = first; begin < count; begin += RUN)
        for (long i = begin; i < count && i < begin + RUN; i++) {
            long j = i;
            for (; j > begin && time[order[j - 1]] > time[i]; j--) order[j] = order[j - 1];
            order[j] = i;
        }
    for (long length = RUN; length < count; length *= 2)
        for (long begin = first; begin + length < count; begin += 2 * length) {
            const long middle = begin + length, end = middle + length < count ? middle + length : count;
            if (time[order[middle - 1]] <= time[order[middle]]) continue;
            memcpy(spare, order + begin, length * sizeof(long));
            long left = 0, right = middle, to = begin;
            while (left < length)
                order[to++] = right < end && time[order[right]] < time[spare[left]] ? order[right++] : spare[left++];
        }
}

/* The spikes in order of time, and padding up to the room. */
static void write_spikes(const queue_t *queue, const call_t *call, long trial) {
    const long count = queue->count <= call->room ? queue->count : 0;
    for (long spike = 0; spike < call->room; spike++) {
        const long to = spike * call->batch + trial, from = spike < count ? queue->order[spike] : 0;
        call->spike_times[to] = spike < count ? row_of(queue, TIME)[from] : call->end;
        call->spike_neurons[to] = spike < count ? queue->neuron[from] : 0;
        call->spike_mask[to] = spike < count;
        if (!call->tape || spike >= count) continue;
        call->spike_intervals[to] = queue->interval[from];
        for (long slope = 0; slope < SLOPES; slope++)
            call->spike_slopes[to * SLOPES + slope] = row_of(queue, SLOPE + slope)[from];
    }
    call->counts[trial] = queue->count;
}

/* To `width` numbers of scratch from `size` of a trial's state, and back. */
static void take(const call_t *call, long trial, const real *state, real *to) {
    memset(to, 0, call->width * sizeof(real));
    memcpy(to, state + trial * call->size, call->size * sizeof(real));
}

static void give(const call_t *call, long trial, const real *from, real *state) {
    memcpy(state + trial * call->size, from, call->size * sizeof(real));
}

/* Adjoints of a trial on the way back, `width` numbers each; `late` is that of the time at which a neuron's state is. */
typedef struct {
    real *first, *second, *late;
} bars_t;

INLINE real sum_of(const real *values, long width) {
    vec total = splat(0);
    for (long lane = 0; lane < width; lane += LANES) total += load(values + lane);
    real result = 0;
    for (long lane = 0; lane < LANES; lane++) result += total[lane];
    return result;
}

/* Into `sums`, (input neuron, width). */
INLINE void add_charge(real *sum, long lane, vec bar) {
    if (sum) store(sum + lane, load(sum + lane) + bar);
}

/* The end of an interval, and its spikes into the queue; `charges` arrive then, and none where it is 0. Neuron `certain`
   spikes in the interval, even if rounding has its spike a little after the end; -1 where nothing is known. */
static void run_interval(
    const call_t *call, long trial, long interval, queue_t *queue, real *state, real now, real next,
    const real *charges, long certain
);
/* The times of the spikes in the queue from `first` on, and their slopes. */
static void resolve(const queue_t *queue, const call_t *call, long first);
static void begin_trial(const call_t *call, long trial, real *state);
static void end_trial(const call_t *call, long trial, real *state);
/* Into `sum`, unless it is 0, go the bars of the charges that arrived. */
static void reverse_interval(const call_t *call, long trial, long interval, bars_t bars, real *sum);
static void reverse_spike(const real *slopes, real bar, bars_t bars, long neuron);

static void forward_trial(const call_t *call, long trial, queue_t *queue, real *state) {
    const long arrivals = arrivals_of(call, trial);
    real now = 0;
    for (long interval = 0; interval <= arrivals; interval++) {
        const real next = arrival_time(call, trial, interval, arrivals);
        const real *charges = interval < arrivals ? call->weight + input_sender(call, trial, interval) * call->width : 0;
        run_interval(call, trial, interval, queue, state, now, next, charges, -1);
        now = next;
    }
    if (queue->count > call->room) return;
    resolve(queue, call, 0);
    sort_by_time(queue, 0, queue->count);
}

/* What arrives at the end of an interval: input spike `event`, or the layer's own spike -1 - `event`. */
INLINE int64_t *arrival_of(const call_t *call, long trial, long interval) {
    return call->arrivals + trial * call->intervals + interval;
}

static void forward_recurrent(const call_t *call, long trial, queue_t *queue, real *state) {
    const long inputs = arrivals_of(call, trial), width = call->width;
    const real *time = row_of(queue, TIME);
    real *kept = state + 3 * width, now = 0;
    long event = 0, returned = 0, interval = 0;
    for (;; interval++) {
        real next = arrival_time(call, trial, event, inputs);
        int own = 0;
        const long before = queue->count;
        if (returned < before && time[queue->order[returned]] + call->delay < next) {
            next = time[queue->order[returned]] + call->delay;
            own = 1;
        }
        memcpy(kept, state, 3 * width * sizeof(real));
        const long input = event < inputs ? input_sender(call, trial, event) : -1;
        long sender = own ? own_sender(call, queue->neuron[queue->order[returned]]) : input;
        run_interval(
            call, trial, interval, queue, state, now, next, sender >= 0 ? call->weight + sender * width : 0, -1
        );
        if (queue->count > call->room) break;
        resolve(queue, call, before);
        sort_by_time(queue, before, queue->count);
        if (queue->count > before && time[queue->order[before]] + call->delay < next) {
            /* returned == before here: an earlier spike still under way would have ended the interval first */
            const long first = queue->neuron[queue->order[before]];
            next = time[queue->order[before]] + call->delay;
            own = 1;
            sender = own_sender(call, first);
            queue->count = before;
            memcpy(state, kept, 3 * width * sizeof(real));
            run_interval(call, trial, interval, queue, state, now, next, call->weight + sender * width, first);
            resolve(queue, call, before);
            sort_by_time(queue, before, queue->count);
        }
        now = next;
        if (sender < 0) break;
        *arrival_of(call, trial, interval) = own ? -1 - returned++ : event++;
    }
    call->returned[trial] = returned;
    call->last_intervals[trial] = interval;
}

static void backward_trial(const call_t *call, long trial, bars_t bars, real *sums) {
    const long width = call->width, recurrent = call->recurrent;
    const long last = recurrent ? call->last_intervals[trial] : arrivals_of(call, trial);
    long spike = call->counts[trial] - 1;
    real later = 0; /* bar of the time at which the interval after this one begins */
    take(call, trial, call->first_bars, bars.first);
    take(call, trial, call->second_bars, bars.second);
    for (long interval = last; interval >= 0; interval--) {
        const long event = interval == last ? 0 : recurrent ? *arrival_of(call, trial, interval) : interval;
        const long sender = event < 0 ? own_sender(call, call->spike_neurons[(-1 - event) * call->batch + trial])
                            : interval < last ? input_sender(call, trial, event) : -1;
        reverse_interval(call, trial, interval, bars, sender >= 0 ? sums + sender * width : 0);
        if (call->timed && interval < last) {
            const real bar = later - sum_of(bars.late, width);
            if (event < 0)
                call->spike_bars[(-1 - event) * call->batch + trial] += bar;
            else
                call->time_bars[event * call->batch + trial] = bar;
        }
        for (; spike >= 0 && call->spike_intervals[spike * call->batch + trial] == interval; spike--) {
            const long from = spike * call->batch + trial;
            reverse_spike(call->spike_slopes + from * SLOPES, call->spike_bars[from], bars, call->spike_neurons[from]);
        }
        if (call->timed) later = sum_of(bars.late, width);
    }
    give(call, trial, bars.first, call->first_bars);
    give(call, trial, bars.second, call->second_bars);
}

/* Both return 0 where memory is lacking. */
int forward(const call_t *call) {
    int fine = 1;
    EACH_PART(call, part) {
        queue_t queue;
        real *state = calloc(6 * call->width, sizeof(real));
        const int open = queue_open(&queue, call);
        if (open && state)
            for (long trial = part_begin(call, part); trial < part_begin(call, part + 1); trial++) {
                queue.count = 0;
                begin_trial(call, trial, state);
                (call->recurrent ? forward_recurrent : forward_trial)(call, trial, &queue, state);
                end_trial(call, trial, state);
                write_spikes(&queue, call, trial);
            }
        else
            fine = 0;
        queue_close(&queue);
        free(state);
    }
    return fine;
}

int backward(const call_t *call) {
    int fine = 1;
    EACH_PART(call, part) {
        real *scratch = calloc(3 * call->width, sizeof(real));
        const bars_t bars = {scratch, scratch + call->width, scratch + 2 * call->width};
        if (scratch)
            for (long trial = part_begin(call, part); trial < part_begin(call, part + 1); trial++)
                backward_trial(call, trial, bars, call->sums + part * call->senders * call->width);
        else
            fine = 0;
        free(scratch);
    }
    return fine;
}
