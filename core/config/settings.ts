/**
 * Typed configuration. A section *says* some settings; what *holds* is what
 * was said, over what the enclosing section said, over the defaults.
 *
 * A module declares one `Settings` per scope: `server` for what belongs to a
 * (virtual) server as a whole, `directory` for what sections may change.
 */
import { arity, type Arg, type Values } from './args.ts'
import type { Where } from './where.ts'
import type { Command, Directive } from './directive.ts'

export type Scope = 'server' | 'directory'

let count = 0

/** What was said in one place, by the index of the settings. */
export class ConfigVector {
  #said: object[] = []
  #holds: object[] = []

  /** What this place says: written by directives. */
  said<T extends object>(settings: Settings<T>): Partial<T> {
    this.#holds.length = 0
    return (this.#said[settings.index] ??= {})
  }

  /** The same to be read; undefined if nothing was said. */
  says<T extends object>(settings: Settings<T>): Readonly<Partial<T>> | undefined {
    return this.#said[settings.index] as Readonly<Partial<T>> | undefined
  }

  /** What holds: complete, frozen, made once. Cheap enough for the request path. */
  holds<T extends object>(settings: { readonly index: number; readonly defaults: Readonly<T> }): Readonly<T> {
    const held = this.#holds[settings.index]
    if (held !== undefined) return held as Readonly<T>
    const said = this.#said[settings.index]
    return (this.#holds[settings.index] = Object.freeze({ ...settings.defaults, ...said }))
  }

  /** A new vector in which what `inner` says wins, setting by setting. */
  mergedWith(inner: ConfigVector, all: readonly AnySettings[]): ConfigVector {
    const merged = new ConfigVector()
    for (const settings of all) {
      const outside = this.#said[settings.index]
      const inside = inner.#said[settings.index]
      if (outside === undefined && inside === undefined) continue
      merged.#said[settings.index] = settings.merge(outside ?? {}, inside ?? {})
    }
    return merged
  }
}

/** How one setting joins with the outer one, where "the inner wins" is wrong. */
export type Merges<T> = { readonly [K in keyof T]?: (outer: T[K], inner: T[K]) => T[K] }

/** Settings of any shape. */
// `any`: settings of different shapes stand in one list; each reads and writes its own index only.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnySettings = Settings<any>

export class Settings<T extends object> {
  readonly index = count++
  readonly scope: Scope
  readonly defaults: Readonly<T>
  readonly #merges: Merges<T>

  constructor(scope: Scope, defaults: T, merges: Merges<T> = {}) {
    this.scope = scope
    this.defaults = Object.freeze({ ...defaults })
    this.#merges = merges
  }

  merge(outer: Partial<T>, inner: Partial<T>): Partial<T> {
    const merged = { ...outer, ...inner }
    for (const key of Object.keys(this.#merges) as (keyof T)[])
      if (key in outer && key in inner)
        merged[key] = this.#merges[key]!(outer[key] as T[keyof T], inner[key] as T[keyof T])
    return merged
  }

  /**
   * One row of a module's directive table.
   * @param set the setting's name (for a single argument), or a function that writes what the line says
   */
  directive<const A extends readonly Arg<unknown>[]>(
    name: string, args: A, set: Setter<T, A>, where: Where, help: string,
  ): Directive {
    const { min, max, takes } = arity(args)
    return {
      name, where, help, takes,
      scope: this.scope,
      apply: (command, words) => {
        // An empty word where one is needed is none, as in Apache.
        if (words.length < min || words.length > max || words.slice(0, min).includes('')) throw command.usage(takes)
        const rest = [...words]
        const values = args.map((arg) => arg.take(rest, command)) as Values<A>
        const said = command.vector(this.scope).said(this)
        if (typeof set === 'function') set(said, command, ...values)
        else said[set as keyof T] = values[0] as T[keyof T]
      },
    }
  }
}

/**
 * Adds to a list that one place says: in place, so that a file of many lines is read in a time that grows with their
 * number. Never to a list of the defaults, nor to one that was merged.
 */
export function addTo<T>(list: readonly T[] | undefined, more: T): readonly T[] {
  if (list === undefined) return [more]
  ;(list as T[]).push(more)
  return list
}

/** A function, or for a single argument the name of the setting it goes to. */
export type Setter<T, A extends readonly Arg<unknown>[]> =
  | ((said: Partial<T>, command: Command, ...values: Values<A>) => void)
  | (A extends readonly [Arg<infer V>] ? KeyFor<T, V> : never)

type KeyFor<T, V> = { [K in keyof T]: V extends T[K] ? K : never }[keyof T]
