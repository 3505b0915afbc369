/* What the event loops of all neurons share. A trial goes from input spike to input spike: interval k begins at input
   spike k - 1 (interval 0 at time 0) and ends at input spike k (the last one at the end of the trial). Its spikes lie
   in a queue until the trial is through, so that their times are computed in full vectors, whichever neurons they are
   of. Threads take trials; within one, vectors take neurons, of which there are `size`, padded to `width`. */

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

INLINE const real *arrival_row(const call_t *call, long trial, long event) {
    return call->weight + call->neurons[event * call->batch + trial] * call->width;
}

/* Rows of `width` that an interval has on the tape. */
int tape_rows(const call_t *call);

INLINE real *tape_of(const call_t *call, long trial, long interval) {
    return call->tape + (trial * (call->events + 1) + interval) * tape_rows(call) * call->width;
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
static long padded_room(const call_t *call) { return (call->room + LANES) / LANES * LANES; }

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
static void sort_by_time(const queue_t *queue, long count) {
    const real *time = row_of(queue, TIME);
    long *order = queue->order, *spare = queue->spare;
    for (long begin = 0; begin < count; begin += RUN)
        for (long i = begin; i < count && i < begin + RUN; i++) {
            long j = i;
            for (; j > begin && time[order[j - 1]] > time[i]; j--) order[j] = order[j - 1];
            order[j] = i;
        }
    for (long length = RUN; length < count; length *= 2)
        for (long begin = 0; begin + length < count; begin += 2 * length) {
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
    sort_by_time(queue, count);
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
INLINE void add_charge(const call_t *call, real *sums, long trial, long event, long lane, vec bar) {
    real *to = sums + call->neurons[event * call->batch + trial] * call->width + lane;
    store(to, load(to) + bar);
}

static void reverse_interval(const call_t *call, long trial, long interval, bars_t bars, real *sums, int charged);
static void reverse_spike(const real *slopes, real bar, bars_t bars, long neuron);
static void forward_trial(const call_t *call, long trial, queue_t *queue, real *scratch);

static void backward_trial(const call_t *call, long trial, bars_t bars, real *sums) {
    const long arrivals = arrivals_of(call, trial), width = call->width;
    long spike = call->counts[trial] - 1;
    take(call, trial, call->first_bars, bars.first);
    take(call, trial, call->second_bars, bars.second);
    for (long interval = arrivals; interval >= 0; interval--) {
        reverse_interval(call, trial, interval, bars, sums, interval < arrivals);
        if (call->timed && interval < arrivals)
            call->time_bars[interval * call->batch + trial] -= sum_of(bars.late, width);
        for (; spike >= 0 && call->spike_intervals[spike * call->batch + trial] == interval; spike--) {
            const long from = spike * call->batch + trial;
            reverse_spike(call->spike_slopes + from * SLOPES, call->spike_bars[from], bars, call->spike_neurons[from]);
        }
        if (call->timed && interval > 0)
            call->time_bars[(interval - 1) * call->batch + trial] += sum_of(bars.late, width);
    }
    give(call, trial, bars.first, call->first_bars);
    give(call, trial, bars.second, call->second_bars);
}

/* Both return 0 where memory is lacking. */
int forward(const call_t *call) {
    int fine = 1;
    EACH_PART(call, part) {
        queue_t queue;
        real *scratch = malloc(3 * call->width * sizeof(real));
        const int open = queue_open(&queue, call);
        if (open && scratch)
            for (long trial = part_begin(call, part); trial < part_begin(call, part + 1); trial++) {
                queue.count = 0;
                forward_trial(call, trial, &queue, scratch);
                write_spikes(&queue, call, trial);
            }
        else
            fine = 0;
        queue_close(&queue);
        free(scratch);
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
                backward_trial(call, trial, bars, call->sums + part * call->inputs * call->width);
        else
            fine = 0;
        free(scratch);
    }
    return fine;
}
