/* The draws of a step for the lanes from `begin` on. */
INLINE void draws(vec *noise, uint32_t seed, long begin, long step) {
#if NOISES
    words lane;
    for (long index = 0; index < LANES; index++) lane[index] = (uint32_t)(begin + index);
    for (long index = 0; index < NOISES; index++) noise[index] = draw(lane, (uint32_t)step, seed, (uint32_t)index);
#else
    (void)noise, (void)seed, (void)begin, (void)step;
#endif
}
