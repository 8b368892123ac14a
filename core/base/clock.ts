/**
 * Time of day and time since the start. `performance` is a getter of the global object: here it is looked up once,
 * since the clock is read for each request.
 */
const clock = performance

/** When `threadTime` was 0, in milliseconds since 1970. */
export const ORIGIN: number = clock.timeOrigin

/** Milliseconds since this thread began; never runs backwards. Not for other threads: they have `uptime()`. */
export const threadTime = (): number => clock.now()
