/**
 * A filter that decides when the body begins which of its providers does the
 * work (mod_filter's harness). One rule: the first whose condition holds.
 */
import {
  after, eachPiece, isPromise, isQuick, type Answer, type Data, type OutputFilter, type Request, type Sink, type Wait,
} from 'httpd'
import type { Declared, Protocol, Provider } from './settings.ts'

const harnesses = new WeakMap<Declared, OutputFilter>()

/** Made once for each declaration. */
export function harnessOf(declared: Declared): OutputFilter {
  let harness = harnesses.get(declared)
  if (harness === undefined) {
    const { name, type } = declared
    // The provider's own word on the length counts; here it would be taken before anything is decided.
    harnesses.set(declared, harness = {
      name, type, keepsLength: true, quick: (r) => isQuickFor(declared, r), setup: setupOf(declared),
      begin: (r, next) => begin(declared, r, next),
    })
  }
  return harness
}

// Asked before the handler has run: whatever type the body may come to have, each provider that may act is quick.
function isQuickFor({ providers }: Declared, r: Request): boolean {
  return providers.every(({ filter, condition }) => {
    const found = r.findOutputFilter(filter)
    return (condition === undefined || condition.quick) && (found === undefined || isQuick(found, r))
  })
}

/** Every provider's, whichever comes to do the work, as in Apache. Which have one is looked up once. */
function setupOf({ providers }: Declared): (r: Request) => void {
  let setting: OutputFilter[] | undefined
  return (r) => {
    setting ??= providers.map(({ filter }) => r.findOutputFilter(filter)).filter((found) => found?.setup !== undefined) as OutputFilter[]
    for (const found of setting) found.setup!(r)
  }
}

function begin(declared: Declared, r: Request, next: Sink): Sink | undefined {
  const found = choose(declared.providers, r, 0)
  const sink = isPromise(found) ? later(found.then((provider) => started(declared, provider, r, next))) : started(declared, found, r, next)
  return declared.trace > 0 ? traced(declared, r, sink) : sink === next ? undefined : sink
}

/** The first provider whose condition holds. */
function choose(providers: readonly Provider[], r: Request, from: number): Answer<Provider | undefined> {
  for (let i = from; i < providers.length; i++) {
    const holds = matches(providers[i]!, r)
    if (isPromise(holds)) return holds.then((yes) => (yes ? providers[i] : choose(providers, r, i + 1)))
    if (holds) return providers[i]
  }
  return undefined
}

/** Whether a provider is for this response. */
export function matches({ types, condition }: Provider, r: Request): Answer<boolean> {
  if (types === undefined) return condition === undefined || condition.resolve(r, 'filter', itself, never)
  const type = bareType(r.contentType)
  return type !== undefined && types.includes(type)
}

const itself = (value: boolean): boolean => value
// What cannot be evaluated has been logged, and does not hold.
const never = (): boolean => false

function started(declared: Declared, provider: Provider | undefined, r: Request, next: Sink): Sink {
  if (provider === undefined) return next
  const filter = r.findOutputFilter(provider.filter)
  if (filter === undefined) return next
  const sink = filter.begin(r, next)
  if (sink === undefined) return next
  if (filter.keepsLength !== true) r.headersOut.unset('Content-Length')
  apply({ ...declared.protocol, ...provider.protocol }, r)
  return sink
}

/** What stops being true of a response that is changed. */
function apply({ change, cache, byteranges }: Protocol, { headersOut }: Request): void {
  if (change === 'yes' || change === '1:1') {
    headersOut.unset('Content-MD5')
    headersOut.unset('ETag')
    if (change === 'yes') headersOut.unset('Content-Length')
  }
  if (cache === false) {
    headersOut.unset('Last-Modified')
    headersOut.add('Cache-Control', 'no-cache')
  }
  if (byteranges === false) headersOut.set('Accept-Ranges', 'none')
}

/** Stands in for a sink that is not known yet. */
function later(sink: Promise<Sink>): Sink {
  let known: Sink | undefined
  let cancelled = false
  const ready = sink.then((found) => {
    known = found
    if (cancelled) found.cancel?.()
  })
  ready.catch(() => undefined)
  const when = (act: (to: Sink) => Wait): Wait => (known === undefined ? ready.then(() => act(known!)) : act(known))
  return {
    write: (data) => when((to) => to.write(data)),
    flush: () => when((to) => to.flush()),
    end: () => when((to) => to.end()),
    cancel: () => {
      cancelled = true
      known?.cancel?.()
    },
  }
}

/** FilterTrace: what passes, into the error log. */
function traced({ name, trace }: Declared, r: Request, to: Sink): Sink {
  const say = (number: string, text: string): void => r.log('notice', 'filter', `${number}: ${text}`)
  const show = (data: Data): Wait => eachPiece(data, (bytes) => {
    say('AH01376', `${name}: ${bytes.length} bytes${trace > 1 ? `: ${Buffer.from(bytes).toString('latin1')}` : ''}`)
    return undefined
  })
  say('AH01375', name)
  return {
    write: (data) => after(show(data), () => to.write(data)) as Wait,
    flush: () => to.flush(),
    end: () => to.end(),
    cancel: () => to.cancel?.(),
  }
}

/** A media type without what follows it; most have nothing. */
function bareType(type: string | undefined): string | undefined {
  const end = type?.search(/[; \t]/) ?? -1
  return end < 0 ? type : type!.slice(0, end)
}
