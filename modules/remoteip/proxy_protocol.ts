/**
 * The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): who is behind a proxy, told in front of the first
 * request. Pure.
 */
import { isIP } from 'node:net'

/** `more`: so far it may be one. `none`: it is none. */
export type Told =
  | 'more'
  | 'none'
  | { readonly fault: string }
  | { readonly used: number; readonly client: { readonly address: string; readonly port: number } | undefined }

/** Bytes of the longest line of version 1, CRLF included. */
const LONGEST_LINE = 107
const LINE_START = Buffer.from('PROXY ')
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
/** Of version 2: signature, version and command, family, length. */
const FIXED = 16
/** Addresses and what may follow them; haproxy sends some hundred bytes at most. */
const LONGEST = 4096
const TCP4 = 0x11, TCP6 = 0x21
const LOCAL = 0x20, PROXY = 0x21

export function read(bytes: Buffer): Told {
  if (startsLike(bytes, SIGNATURE)) return bytes.length < FIXED ? 'more' : binary(bytes)
  if (startsLike(bytes, LINE_START)) return line(bytes)
  return 'none'
}

/** As far as both go they are the same. */
const startsLike = (bytes: Buffer, start: Buffer): boolean => {
  const length = Math.min(bytes.length, start.length)
  return bytes.compare(start, 0, length, 0, length) === 0
}

function line(bytes: Buffer): Told {
  const end = bytes.subarray(0, LONGEST_LINE).indexOf('\r\n')
  if (end < 0) return bytes.length < LONGEST_LINE ? 'more' : { fault: `AH10185: RemoteIPProxyProtocol header too long, got ${bytes.length} expected ${LONGEST_LINE}` }
  const text = bytes.toString('latin1', 0, end)
  const used = end + 2
  const [, family, address, destination, port] = text.split(' ')
  const fault = (number: string, what: string): Told => ({ fault: `${number}: RemoteIPProxyProtocol: ${what} header '${text}'` })
  if (family === undefined || family === '') return fault('AH03497', 'no family found in')
  if (family === 'UNKNOWN') return { used, client: undefined }
  const version = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : 0
  if (version === 0) return fault('AH03499', `unknown family '${family}' in`)
  if (!address) return fault('AH03497', 'no client-address found in')
  // A zone is of this machine: nobody else can say it.
  if (isIP(address) !== version || address.includes('%')) return fault('AH03500', `invalid client-address '${address}' found in`)
  if (!destination) return fault('AH03497', 'no destination-address found in')
  if (!port) return fault('AH03497', 'no client-port found in')
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) return fault('AH03501', `error parsing port '${port}' in`)
  return { used, client: { address, port: Number(port) } }
}

function binary(bytes: Buffer): Told {
  const command = bytes[12]!
  const family = bytes[13]!
  const length = bytes.readUInt16BE(14)
  const used = FIXED + length
  if (length > LONGEST) return { fault: 'AH10186: RemoteIPProxyProtocol protocol header length too long' }
  if (command !== LOCAL && command !== PROXY) return { fault: `AH03507: RemoteIPProxyProtocol: unsupported command ${hex(command)}` }
  if (bytes.length < used) return 'more'
  if (command === LOCAL) return { used, client: undefined }
  if (family === TCP4) {
    if (length < 12) return { fault: `AH10597: RemoteIPProxyProtocol: address length ${length} too short for TCPv4` }
    return { used, client: { address: bytes.subarray(FIXED, FIXED + 4).join('.'), port: bytes.readUInt16BE(FIXED + 8) } }
  }
  if (family === TCP6) {
    if (length < 36) return { fault: `AH10598: RemoteIPProxyProtocol: address length ${length} too short for TCPv6` }
    return { used, client: { address: ipv6(bytes.subarray(FIXED, FIXED + 16)), port: bytes.readUInt16BE(FIXED + 32) } }
  }
  return { fault: `AH10183: RemoteIPProxyProtocol: unsupported protocol ${hex(family)}` }
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0')

const ipv6 = (bytes: Buffer): string => {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(':')
  return new URL(`http://[${groups}]`).hostname.slice(1, -1)
}
