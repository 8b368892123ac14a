/**
 * Time of day and time since the start. `performance` is a getter of the global object: here it is looked up once,
 * since the clock is read for each request.
 */
const clock = performance

/** Milliseconds by which the machine's clock must have been set for it to be followed; less is the noise of reading it. */
const STEP = 20

/** When `threadTime` was 0, in milliseconds since 1970, by the machine's clock as it was last looked at. */
let origin = clock.timeOrigin

/** Milliseconds since this thread began; never runs backwards. Not for other threads: they have `uptime()`. */
export const threadTime = (): number => clock.now()

/** The time of day, in milliseconds since 1970 with fractions. @param thread as `threadTime` said */
export const timeOfDay = (thread = clock.now()): number => origin + thread

/**
 * The machine's clock may have been set, or the machine may have slept: the time since the start goes on as before, the time
 * of day does not. Asked for about once a second.
 */
export function followClock(): void {
  // Date.now() has no fractions: half of one is what is lost on average.
  const now = Date.now() + 0.5 - clock.now()
  if (Math.abs(now - origin) > STEP) origin = now
}
