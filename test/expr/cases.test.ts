// The text cases of test/cases/expr: conditions and strings, and the refusals of what is neither.
import t from 'tap'
import { ConfigError } from '../../core/config/errors.ts'
import { setRegexLibrary } from '../../core/config/regex.ts'
import { parseCondition, parseStringExpression } from '../../core/expr/expression.ts'
import { registerExpressions } from '../../core/expr/lookup.ts'
import { openPcre2 } from '../../core/port/pcre2.ts'
import { serverExpressions } from '../../core/server/server_expressions.ts'
import { casesOf, files, SOURCE, theRequest } from './support.ts'

registerExpressions(serverExpressions)
setRegexLibrary(openPcre2)
const dir = files(t)

async function outcome(evaluate: () => unknown): Promise<string[]> {
  try {
    return [String(await evaluate())]
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const [message = '', , mark = ''] = error.message.split('\n')
    return error instanceof ConfigError ? ['fault', message, mark.replace(/.*\^ /, '')] : ['error', error.message]
  }
}

for (const name of ['conditions.txt', 'extensions.txt']) {
  t.test(name, async (t) => {
    for (const { expected, text, more } of casesOf(name, dir)) {
      const [result, ...messages] = await outcome(() => parseCondition(text, SOURCE, '').evaluate(theRequest(dir)))
      t.same([result, ...messages.slice(0, more.length)], [expected, ...more], text)
    }
  })
}

t.test('strings.txt', async (t) => {
  for (const { expected, text, more } of casesOf('strings.txt', dir)) {
    const [result, ...messages] = await outcome(() => parseStringExpression(text, SOURCE, '').evaluate(theRequest(dir)))
    if (expected === 'text') t.equal(result, JSON.parse(more[0]!), text)
    else t.same([result, ...messages.slice(0, more.length)], [expected, ...more], text)
  }
})
