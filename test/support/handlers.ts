/* Where mod_test's handlers are to be found on a test server, and what they send. */

/** For SiteOptions.modules. */
export const TEST_MODULE = 'test/support/modules/mod_test.ts'

const NAMES = [
  'block', 'async', 'echo', 'throw', 'reject', 'thread', 'stream', 'spin', 'stall', 'never', 'late', 'trap', 'busy', 'crash', 'exit', 'rows',
]

/** Configuration: handler test-NAME at /NAME. */
export const HANDLERS = NAMES.map((name) => `<Location /${name}>\nSetHandler test-${name}\n</Location>\n`).join('')

/** What test-stream sends. */
export const streamed = (): Buffer =>
  Buffer.from(Array.from({ length: 1024 * 1024 }, (_, at) => (at ^ (at >> 8) ^ (at >> 16)) & 0xff))
