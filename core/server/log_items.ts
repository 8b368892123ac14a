/**
 * The items of access log formats (`%I`, `%{NAME}x`) that modules add to those of mod_log_config: Apache's
 * log_pfn_register.
 */
import type { Request } from '../hook/types.ts'

/** What stands for an item with one argument: made when the configuration is read, asked for each request. */
export interface LogValue {
  /** `number`: digits only. `plain`: shown as it is in a text format. `bytes`: anything, one character per byte. */
  readonly kind: 'number' | 'plain' | 'bytes'
  /** Undefined: there is none; a text format shows `-`. */
  readonly of: (r: Request) => string | undefined
  /** What a text format shows for an empty value. */
  readonly empty?: string
}

export interface LogItem {
  /** @param argument the text in braces, empty without @throws ConfigError */
  readonly make: (argument: string) => LogValue
  /** Of the chain of internal redirects, the request that was asked for, not the one that answered. */
  readonly original?: true
}

const items = new Map<string, LogItem>()

/**
 * Makes an item known. A later registration of the same name counts.
 * @param name one letter, or `^` and two letters
 */
export function registerLogItem(name: string, item: LogItem): void {
  items.set(name, item)
}

export const registeredLogItem = (name: string): LogItem | undefined => items.get(name)
