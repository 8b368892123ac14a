/*
 * Many virtual hosts, and a deep tree of directories where .htaccess may stand: 500 name-based hosts with documents,
 * logs and sections of their own start soon, and a request costs what it costs with one host. Processor time is told,
 * not demanded; what is demanded is that every answer is right.
 */
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { Client } from '../support/http.ts'
import { Server } from '../support/server.ts'
import type { Site } from '../support/site.ts'
import { privateBytes } from '../support/trial/proc.ts'
import { figure, isFull, scaled } from '../support/trial/trial.ts'

const HOSTS = scaled(500, 30)
const LEVELS = 20
const REQUESTS = scaled(30_000, 300)
const THREADS = 2

const below = (levels: number): string => Array.from({ length: levels }, (_, n) => `/level${n}`).join('')

const hostConf = ({ root }: Site, n: number): string => `
<VirtualHost *>
ServerName host${n}.example
ServerAlias www.host${n}.example
DocumentRoot "${root}/sites/${n}"
ErrorLog logs/error_${n}
CustomLog logs/access_${n} common
<Directory "${root}/sites/${n}">
Require all granted
AllowOverride All
</Directory>
</VirtualHost>
`

/** One host has the deep tree, with a file in the middle that says something. */
const filesOf = (hosts: number): Record<string, string> => ({
  ...Object.fromEntries(Array.from({ length: hosts }, (_, n) => [`sites/${n}/f.txt`, `host ${n}\n`])),
  [`sites/0${below(LEVELS)}/f.txt`]: 'deep\n',
  [`sites/0${below(LEVELS / 2)}/.htaccess`]: 'ForceType text/x-middle\n',
})

/** Seconds of processor time that a process has taken, with all of its threads. */
function processorTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Sends requests to one host after the other, and answers what is wrong with the answers. */
async function askAll(client: Client, hosts: number, count: number, path: string): Promise<string[]> {
  const faults: string[] = []
  const AT_ONCE = 20
  for (let n = 0; n < count; n += AT_ONCE) {
    for (let i = n; i < n + AT_ONCE; i++) client.send(`GET ${path} HTTP/1.1\r\nHost: www.host${i % hosts}.example\r\n\r\n`)
    for (let i = n; i < n + AT_ONCE; i++) {
      const { status, text } = await client.response()
      const expected = hosts > 1 ? `host ${i % hosts}\n` : undefined
      if (status !== 200 || (expected !== undefined && text !== expected)) faults.push(`${i}: ${status} ${text}`)
    }
  }
  return faults
}

async function cost(t: Test, server: Server, hosts: number, path: string): Promise<number> {
  const client = await server.connect()
  await askAll(client, hosts, Math.max(2 * hosts, 1000), path)
  const child = server.children()[0]!
  const before = processorTime(child)
  t.same((await askAll(client, hosts, REQUESTS, path)).slice(0, 3), [], `${path} of ${hosts} hosts`)
  client.close()
  return ((processorTime(child) - before) / REQUESTS) * 1e6
}

async function start(t: Test, hosts: number): Promise<Server> {
  const begun = performance.now()
  const server = await Server.start(t, {
    variant: 'event', workers: THREADS, files: filesOf(hosts),
    conf: (site) => `LogLevel warn\nMaxKeepAliveRequests 0\n${Array.from({ length: hosts }, (_, n) => hostConf(site, n)).join('')}`,
  })
  const child = server.children()[0]!
  figure(t, 'hosts', `event, ${hosts} hosts: first answer after ${((performance.now() - begun) / 1000).toFixed(2)} s, ` +
    `${processorTime(child).toFixed(2)} s of processor time in the child, ${(privateBytes(child) / 1e6).toFixed(0)} MB ` +
    `private with ${THREADS} threads`)
  return server
}

for (const hosts of isFull ? [1, 100, HOSTS] : [HOSTS]) {
  t.test(`${hosts} hosts`, async (t) => {
    const server = await start(t, hosts)
    const flat = await cost(t, server, hosts, '/f.txt')
    const deep = await cost(t, server, 1, `${below(LEVELS)}/f.txt`)
    const { headers } = await server.ask(`GET ${below(LEVELS)}/f.txt HTTP/1.1\r\nHost: host0.example\r\nConnection: close\r\n\r\n`)
    t.equal(headers['content-type'], 'text/x-middle', 'what stands in the middle of the tree holds')
    if (isFull) figure(t, 'hosts', `event, ${hosts} hosts: ${flat.toFixed(1)} us for a request, ${deep.toFixed(1)} us ${LEVELS} levels deep`)
    await server.stop()
  })
}
