/*
 * From addresses to names: a bounded number of questions at once, each address asked for once. What answers is a
 * parameter, so that this runs without a name service.
 */
import { isIP } from 'node:net'

export interface NameService {
  /** The name of an address. @throws if it has none */
  nameOf(address: string): Promise<string>
  /** The addresses of a name, for -c. @throws if there are none */
  addressesOf(name: string): Promise<readonly string[]>
}

/** What -s writes. */
export interface Statistics {
  entries: number
  withName: number
  resolves: number
  hits: number
  noReverse: number
  doubleFailed: number
}

/** So many answers are remembered; then the oldest go. */
const MOST_REMEMBERED = 200_000

export class NameResolver {
  readonly statistics: Statistics = { entries: 0, withName: 0, resolves: 0, hits: 0, noReverse: 0, doubleFailed: 0 }
  readonly #service: NameService
  readonly #checks: boolean
  readonly #known = new Map<string, Promise<string>>()

  /** @param checks -c: a name counts only if the address is one of its own */
  constructor(service: NameService, checks: boolean) {
    this.#service = service
    this.#checks = checks
  }

  get remembered(): number {
    return this.#known.size
  }

  /** The line with the name in place of the address that it begins with. @param line with its end, if it has one */
  lineFor(line: string): string | Promise<string> {
    const { statistics } = this
    statistics.entries++
    const space = line.indexOf(' ')
    const address = line.slice(0, Math.max(space, 0))
    if (isIP(address) === 0) {
      statistics.withName++
      return line
    }
    let name = this.#known.get(address)
    if (name === undefined) this.#remember(address, name = this.#ask(address))
    else statistics.hits++
    return name.then((found) => found + line.slice(space))
  }

  #remember(address: string, name: Promise<string>): void {
    if (this.#known.size >= MOST_REMEMBERED) this.#known.delete(this.#known.keys().next().value!)
    this.#known.set(address, name)
  }

  /** Its name, or the address itself. */
  async #ask(address: string): Promise<string> {
    const { statistics } = this
    statistics.resolves++
    const name = await this.#service.nameOf(address).catch(() => undefined)
    if (name === undefined) {
      statistics.noReverse++
      return address
    }
    // Names come from whoever has the address: what is no name of a host would be another line, or another field.
    const isName = /^[-\w.]+$/.test(name)
    const found = isName && this.#checks ? await this.#service.addressesOf(name).catch(() => []) : []
    if (isName && (!this.#checks || found.some((one) => isSame(one, address)))) return name
    statistics.doubleFailed++
    return address
  }
}

/** Two spellings of one address. */
function isSame(one: string, other: string): boolean {
  if (isIP(one) !== isIP(other)) return false
  return isIP(one) === 4 ? one === other : plain(one) === plain(other)
}

/** An IPv6 address in the one form that URLs have. */
const plain = (address: string): string => new URL(`http://[${address.replace(/%.*/, '')}]`).hostname

export function statisticsText({ statistics, remembered }: NameResolver): string {
  const { entries, withName, resolves, hits, noReverse, doubleFailed } = statistics
  return [
    'logresolve Statistics:', `Entries: ${entries}`, `    With name   : ${withName}`, `    Resolves    : ${resolves}`,
    ...(noReverse > 0 ? [`    - No reverse : ${noReverse}`] : []),
    ...(doubleFailed > 0 ? [`    - Double lookup failed : ${doubleFailed}`] : []),
    `Cache hits      : ${hits}`, `Cache size      : ${remembered}`, '',
  ].join('\n')
}

/** Lines with their ends, of chunks of bytes. A line is cut where it is longer than `most` characters. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, most = 1 << 20): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of chunks) {
    rest += Buffer.from(chunk).toString('latin1')
    let from = 0
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n', from)) {
      yield rest.slice(from, end + 1)
      from = end + 1
    }
    rest = rest.slice(from)
    if (rest.length <= most) continue
    yield rest
    rest = ''
  }
  if (rest !== '') yield rest
}

/** As many lines as this may wait for the first of them. */
const WINDOW = 2000

/** All lines in their order; `write` gets the texts, and answers when it can take more. */
export async function resolveAll(
  lines: AsyncIterable<string>, resolver: NameResolver, write: (text: string) => Promise<void> | void,
): Promise<void> {
  let waiting: (string | Promise<string>)[] = []
  const flush = async (): Promise<void> => {
    let text = ''
    for (const line of waiting) text += typeof line === 'string' ? line : await line
    waiting = []
    await write(text)
  }
  for await (const line of lines) if (waiting.push(resolver.lineFor(line)) >= WINDOW) await flush()
  await flush()
}
