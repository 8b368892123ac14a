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
  readonly #open = new Map<string, Listening>()

  /** @param passed sockets of a service manager, used where a Listen names their address and port */
  constructor(net: Net, passed: PassedListeners) {
    this.#net = net
    this.#passed = passed
  }

  /**
   * Opens what the configuration asks for and is not open yet. Nothing is closed here.
   * @returns the sockets of this configuration, or the texts that say why one could not be opened
   */
  openFor(server: Server): readonly Listening[] | { readonly texts: readonly string[] } {
    const settings = server.get(globalCore)
    if (settings.listen.length === 0) return { texts: ['no listening sockets available, shutting down'] }
    const listening: Listening[] = []
    for (const at of settings.listen) {
      const key = keyOf(at)
      try {
        const socket = this.#open.get(key) ?? this.#listen(at, server)
        this.#open.set(key, socket)
        listening.push(socket)
      } catch (error) {
        if (!(error instanceof SystemError)) throw error
        const text = `(${error.errno})${describeErrno(error.errno)}: AH00072: make_sock: could not bind to address ${shown(at)}`
        return { texts: [text, 'no listening sockets available, shutting down'] }
      }
    }
    return listening
  }

  /** Closes what the configuration does not ask for any more. */
  closeOthers(keep: readonly Listening[]): void {
    for (const [key, socket] of this.#open)
      if (!keep.includes(socket)) {
        if (!this.#passed.has(socket.fd)) this.#net.close(socket.fd)
        this.#open.delete(key)
      }
  }

  #listen(at: ListenAt, server: Server): Listening {
    const settings = server.get(globalCore)
    const options = {
      backlog: settings.listenBacklog, reusePort: false,
      sendBuffer: settings.sendBufferSize, receiveBuffer: settings.receiveBufferSize,
    }
    const listening = (fd: Fd, address: string): Listening =>
      ({ fd, address, port: at.port, wildcard: address === '::' || address === '0.0.0.0' })
    const passed = this.#passed.take(at.address, at.port)
    if (passed !== undefined) {
      this.#net.noDelay(passed.fd)
      return listening(passed.fd, passed.address)
    }
    const open = (address: string): Listening =>
      listening(this.#net.listen({ address, port: at.port, v6only: at.address !== undefined }, options), address)
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

const keyOf = (at: ListenAt): string => `${at.address ?? '*'} ${at.port}`
const shown = ({ address = '::', port }: ListenAt): string => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`)

/** Where connections of a socket arrive, if the socket alone says it. */
export const localEndOf = (socket: Listening): Endpoint | undefined =>
  socket.wildcard ? undefined : { address: socket.address, port: socket.port }
