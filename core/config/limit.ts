/** The methods of <Limit> and <LimitExcept>, and of one inside the other. Pure. */
import type { Limit } from './directive.ts'
import { ConfigError } from './errors.ts'

/**
 * @param name of the section, with its `<`, for messages
 * @param outer the enclosing <Limit> or <LimitExcept>
 * @throws ConfigError if it would hold for no method, or for TRACE
 */
export function limitOf(name: string, words: readonly string[], except: boolean, outer: Limit | undefined): Limit {
  if (!except && words.includes('TRACE'))
    throw new ConfigError(`TRACE cannot be controlled by ${name}>, see TraceEnable`)
  const methods = [...new Set(words.map((method) => (method === 'HEAD' ? 'GET' : method)))]
  const both = outer === undefined ? { methods, except } : joined({ methods, except }, outer)
  if (!both.except && both.methods.length === 0) throw new ConfigError(`${name}> directive excludes all methods`)
  return both
}

/** The methods that both hold for. */
function joined(inner: Limit, outer: Limit): Limit {
  if (inner.except && outer.except) return { except: true, methods: [...new Set([...outer.methods, ...inner.methods])] }
  const [named, other] = inner.except ? [outer, inner] : [inner, outer]
  return { except: false, methods: named.methods.filter((method) => holds(other, method)) }
}

/** Whether a limit holds for a method. */
export const holds = ({ methods, except }: Limit, method: string): boolean =>
  methods.includes(method === 'HEAD' ? 'GET' : method) !== except
