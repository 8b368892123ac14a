/*
 * The plan as text cases: test/cases/configure/*.txt. A case is a line why, the words of the command line (one per
 * line) and answers of the platform (`probe threads no`), dashes, and what is expected, in order:
 *   a line as it is printed;  `! text` for a line that is not;  `error: text`, `hint: text`;
 *   `static: names`, `shared: names`, `loaded: names`, `mpms: names`, `KEY = JSON` of the result.
 */
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { readCommandLine } from '../../generator/command_line.ts'
import { UserError } from '../../generator/error.ts'
import { knownAnswers } from '../../generator/platform.ts'
import { type Plan, plan } from '../../generator/plan.ts'
import { type Answer, type Answers, probes } from '../../generator/probes.ts'

type Test = typeof t

const directory = 'test/cases/configure'
const here = 'x86_64-pc-linux-gnu'

/** A Linux that has everything but what other systems have. */
function linux(): Record<string, Answer> {
  const absent = ['kqueue', 'libkqueue', 'port_create']
  return Object.fromEntries(probes.map(({ feature }) => {
    const value = feature === 'cores' ? '2' : absent.includes(feature) ? 'no' : 'yes'
    return [feature, { value, from: 'probe', reason: 'as the case says' }]
  }))
}

function run(words: readonly string[]): Plan {
  const answers = linux()
  const argv = words.filter((word) => !word.startsWith('probe '))
  for (const word of words.filter((line) => line.startsWith('probe '))) {
    const [, feature, value] = word.split(' ')
    if (answers[feature!] === undefined) throw new Error(`no probe is called ${feature}`)
    answers[feature!] = { value: value!, from: 'probe', reason: 'as the case says' }
  }
  try {
    const request = readCommandLine(argv, './configure')
    const presets = Object.fromEntries(request.variables)
    const all = { ...answers, ...knownAnswers(request, presets, here) } as Answers
    const made = plan({ request, presets, answers: all, machine: here, srcdir: '.', node: 'node', arguments: argv })
    const said = [
      ...request.warnings.map((line) => `configure: WARNING: ${line}`),
      ...request.notices.map((line) => `configure: ${line}`),
    ]
    return { ...made, lines: [...said, ...made.lines] }
  } catch (error) {
    if (error instanceof UserError) return { lines: [], refusal: error }
    throw error
  }
}

/** The modules that cases speak of: a further module of the server changes no case. */
const spoken = new Set('core so http authz_host authz_core mime log_config version unixd dir alias'.split(' '))

/** The result under the names that cases use. */
function facts(made: Plan): Record<string, string> {
  const { config } = made
  if (config === undefined) return {}
  const names = (list: readonly { name: string }[]): string =>
    list.map((module) => module.name).filter((name) => spoken.has(name) || name.startsWith('mpm_')).join(' ')
  return {
    static: names(config.staticModules),
    shared: names([...config.loadableMpms, ...config.loadableModules]),
    loaded: names([...config.loadableMpms, ...config.loadableModules].filter((module) => module.active)),
    mpms: config.mpms.join(' '),
  }
}

function check(test: Test, made: Plan, expected: readonly string[]): void {
  let from = 0
  let refused = false
  for (const line of expected) {
    const [, key = '', text = ''] = /^(error|hint|static|shared|loaded|mpms):(?: (.*))?$/.exec(line) ?? []
    const [, field, json] = /^(\w+) = (.*)$/.exec(line) ?? []
    if (key === 'error') {
      refused = true
      test.equal(made.refusal?.message, text)
    } else if (key === 'hint') {
      test.ok(made.refusal?.hints.includes(text), `hint ${text}`, { found: made.refusal?.hints })
    } else if (key !== '') {
      test.equal(facts(made)[key], text, line)
    } else if (field !== undefined) {
      test.same((made.config as Record<string, unknown> | undefined)?.[field], JSON.parse(json!), line)
    } else if (line.startsWith('! ')) {
      test.notOk(made.lines.includes(line.slice(2)), line)
    } else {
      const at = made.lines.indexOf(line, from)
      test.ok(at >= 0, `prints ${line}`, { lines: made.lines.slice(from, from + 40) })
      from = Math.max(from, at + 1)
    }
  }
  if (!refused) test.equal(made.refusal, undefined, 'is not refused')
}


for (const file of readdirSync(directory).filter((name) => name.endsWith('.txt'))) {
  t.test(file, (group) => {
    const cases = readFileSync(`${directory}/${file}`, 'utf8').split(/^=+\n/m)
    group.ok(cases.length > 1, 'has cases')
    for (const text of cases) {
      const [head = '', tail = ''] = text.split(/^---\n/m)
      const [why = '', ...words] = head.split('\n').filter((line) => line !== '')
      group.test(why.replace(/^# /, ''), (test) => {
        const expected = tail.split('\n').filter((line) => line !== '')
        test.ok(expected.length > 0, 'expects something')
        check(test as Test, run(words), expected)
        test.end()
      })
    }
    group.end()
  })
}
