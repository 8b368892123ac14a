/** Socket addresses as the kernel writes them (Linux's sockaddr_in and sockaddr_in6). */
import type { Endpoint } from './port.ts'

export const AF_INET = 2
export const AF_INET6 = 10
/** Room for either kind. */
export const SOCKADDR_BYTES = 28

/** Writes an address; answers the length. @param address numeric, IPv6 without brackets */
export function writeSockaddr(into: Buffer, address: string, port: number): number {
  into.fill(0, 0, SOCKADDR_BYTES)
  const six = address.includes(':')
  into.writeUInt16LE(six ? AF_INET6 : AF_INET, 0)
  into.writeUInt16BE(port, 2)
  if (!six) {
    address.split('.').forEach((part, i) => into.writeUInt8(Number(part), 4 + i))
    return 16
  }
  groupsOf(address).forEach((group, i) => into.writeUInt16BE(group, 8 + 2 * i))
  return SOCKADDR_BYTES
}

/** IPv4 addresses mapped into IPv6 (::ffff:1.2.3.4) read as IPv4. */
export function readSockaddr(from: Buffer): Endpoint {
  const port = (from[2]! << 8) | from[3]!
  if (from.readUInt16LE(0) === AF_INET) return { address: dotted(from, 4), port }
  return { address: isMapped(from) ? dotted(from, 20) : compress(from), port }
}

let lastNumber = -1
let lastText = ''

/** Many connections come from one address, a proxy's say: they share its text. */
function dotted(from: Buffer, at: number): string {
  const number = from.readUInt32BE(at)
  if (number !== lastNumber) {
    lastText = `${from[at]!}.${from[at + 1]!}.${from[at + 2]!}.${from[at + 3]!}`
    lastNumber = number
  }
  return lastText
}

const isMapped = (from: Buffer): boolean =>
  from.readUInt32BE(8) === 0 && from.readUInt32BE(12) === 0 && from.readUInt32BE(16) === 0xffff

function groupsOf(address: string): number[] {
  const plain = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    `${((Number(a) << 8) | Number(b)).toString(16)}:${((Number(c) << 8) | Number(d)).toString(16)}`)
  const [head = '', tail] = plain.split('::')
  const parse = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)))
  const front = parse(head)
  const back = tail === undefined ? [] : parse(tail)
  return [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back]
}

// RFC 5952: lower case, the longest run of two or more zero groups becomes "::".
function compress(from: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => from.readUInt16BE(8 + 2 * i))
  let best = -1, length = 1
  for (let i = 0; i < 8; i++) {
    let run = 0
    while (i + run < 8 && groups[i + run] === 0) run++
    if (run > length) [best, length] = [i, run]
  }
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':')
  return best < 0 ? text(groups) : `${text(groups.slice(0, best))}::${text(groups.slice(best + length))}`
}
