/* Sums over the batch in a fixed order and in double precision: the same bits for any number of threads. */
static void sum_over_batch(long rows, long count, long neurons, int threads, const real *lane_sums, real *sums) {
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (long row = 0; row < rows; row++) {
        if (neurons == 1) { /* many sums side by side: one alone waits for its own last addition at every step */
            const real *lanes = lane_sums + row * count;
            double total[64] = {0};
            for (long begin = 0; begin + 64 <= count; begin += 64)
                for (long lane = 0; lane < 64; lane++) total[lane] += lanes[begin + lane];
            for (long begin = count / 64 * 64; begin < count; begin++) total[0] += lanes[begin];
            for (long lane = 1; lane < 64; lane++) total[0] += total[lane];
            sums[row] = (real)total[0];
            continue;
        }
        for (long first = 0; first < neurons; first += 64) {
            const long width = neurons - first < 64 ? neurons - first : 64;
            double total[64] = {0};
            for (long begin = first; begin < count; begin += neurons)
                for (long lane = 0; lane < width; lane++) total[lane] += lane_sums[row * count + begin + lane];
            for (long lane = 0; lane < width; lane++) sums[row * neurons + first + lane] = (real)total[lane];
        }
    }
}
