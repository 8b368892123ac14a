/* The request that the client has sent, of all that it has led to. */
import type { Request } from 'httpd'

export function firstOf(r: Request): Request {
  let first = r
  for (let before: Request | undefined = r; before !== undefined; before = first.main ?? first.prev) first = before
  return first
}
