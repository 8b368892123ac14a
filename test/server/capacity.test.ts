/* The capacity plan, and what memory settings mean to V8. */
import t from 'tap'
import { Worker } from 'node:worker_threads'
import { capacityPlan, type Plan } from '../../core/server/capacity.ts'
import { COSTS, memoryFor, sizeText } from '../../core/server/costs.ts'
import { isUsableStack, LEAST_STACK, MOST_STACK, processArguments, threadOptions } from '../../core/server/v8_limits.ts'

const MIB = 1024 * 1024
const event: Plan = {
  traits: { name: 'event', processes: 'dynamic', threads: 'fixed', async: true },
  population: {
    startServers: 1, serverLimit: 16, threadLimit: 64, threadsPerChild: 4, maxServers: 16, minSpare: 2, maxSpare: 16, buckets: 1,
    asyncFactor: 2,
  },
  backlog: 511, listeners: 2, remarks: [],
  machine: { cores: 2, processors: 2, memory: 8192 * MIB, memoryLimited: false, longestBacklog: 4096 },
}

t.test('capacityPlan()', (t) => {
  t.same(capacityPlan(event), [
    'Capacity of the event MPM:',
    '  requests     64 at once: at most 16 processes of 4 threads, 1 at the start',
    '  connections  192 open at once, 1022 more may wait to be accepted',
    '  memory       about 130 MiB at the start, 2070 MiB with all workers busy',
  ])
  const prefork: Plan = {
    ...event, traits: { ...event.traits, name: 'prefork', threads: 'none', async: false }, backlog: 5000, listeners: 1,
    population: {
      startServers: 1, serverLimit: 256, threadLimit: 1, threadsPerChild: 1, maxServers: 1, minSpare: 2, maxSpare: 8, buckets: 2,
    },
    machine: { ...event.machine, memory: 64 * MIB, memoryLimited: true },
    remarks: [
      'AH00180: WARNING: MaxRequestWorkers of 3 exceeds ServerLimit value of 1 servers, decreasing MaxRequestWorkers to 1. ' +
        'To increase, please see the ServerLimit directive.',
      'AH00186: WARNING: MinSpareServers of 0 not allowed, increasing to 1 to avoid almost certain server failure. Please …',
    ],
  }
  t.same(capacityPlan(prefork), [
    'Capacity of the prefork MPM:',
    '  requests     1 at once: at most 1 process, 1 at the start',
    '  connections  1 open at once, 8192 more may wait to be accepted',
    '  memory       about 70 MiB at the start, 80 MiB with all workers busy',
    '  WARNING      that does not fit into the 64 MiB that this server may use: lower MaxRequestWorkers',
    '  corrected    MaxRequestWorkers of 3 exceeds ServerLimit value of 1 servers, decreasing MaxRequestWorkers to 1',
    '  corrected    MinSpareServers of 0 not allowed, increasing to 1 to avoid almost certain server failure',
  ], 'a queue is no longer than the system lets it be; one for each set of sockets')
  const many = capacityPlan({ ...prefork, remarks: Array.from({ length: 9 }, (_, n) => `AH0000${n}: WARNING: text ${n}.`) })
  t.equal(many.length, 8, 'never more than eight lines')
  t.same(many.slice(5), ['  corrected    text 0', '  corrected    text 1', '  corrected    7 more, see the messages'])
  const factor = (asyncFactor: number) => capacityPlan({ ...event, population: { ...event.population, asyncFactor } })[2]
  t.match(factor(2.9), ' 192 open', 'as the listener counts: whole connections')
  t.match(factor(0.5), ' 64 open')
  t.end()
})

t.test('memoryFor()', (t) => {
  const { shared, process, thread, busy } = COSTS
  t.same(memoryFor({ processes: 2, threads: 3, mainServes: true }),
    { idle: shared + 3 * process + 6 * thread, busy: shared + 3 * process + 6 * thread + 8 * busy })
  t.same(memoryFor({ processes: 2, threads: 0, mainServes: false }),
    { idle: shared + 3 * process, busy: shared + 3 * process + 2 * busy })
  t.same([1.4 * MIB, 9999 * MIB, 10_240 * MIB].map(sizeText), ['1 MiB', '9999 MiB', '10.0 GiB'])
  t.end()
})

t.test('MaxMemFree and ThreadStackSize', (t) => {
  const kib = (maxMemFree: number, threadStackSize = 0) => ({ maxMemFree: maxMemFree * 1024, threadStackSize })
  t.same([threadOptions(kib(0)), processArguments(kib(0))], [{}, []], 'nothing is limited')
  t.same([threadOptions(kib(-5)), processArguments(kib(-5))], [{}, []])
  const semi = [1, 1024, 1025, 2048, 2049, 16_384, 1e9].map((size) => processArguments(kib(size))[0])
  t.same(semi, [1, 1, 2, 2, 4, 16, 64].map((size) => `--max-semi-space-size=${size}`))
  t.same(threadOptions(kib(2048)), { resourceLimits: { maxYoungGenerationSizeMb: 6 } })
  t.same(threadOptions(kib(0, MIB)), { resourceLimits: { stackSizeMb: 1 } })
  t.same(threadOptions(kib(1024, 2 * MIB)), { resourceLimits: { maxYoungGenerationSizeMb: 3, stackSizeMb: 2 } })
  for (const bytes of [1, LEAST_STACK - 1, MOST_STACK + 1]) {
    t.notOk(isUsableStack(bytes))
    t.same(threadOptions(kib(0, bytes)), {}, 'the default instead')
  }
  t.ok([0, LEAST_STACK, MOST_STACK].every(isUsableStack))
  t.end()
})

/** How deep a thread can call. */
const depthOf = (bytes: number): Promise<number> => new Promise((resolve, reject) => {
  const code = 'let d = 0; function f() { d++; f() } try { f() } catch {} require("worker_threads").parentPort.postMessage(d)'
  new Worker(code, { eval: true, ...threadOptions({ maxMemFree: 1, threadStackSize: bytes }) })
    .on('message', resolve).on('error', reject)
})

t.test('a thread starts with the least stack and with a large one', async (t) => {
  const least = await depthOf(LEAST_STACK)
  t.ok(least > 500, `room for ${least} calls`)
  t.ok(await depthOf(16 * MIB) > 4 * least)
})
