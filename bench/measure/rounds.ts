/*
 * A workload in rounds: A B C A B C …, so that whatever else the machine does meets all servers alike. All servers of
 * a workload run through all of its rounds; who is not asked waits.
 */
import type { Contender, Driver, Features, Figures, Instance, Job, Lab, Load, Measured, Order, Seen } from '../contract.ts'
import { SERVERS } from '../servers/all.ts'
import { contentOf, makeDocuments } from '../workloads/documents.ts'
import { cpuOf, memoryOf } from './family.ts'
import { probe } from './probe.ts'

/** A contender that runs, with what it is asked and the size of each answer. */
interface Runner {
  readonly contender: Contender
  readonly instance: Instance
  readonly order: Order
  readonly size: number
}

export const jobOf = (load: Load, { job = {} }: Contender): Job => ({ ...load.job, ...job })

export const featuresOf = (load: Load, contender: Contender): Features =>
  ({ connections: load.job.connections, ...load.features, ...contender.features })

/** Whole seconds. */
export const warmUpOf = ({ warmUp }: Load, { server }: Contender): number => warmUp ?? SERVERS[server].warmUp

/** @throws Error if the answer is not the one that is to be measured */
async function checkedSize(who: string, { order, instance }: Omit<Runner, 'size'>): Promise<number> {
  const { status, body, size, ended } = await probe(instance.place.port, order)
  const fail = (text: string): never => { throw new Error(`${who} answers ${order.path} with ${text}`) }
  if (status !== order.status) fail(`${status}, not ${order.status}`)
  const content = status === 200 ? contentOf(order.path) : undefined
  // The floor has no files: only the length is right.
  if (content !== undefined && body.length !== content.length) fail(`${body.length} bytes, not ${content.length}`)
  if (content !== undefined && who !== 'bare' && body !== content) fail('another text')
  if (ended !== (order.close === true)) fail(ended ? 'the end of the connection' : 'a connection that stays')
  return size
}

/** What is wrong with a measurement: a figure of wrong answers is worth nothing. */
export function faultOf(seen: Seen, job: Job, size: number): string | undefined {
  const { requests, bytes, good, bad, faults } = seen
  if (requests === 0) return 'no request was answered'
  const kinds = Object.entries(faults).filter(([, count]) => count > 0).map(([kind, count]) => `${count} (${kind})`)
  if (kinds.length > 0) return `${kinds.join(', ')} of ${requests} requests failed`
  const [wrong, name] = job.status < 400 ? [bad, 'from 400 up'] : [good, 'below 400']
  if (wrong > 0) return `${wrong} of ${requests} answers have a status ${name}`
  // What is under way at the end is counted with its bytes, not as a request.
  const expected = requests * size
  if (bytes !== undefined && (bytes < expected || bytes > expected + job.connections * size))
    return `${bytes} bytes came, where ${requests} answers of ${size} bytes are ${expected}`
  return undefined
}

async function measure(driver: Driver, { contender, instance, order, size }: Runner): Promise<Figures> {
  const before = cpuOf(instance.pid)
  const seen = await driver.run(order)
  const cpu = cpuOf(instance.pid) - before
  const fault = faultOf(seen, order, size)
  if (fault !== undefined) throw new Error(`${contender.name}: ${fault}`)
  const { pss, private: own } = memoryOf(instance.pid)
  const { requests, seconds, p50, p99 } = seen
  return {
    cpu: (cpu * 1e6) / requests, rate: requests / seconds, pss, private: own,
    ...(p50 !== undefined && { p50 }), ...(p99 !== undefined && { p99 }),
  }
}

/** Starts what contenders need; those that want the same server share it. */
async function runnersOf(lab: Lab, load: Load): Promise<Runner[]> {
  const instances = new Map<string, Instance | undefined>()
  const runners: Runner[] = []
  for (const contender of load.contenders) {
    const features = featuresOf(load, contender)
    const key = `${contender.server} ${JSON.stringify(features)}`
    if (!instances.has(key)) instances.set(key, await lab.start(contender, features))
    const instance = instances.get(key)
    if (instance === undefined) continue
    const order = { ...jobOf(load, contender), port: instance.place.port, seconds: lab.seconds, directory: lab.directory }
    const runner = { contender, instance, order }
    runners.push({ ...runner, size: await checkedSize(contender.server, runner) })
  }
  return runners
}

/** Runs a workload. @throws Error if a server answers what it should not */
export async function runLoad(lab: Lab, load: Load, driver: Driver): Promise<Measured[]> {
  for (const contender of load.contenders) makeDocuments(lab.documents, jobOf(load, contender).path)
  const runners = await runnersOf(lab, load)
  const rounds = runners.map((): Figures[] => [])
  for (const { contender, order } of runners) await driver.run({ ...order, seconds: warmUpOf(load, contender) })
  for (let round = 0; round < lab.rounds; round++)
    for (const [n, runner] of runners.entries()) rounds[n]!.push(await measure(driver, runner))
  for (const runner of runners) await checkedSize(runner.contender.server, runner)
  return runners.map(({ contender, instance }, n) =>
    ({ contender: contender.name, configuration: instance.configuration, rounds: rounds[n]! }))
}
