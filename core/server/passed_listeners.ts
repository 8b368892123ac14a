/** Sockets that a service manager has opened, found by the Listen directives that ask for the same address and port. */
import type { Endpoint, Fd, Service } from '../port/port.ts'
import { readSockaddr, SOCKADDR_BYTES, writeSockaddr } from '../port/sockaddr.ts'
import type { PassedSocket } from './service_manager.ts'

interface Passed extends PassedSocket {
  /** undefined: not a TCP socket that listens. */
  readonly at: Endpoint | undefined
  used: boolean
}

export interface PassedListener {
  readonly fd: Fd
  readonly address: string
}

/** What a Listen without an address means, in the order in which it is looked for. */
const EVERY_ADDRESS = ['::', '0.0.0.0']

export class PassedListeners {
  readonly #sockets: Passed[]

  constructor(sockets: readonly PassedSocket[], service: () => Service) {
    this.#sockets = sockets.map((socket) => {
      // Whatever it is, no program that the server starts has a use for it.
      service().prepareInherited(socket.fd)
      return { ...socket, at: service().listeningAt(socket.fd), used: false }
    })
  }

  /** The socket that listens there, or undefined. @param address numeric; undefined for every address */
  take(address: string | undefined, port: number): PassedListener | undefined {
    const wanted = address === undefined ? EVERY_ADDRESS : [canonical(address)]
    for (const one of wanted) {
      const found = this.#sockets.find(({ at }) => at?.port === port && at.address === one)
      if (found === undefined) continue
      found.used = true
      return { fd: found.fd, address: one }
    }
    return undefined
  }

  /** It stays open for a later configuration that names it: the manager has it, so nobody could bind it anew. */
  has(fd: Fd): boolean {
    return this.#sockets.some((socket) => socket.fd === fd)
  }

  /** A warning for each socket that no configuration has asked for, once. */
  unusedWarnings(): string[] {
    return this.#sockets.filter(({ used }) => !used).map((socket) => {
      socket.used = true
      const what = socket.at === undefined ? 'does not listen for TCP connections'
        : `listens at ${shown(socket.at)}, which no Listen directive names`
      return `SY00051: the socket "${socket.name}" (descriptor ${socket.fd}) that was passed to the server ${what}: it is not used`
    })
  }
}

const canonical = (address: string): string => {
  const bytes = Buffer.alloc(SOCKADDR_BYTES)
  writeSockaddr(bytes, address, 0)
  return readSockaddr(bytes).address
}

const shown = ({ address, port }: Endpoint): string => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`)
