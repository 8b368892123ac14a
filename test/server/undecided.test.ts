// A regular expression whose match cannot be decided in time: the request fails, nothing is granted.
import t from 'tap'
import { MatchError } from '../../core/config/regex.ts'
import type { EngineParts } from '../../core/server/thread_engine.ts'
import { GET, make } from './fake_connection.ts'

t.test('a match that cannot be decided fails the request, in a section as in a hook', (t) => {
  const undecided = (): never => {
    throw new MatchError('(a+)+$', 'match limit exceeded')
  }
  const sections = { forLocation: undecided, forFile: undecided } as unknown as ReturnType<EngineParts['resolverOf']>
  for (const { socket, conn, say, logged } of [
    make(undefined, { resolverOf: () => sections }),
    make((modules) => modules.add({
      symbol: 'x_module', linkage: 'static',
      module: { name: 'x_module', file: 'mod_x.c', register: ({ accessChecker }, on) => on(accessChecker, undecided) },
    })),
  ]) {
    say(GET)
    conn.advance()
    t.match(socket.outgoing, /^HTTP\/1\.1 500 /)
    t.same(logged, ['SY00073: Cannot match "(a+)+$": match limit exceeded'])
  }
  t.end()
})
