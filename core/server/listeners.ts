/**
 * Listening sockets. They belong to the control process and stay open across
 * restarts, so that no connection in an accept queue is ever lost.
 */
import type { Server } from '../hook/types.ts'
import { describeErrno, Errno, SystemError, type Endpoint, type Fd, type Net } from '../port/port.ts'
import { globalCore, type ListenAt } from './core_settings.ts'
import type { PassedListeners } from './passed_listeners.ts'

export interface Listening {
  readonly fd: Fd
  readonly address: string
  readonly port: number
  /** Bound to every address: where a connection arrived is asked per connection. */
  readonly wildcard: boolean
}

const AF_NOT_SUPPORTED = 97

export class Listeners {
  readonly #net: Net
  readonly #passed: PassedListeners
  /** Of each address, one socket for each set. */
  readonly #open = new Map<string, readonly Listening[]>()

  /** @param passed sockets of a service manager, used where a Listen names their address and port */
  constructor(net: Net, passed: PassedListeners) {
    this.#net = net
    this.#passed = passed
  }

  /**
   * Opens what the configuration asks for and is not open yet. Nothing is closed here.
   * @param buckets how many sets of sockets (ListenCoresBucketsRatio); fewer where the system cannot share a port
   * @returns the sockets of this configuration by set, or the texts that say why one could not be opened
   */
  openFor(server: Server, buckets = 1): readonly (readonly Listening[])[] | { readonly texts: readonly string[] } {
    const settings = server.get(globalCore)
    if (settings.listen.length === 0) return { texts: ['no listening sockets available, shutting down'] }
    const sets = Array.from({ length: buckets }, (): Listening[] => [])
    for (const at of settings.listen) {
      const key = keyOf(at)
      try {
        const sockets = this.#open.get(key) ?? this.#listenTimes(at, server, buckets)
        this.#open.set(key, sockets)
        sets.forEach((set, bucket) => set.push(sockets[bucket]!))
      } catch (error) {
        if (!(error instanceof SystemError)) throw error
        if (buckets > 1 && error.errno === Errno.noprotoopt) return this.openFor(server)
        const reason = `(${error.errno})${describeErrno(error.errno)}`
        const text = `${reason}: AH00072: make_sock: could not bind to address ${shown(at)}`
        return { texts: [text, 'no listening sockets available, shutting down'] }
      }
    }
    return sets
  }

  /** Closes what the configuration does not ask for any more. */
  closeOthers(keep: readonly Listening[]): void {
    for (const [key, sockets] of this.#open)
      if (!sockets.some((socket) => keep.includes(socket))) {
        for (const { fd } of new Set(sockets)) if (!this.#passed.has(fd)) this.#net.close(fd)
        this.#open.delete(key)
      }
  }

  #listenTimes(at: ListenAt, server: Server, times: number): readonly Listening[] {
    const passed = this.#takePassed(at)
    // Nobody else could share the port of a socket that was bound elsewhere: all sets have this one.
    if (passed !== undefined) return Array.from({ length: times }, () => passed)
    const sockets: Listening[] = []
    try {
      while (sockets.length < times) sockets.push(this.#listen(at, server, times > 1))
      return sockets
    } catch (error) {
      for (const { fd } of sockets) this.#net.close(fd)
      throw error
    }
  }

  #takePassed(at: ListenAt): Listening | undefined {
    const passed = this.#passed.take(at.address, at.port)
    if (passed === undefined) return undefined
    this.#net.noDelay(passed.fd)
    return listening(passed.fd, passed.address, at.port)
  }

  #listen(at: ListenAt, server: Server, reusePort: boolean): Listening {
    const settings = server.get(globalCore)
    const options = {
      backlog: settings.listenBacklog, reusePort,
      sendBuffer: settings.sendBufferSize, receiveBuffer: settings.receiveBufferSize,
    }
    const open = (address: string): Listening =>
      listening(this.#net.listen({ address, port: at.port, v6only: at.address !== undefined }, options), address, at.port)
    if (at.address !== undefined) return open(at.address)
    try {
      return open('::')
    } catch (error) {
      // No IPv6 on this machine.
      if (error instanceof SystemError && (error.errno === AF_NOT_SUPPORTED || error.errno === Errno.inval || error.errno === 99)) return open('0.0.0.0')
      throw error
    }
  }
}

const listening = (fd: Fd, address: string, port: number): Listening =>
  ({ fd, address, port, wildcard: address === '::' || address === '0.0.0.0' })

const keyOf = (at: ListenAt): string => `${at.address ?? '*'} ${at.port}`
const shown = ({ address = '::', port }: ListenAt): string => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`)

/** Where connections of a socket arrive, if the socket alone says it. */
export const localEndOf = (socket: Listening): Endpoint | undefined =>
  socket.wildcard ? undefined : { address: socket.address, port: socket.port }
