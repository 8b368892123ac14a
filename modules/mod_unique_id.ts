/*
 * mod_unique_id: the environment variable UNIQUE_ID, different for every request of every server. It is made of the time
 * in seconds, 80 random bits of this thread, and a count of 48 bits: 27 letters, digits, `-` and `_`.
 */
import { randomFillSync } from 'node:crypto'
import { DECLINED, Order, type Module, type Request, type Status } from 'httpd'

const RANDOM_AT = 4
const COUNT_AT = 14
const COUNTS = 2 ** 48

const bytes = Buffer.alloc(20)
/** -1: this thread has no random bits yet. */
let count = -1

export function nextId(ms: number): string {
  if (count < 0) {
    randomFillSync(bytes, RANDOM_AT)
    count = bytes.readUIntBE(COUNT_AT, 6)
  }
  count = (count + 1) % COUNTS
  bytes.writeUInt32BE(Math.floor(ms / 1000) % 2 ** 32, 0)
  bytes.writeUIntBE(count, COUNT_AT, 6)
  return bytes.toString('base64url')
}

/** post_read_request: a request that another was redirected to goes on with that one's. */
export function setId(r: Request): Status {
  const { env } = r
  env.set('UNIQUE_ID', (r.prev && env.get('REDIRECT_UNIQUE_ID')) ?? nextId(r.requestTime))
  return DECLINED
}

export const module = {
  name: 'unique_id_module',
  file: 'mod_unique_id.c',
  register({ postReadRequest }, on) {
    on(postReadRequest, setId, { quick: true, order: Order.middle })
  },
} satisfies Module
