// Whether a look-up on behalf of a request is judged again, and what it is asked anew.
import t from 'tap'
import { DECLINED, OK } from '../../core/hook/hook.ts'
import type { Request } from '../../core/hook/types.ts'
import type { EngineParts } from '../../core/server/thread_engine.ts'
import { GET, answers, make, plainConf } from './fake_connection.ts'

/** What was asked, of a request and of a look-up of another URL in the same directory. */
function asked(selective: boolean, knows: (r: Request) => number = OK_FOR_ALL, look = (r: Request) => r.subLookupUri('/other')): readonly string[] {
  const seen: string[] = []
  const note = (what: string, act: (r: Request) => number) => (r: Request) => {
    seen.push(`${what} ${r.uri}`)
    return act(r)
  }
  const conf = plainConf()
  const resolved = { vector: conf.defaults, id: 0, slot: undefined, conditions: [], naming: [], selective }
  const resolverOf = () => ({ forLocation: () => resolved, forFile: () => resolved }) as unknown as ReturnType<EngineParts['resolverOf']>
  const { conn, say, socket } = make((list) => {
    list.hooks.accessCheckerEx.add('test', note('access', () => DECLINED), { quick: true })
    list.hooks.checkUserId.add('test', note('who', knows), { quick: true })
    list.hooks.authChecker.add('test', note('may', () => OK), { quick: true })
    list.hooks.fixups.add('test', (r) => {
      if (r.main === undefined) void look(r)
      return OK
    }, { quick: true })
  }, { resolverOf }, conf)
  say(GET)
  conn.advance()
  t.equal(answers(socket.outgoing).length, 1)
  return seen
}

function OK_FOR_ALL(r: Request): number {
  r.user = 'bob'
  return OK
}

t.test('the same directory, and nothing that looks at URLs: not again', (t) => {
  const [first, ...others] = asked(false)
  t.match(first, /^access /)
  t.notOk(others.some((what) => what.endsWith(' /other')))
  t.end()
})

t.test('where URLs count: again, but nobody has to prove twice who he is', (t) => {
  const seen = asked(true)
  t.strictSame(seen.filter((what) => what.endsWith(' /other')), ['access /other', 'may /other'])
  t.equal(seen.filter((what) => what.startsWith('who ')).length, 1)
  t.end()
})

t.test('a method that nobody has judged', (t) => {
  const other = (method: string) => asked(false, OK_FOR_ALL, (r) => r.subLookup('/other', undefined, method))
    .filter((what) => what.endsWith(' /other'))
  t.strictSame(other('PUT'), ['access /other', 'may /other'])
  t.strictSame(other('GET'), [])
  t.end()
})
