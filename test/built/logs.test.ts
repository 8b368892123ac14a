/*
 * Logs of built servers: while the server is restarted and files are renamed under load, every answer leaves its line
 * in each of its logs, also with BufferedLogs and into a program that fails.
 */
import { readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { until } from '../support/processes.ts'
import { Server } from '../support/server.ts'
import type { Site } from '../support/site.ts'

const CLIENTS = 4
const RESTARTS = 2

/** Fails once, after a line; then it takes all. */
const FAILING = '[ -e "$1" ] || { IFS= read -r line; echo "$line" > "$1"; exit 1; }\nexec cat >> "$1"\n'

const conf = ({ root }: Site): string => `
BufferedLogs On
CustomLog logs/json_log json
CustomLog "|/bin/sh ${root}/failing.sh ${root}/logs/piped_log" "%U %q"
`

/** All lines about `/?client=…`, of a file and of those it was renamed to. */
function lines(root: string, name: string): string[] {
  const files = readdirSync(join(root, 'logs')).filter((file) => file.startsWith(name))
  return files.flatMap((file) => readFileSync(join(root, 'logs', file), 'latin1').split('\n')).filter((line) => line.includes('client='))
}

for (const variant of ['event', 'prefork'] as const) {
  t.test(`${variant}: lines are answers, through restarts and renamed files`, async (t) => {
    const server = await Server.start(t, { variant, conf, files: { 'failing.sh': FAILING } })
    const { root } = server.site
    await server.logged(/AH00106: piped log program .* failed unexpectedly/)
    let over = false
    let answers = 0
    const clients = Array.from({ length: CLIENTS }, async (_, client) => {
      for (let i = 0; !over; i++) {
        const { status } = await server.get(`/?client=${client}&n=${i}`)
        if (status === 200) answers++
      }
    })
    for (let i = 0; i < RESTARTS; i++) {
      const before = answers
      for (const name of ['access_log', 'json_log']) renameSync(join(root, 'logs', name), join(root, 'logs', `${name}.${i}`))
      const logged = server.errorLog.length
      server.signal('SIGUSR1')
      await server.logged(/AH00489|AH00163|resuming normal operations/, logged)
      await until('more answers', () => answers > before + 20)
    }
    over = true
    await Promise.all(clients)
    await server.stop()
    t.ok(answers > 20 * RESTARTS)
    t.equal(lines(root, 'access_log').length, answers, 'access_log')
    t.equal(lines(root, 'json_log').length, answers, 'json_log')
    for (const line of lines(root, 'json_log')) t.match(JSON.parse(line), { status: 200, uri: '/', method: 'GET' })
    // Programs end by themselves, when they have read all.
    await until('the programs to end', () => lines(root, 'piped_log').length >= answers).catch(() => undefined)
    t.equal(new Set(lines(root, 'piped_log')).size, answers, 'piped_log')
  })
}
