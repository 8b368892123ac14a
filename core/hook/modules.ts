/** The modules of one generation: the table that directives, hooks, `<IfModule>`, `-l` and `-M` read. */
import type { Directive, ModuleTable } from '../config/directive.ts'
import type { AnySettings } from '../config/settings.ts'
import { Filters, type Filtering } from './filter.ts'
import { createHooks, type Hooks } from './hooks.ts'
import type { Module } from './module.ts'

export interface LoadedModule {
  readonly module: Module
  readonly symbol: string
  /** How it came into the program; a loadable one with the line that loaded it. */
  readonly linkage: 'static' | 'shared'
  readonly path?: string
  readonly at?: { readonly file: string; readonly line: number }
}

interface Row {
  readonly directive: Directive
  readonly symbol: string
  readonly file: string
}

export class ModuleList implements ModuleTable {
  readonly loaded: LoadedModule[] = []
  readonly hooks: Hooks = createHooks()
  readonly filters = new Filters()
  readonly #rows = new Map<string, Row[]>()

  /** Adds a module's directives and hooks. Order of calls is load order. */
  add(loaded: LoadedModule): void {
    const { module, symbol } = loaded
    this.loaded.push(loaded)
    for (const directive of module.directives ?? []) {
      const key = directive.name.toLowerCase()
      const row = { directive, symbol, file: module.file }
      const rows = this.#rows.get(key)
      if (rows === undefined) this.#rows.set(key, [row])
      else rows.push(row)
    }
    this.filters.add(module)
    module.register?.(this.hooks, (hook, fn, place) => hook.add(symbol, fn, place))
  }

  find(name: string): readonly Row[] {
    return this.#rows.get(name.toLowerCase()) ?? []
  }

  has(name: string): boolean {
    return this.loaded.some(({ module, symbol }) => symbol === name || module.file === name)
  }

  *names(): Iterable<string> {
    for (const { module } of this.loaded) for (const directive of module.directives ?? []) yield directive.name
  }

  outputFilterType(name: string): number | undefined {
    return this.filters.output(name)?.type
  }

  addFilters(filters: Filtering): void {
    this.filters.add(filters)
  }

  settings(): readonly AnySettings[] {
    return this.loaded.flatMap(({ module }) => module.settings ?? [])
  }
}
