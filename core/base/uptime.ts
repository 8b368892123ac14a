/**
 * Milliseconds, with a fraction, on a clock that only goes forward and is the same for all processes of the machine: for
 * spans that one process begins and another measures. No date.
 */
export function uptime(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}
