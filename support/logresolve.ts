/*
 * logresolve: host names in place of the addresses that the lines of a log begin with. Options and the form of the
 * statistics are those of Apache's program; names are looked for several at a time, and lines keep their order.
 */
import { lookup, lookupService } from 'node:dns/promises'
import { closeSync, openSync, writeSync } from 'node:fs'
import { OptionFault, optionsOf } from './shared/options.ts'
import { linesOf, NameResolver, resolveAll, statisticsText, type NameService } from './logresolve/resolver.ts'

/** How many names are looked for at once: each has a thread that waits for the answer. */
const AT_ONCE = 32

const USAGE = `Usage: logresolve [-s file] [-c] < log > log-with-names

  -s  write to a file how many names were looked for and found
  -c  use a name only if it leads back to the address
`

const say = (line: string): void => void process.stderr.write(`${line}\n`)

const system: NameService = {
  nameOf: async (address) => (await lookupService(address, 0)).hostname,
  addressesOf: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
}

function write(text: string): Promise<void> | void {
  if (process.stdout.write(text, 'latin1')) return
  return new Promise((done) => void process.stdout.once('drain', done))
}

async function main(): Promise<void> {
  process.env['UV_THREADPOOL_SIZE'] ??= String(AT_ONCE)
  const { given } = optionsOf(process.argv.slice(2), 's:c')
  const file = given.findLast(({ letter }) => letter === 's')?.value
  const resolver = new NameResolver(system, given.some(({ letter }) => letter === 'c'))
  // Whoever reads the result may stop reading: there is nothing more to do then.
  process.stdout.on('error', () => process.exit(1))
  await resolveAll(linesOf(process.stdin), resolver, write)
  if (file !== undefined) writeStatistics(file, resolver)
}

function writeStatistics(file: string, resolver: NameResolver): void {
  try {
    const fd = openSync(file, 'w')
    writeSync(fd, statisticsText(resolver))
    closeSync(fd)
  } catch {
    say(`logresolve: Could not open ${file} for writing.`)
    process.exitCode = 1
  }
}

main().catch((error: unknown) => {
  if (!(error instanceof OptionFault)) throw error
  say(`logresolve: ${error.message}`)
  process.stderr.write(USAGE)
  process.exitCode = 1
})
