/** What was thrown, for the log: with its stack where it has one. */
export const faultText = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error)
