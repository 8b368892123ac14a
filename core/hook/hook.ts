/**
 * Hooks: named places where modules add functions.
 *
 * The three kinds share one loop. They differ in two values only: which answer
 * stops the walk, and what an unstopped walk answers.
 *
 *   kind      stops at                        otherwise answers
 *   runVoid   nothing                         undefined
 *   runAll    all but OK and DECLINED         OK
 *   runFirst  all but `declined`              `declined`
 */
export type Status = number
export const OK: Status = 0
export const DECLINED: Status = -1
export const DONE: Status = -2
/** The walk met a function that may block, on a thread that must not: serve the request elsewhere. */
export const HANDOVER: Status = -100

/** Lower runs earlier. The same five steps as APR_HOOK_*. */
export const Order = { reallyFirst: -10, first: 0, middle: 10, last: 20, reallyLast: 30 } as const

/** Where a function asks to stand, and what it promises. `after` and `before` name module symbols. */
export interface Place {
  readonly order?: number
  readonly after?: readonly string[]
  readonly before?: readonly string[]
  /**
   * True: the function never blocks (no synchronous waiting, no long computation), so event's
   * listener may call it. Unless promised, a request that meets it is served by a thread of the crew.
   */
  readonly quick?: boolean
  /** Only for the `handler` hook: run only if the request's handler has this name. */
  readonly handler?: string
  /** Asked once per distinct configuration, never per request: false leaves the function out there. */
  readonly when?: (settings: Configured) => boolean
}

/** The two configurations that a function may have something to say for. */
export interface Configured {
  /** Settings of the (virtual) server. */
  server<T extends object>(settings: { readonly index: number; readonly defaults: Readonly<T> }): Readonly<T>
  /** Settings merged from the sections that hold for the request. */
  dir<T extends object>(settings: { readonly index: number; readonly defaults: Readonly<T> }): Readonly<T>
}

export type Answer<R> = R | Promise<R>

export const isPromise = <R>(answer: Answer<R>): answer is Promise<R> => answer instanceof Promise

/** Goes on with an answer: at once, or when its promise resolves. */
export const after = <R, S>(answer: Answer<R>, goOn: (result: R) => Answer<S>): Answer<S> =>
  answer instanceof Promise ? answer.then(goOn) : goOn(answer)

export type HookFn<T, R> = (arg: T) => Answer<R>

export interface Link<T, R> {
  readonly owner: string
  readonly fn: HookFn<T, R>
  readonly place: Place
}

/** A list of functions in running order, made when configuration is read; see `Hook.chain`. */
export type Chain<T, R> = readonly HookFn<T, R>[]

export class Hook<T, R> {
  readonly name: string
  readonly #stops: (answer: R) => boolean
  readonly #otherwise: R
  #links: Link<T, R>[] = []
  #all: Chain<T, R> | undefined

  constructor(name: string, stops: (answer: R) => boolean, otherwise: R) {
    this.name = name
    this.#stops = stops
    this.#otherwise = otherwise
  }

  add(owner: string, fn: HookFn<T, R>, place: Place = {}): void {
    this.#links.push({ owner, fn, place })
    this.#all = undefined
  }

  /** The links in the order they run, with their owners: for a listing. */
  links(): readonly Link<T, R>[] {
    return inOrder(this.name, this.#links)
  }

  /** The functions of those links that `select` keeps; `substitute` may stand in for one. */
  chain(
    select: (link: Link<T, R>) => boolean = () => true,
    substitute: (link: Link<T, R>) => HookFn<T, R> = (link) => link.fn,
  ): Chain<T, R> {
    return this.links().filter(select).map(substitute)
  }

  /** Runs all links, for hooks off the request path. */
  run(arg: T): Answer<R> {
    this.#all ??= this.chain()
    return this.walk(this.#all, arg)
  }

  /** Runs a chain. Synchronous until a function answers with a promise. */
  walk(chain: Chain<T, R>, arg: T, from = 0): Answer<R> {
    for (let i = from; i < chain.length; i++) {
      const answer = chain[i]!(arg)
      if (answer instanceof Promise)
        return answer.then((late) => (this.#stops(late) ? late : this.walk(chain, arg, i + 1)))
      if (this.#stops(answer)) return answer
    }
    return this.#otherwise
  }
}

export const runVoid = <T>(name: string) => new Hook<T, void>(name, () => false, undefined)

export const runAll = <T>(name: string) =>
  new Hook<T, Status>(name, (answer) => answer !== OK && answer !== DECLINED, OK)

export const runFirst = <T>(name: string) => firstOf<T, Status>(name, DECLINED)

/** runFirst for a hook that answers with something else than a status. */
export const firstOf = <T, R>(name: string, declined: R) =>
  new Hook<T, R>(name, (answer) => answer !== declined, declined)

/** By `order`, ties by registration; then each link's predecessors are drawn in front of it. */
export function inOrder<T, R>(hook: string, links: readonly Link<T, R>[]): Link<T, R>[] {
  const order = (link: Link<T, R>) => link.place.order ?? Order.middle
  const sorted = links.toSorted((a, b) => order(a) - order(b))
  const placed = new Set<Link<T, R>>()
  const path: Link<T, R>[] = []

  const precedes = (other: Link<T, R>, link: Link<T, R>) =>
    other !== link && (link.place.after?.includes(other.owner) || other.place.before?.includes(link.owner))
  const place = (link: Link<T, R>): void => {
    if (placed.has(link)) return
    if (path.includes(link)) {
      const cycle = [...path.slice(path.indexOf(link)), link].map((l) => l.owner).join(' > ')
      throw new Error(`Cannot order hook "${hook}": its places form a cycle: ${cycle}`)
    }
    path.push(link)
    for (const other of sorted) if (precedes(other, link)) place(other)
    path.pop()
    placed.add(link)
  }

  sorted.forEach(place)
  return [...placed]
}
