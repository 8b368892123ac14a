/** Who is at the two ends of a connection. */
import type { Endpoint, Fd, Net } from '../port/port.ts'

export abstract class ConnectionEnds {
  readonly fd: Fd
  /** Whoever a proxy speaks for, once it has said so (PROXY protocol). */
  peer: Endpoint
  readonly #net: Net
  #local: Endpoint | undefined

  /** @param local asked of the system when it is needed, if it is not known */
  constructor(net: Net, fd: Fd, peer: Endpoint, local: Endpoint | undefined) {
    this.#net = net
    this.fd = fd
    this.peer = peer
    this.#local = local
  }

  get clientIp(): string {
    return this.peer.address
  }

  get clientPort(): number {
    return this.peer.port
  }

  /** Who has connected: the proxy, where one has said for whom. Not known any more once the connection is closed. */
  get peerIp(): string {
    return this.introduced ? this.#net.peerEnd(this.fd)?.address ?? this.clientIp : this.clientIp
  }

  get introduced(): boolean {
    return this.peer.introduced === true
  }

  get localIp(): string {
    return this.#localEnd().address
  }

  get localPort(): number {
    return this.#localEnd().port
  }

  #localEnd(): Endpoint {
    return (this.#local ??= this.#net.localEnd(this.fd))
  }
}
