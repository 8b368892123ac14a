/* The time that a connection to another server may take or idle, as a directive says it. */
import { ConfigError, parsed, timeOf, type Arg } from 'httpd'

const HOUR = 3_600_000

/** A number, of seconds unless a unit follows. Answers ms. */
export const upToAnHour: Arg<number> = parsed((text, { directive: { name } }) => {
  const ms = timeOf(text)
  if (ms === undefined) throw new ConfigError(`${name} has wrong format`)
  if (ms < 0 || ms > HOUR) throw new ConfigError(`${name} can only be 0 or up to one hour.`)
  return ms
})
