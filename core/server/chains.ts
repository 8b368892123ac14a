/**
 * Which functions run for a request: decided once for each distinct
 * configuration, so that modules with nothing to say there are never called,
 * and that on event's listener nothing that may block is called.
 */
import { HANDOVER, type Chain, type Configured, type Hook, type HookFn, type Link, type Place, type Status } from '../hook/hook.ts'
import type { Hooks } from '../hook/hooks.ts'
import type { Request, Server } from '../hook/types.ts'
import type { ConfigVector } from '../config/settings.ts'
import { dirCore } from './core_settings.ts'
import { hasDeadlines } from './vectors.ts'

type RequestChain = Chain<Request, Status>

const STATUS_HOOKS = [
  'postReadRequest', 'quickHandler', 'translateName', 'mapToStorage', 'headerParser', 'accessChecker', 'accessCheckerEx',
  'checkUserId', 'authChecker', 'typeChecker', 'fixups',
] as const
/** Hooks of a request that answer a status before it is answered. */
export type StatusHook = (typeof STATUS_HOOKS)[number]

export class Chains {
  readonly postReadRequest: RequestChain
  readonly quickHandler: RequestChain
  readonly translateName: RequestChain
  readonly mapToStorage: RequestChain
  readonly headerParser: RequestChain
  readonly accessChecker: RequestChain
  readonly accessCheckerEx: RequestChain
  readonly checkUserId: RequestChain
  readonly authChecker: RequestChain
  readonly typeChecker: RequestChain
  readonly fixups: RequestChain
  readonly logTransaction: RequestChain
  readonly insertFilter: Chain<Request, void>
  readonly insertErrorFilter: Chain<Request, void>
  /** HandlerTimeout in ms, where handlers may take time at all; 0: none. */
  readonly handlerTimeout: number
  /** Somewhere in this server's configuration there is a HandlerTimeout. */
  readonly othersHaveLimits: boolean
  /** The handler that is set here is none for this thread: no need to find out what else holds for the request. */
  readonly movesAtOnce: boolean
  readonly #hooks: Hooks
  readonly #selects: (link: { readonly place: Place }) => boolean
  readonly #handlers = new Map<string, RequestChain>()
  readonly #mayBlock: boolean

  /** @param mayBlock false on a thread that must never block */
  constructor(hooks: Hooks, server: Server, vector: ConfigVector, mayBlock: boolean) {
    const configured: Configured = {
      server: (settings) => server.conf.vector.holds(settings),
      dir: (settings) => vector.holds(settings),
    }
    this.#hooks = hooks
    this.#mayBlock = mayBlock
    this.handlerTimeout = mayBlock ? vector.holds(dirCore).handlerTimeout : 0
    this.othersHaveLimits = mayBlock && this.handlerTimeout === 0 && hasDeadlines(server.all)
    this.#selects = (link) => link.place.when?.(configured) ?? true
    const made = {} as Record<StatusHook, RequestChain>
    for (const name of STATUS_HOOKS) made[name] = this.#make(name)
    this.postReadRequest = made.postReadRequest
    this.quickHandler = made.quickHandler
    this.translateName = this.#unlessLogBlocks(made)
    this.mapToStorage = made.mapToStorage
    this.headerParser = made.headerParser
    this.accessChecker = made.accessChecker
    this.accessCheckerEx = made.accessCheckerEx
    this.checkUserId = made.checkUserId
    this.authChecker = made.authChecker
    this.typeChecker = made.typeChecker
    this.fixups = made.fixups
    // Whatever ends before it could be handed over is logged where it is.
    this.logTransaction = hooks.logTransaction.chain(this.#selects)
    this.insertFilter = this.#makeInsert(hooks.insertFilter)
    this.insertErrorFilter = this.#makeInsert(hooks.insertErrorFilter)
    this.movesAtOnce = this.#moves(vector.holds(dirCore).setHandler)
  }

  // Of a handler with a name of its own that may block.
  #moves(name: unknown): boolean {
    if (this.#mayBlock || typeof name !== 'string') return false
    return this.#hooks.handler.links().some(({ place }) => place.handler === name && place.quick !== true)
  }

  /** The handlers to try for a request whose handler has this name. */
  handlers(name: string): RequestChain {
    let chain = this.#handlers.get(name)
    if (chain === undefined) {
      const wanted = (link: Link<Request, Status>) =>
        (link.place.handler === undefined || link.place.handler === name) && this.#selects(link)
      chain = this.#hooks.handler.chain(wanted, (link) => this.#safe(link))
      this.#handlers.set(name, chain)
    }
    return chain
  }

  #make(name: StatusHook): RequestChain {
    return this.#hooks[name].chain(this.#selects, (link) => this.#safe(link))
  }

  #makeInsert(hook: Hook<Request, void>): Chain<Request, void> {
    const safe = (link: Link<Request, void>): HookFn<Request, void> =>
      this.#mayBlock || link.place.quick === true ? link.fn : handOver
    return hook.chain(this.#selects, safe)
  }

  #safe(link: Link<Request, Status>) {
    return this.#mayBlock || link.place.quick === true ? link.fn : () => HANDOVER
  }

  // Logging comes when the answer is out: too late to hand the request over, so that is done at its start.
  #unlessLogBlocks(made: Record<StatusHook, RequestChain>): RequestChain {
    const blocks = !this.#mayBlock &&
      this.#hooks.logTransaction.links().some((link) => link.place.quick !== true && this.#selects(link))
    return blocks ? [() => HANDOVER] : made.translateName
  }
}

/** Where a hook answers nothing, the request itself says that it must go to another thread. */
const handOver = (r: Request): void => {
  ;(r as { mustHandOver?: boolean }).mustHandOver = true
}
