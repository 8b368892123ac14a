/*
 * What a client makes of the answers before: credentials for the last challenge (RFC 7616), the value of a cookie that was
 * set. A request of a case says so: `<<digest USER PASSWORD [NAME=VALUE]...>>`, `<<cookie NAME>>`.
 */
import { createHash } from 'node:crypto'
import type { Answers } from './exchange.ts'

/** What one client remembers of one case. */
export class Dialogue {
  #challenge = new Map<string, string>()
  readonly #cookies = new Map<string, string>()

  remember({ answers }: Answers): void {
    for (const [name, value] of answers.flatMap(({ fields }) => fields)) {
      if (/^www-authenticate$/i.test(name) && /^digest /i.test(value)) this.#challenge = parameters(value)
      const next = /^authentication-info$/i.test(name) ? parameters(value).get('nextnonce') : undefined
      if (next !== undefined) this.#challenge.set('nonce', next)
      const cookie = /^set-cookie2?$/i.test(name) ? /^([^=]*)=([^;]*)/.exec(value) : null
      if (cookie !== null) this.#cookies.set(cookie[1]!, cookie[2]!)
    }
  }

  /** A request with all that stands in it for something else. */
  filled(bytes: string): string {
    const line = /^(\S+) (\S+)/.exec(bytes)
    return bytes.replace(/<<digest ([^>]*)>>/g, (_, words: string) => this.#credentials(words.split(' '), line![1]!, line![2]!))
      .replace(/<<cookie ([^>]*)>>/g, (_, name: string) => this.#cookies.get(name) ?? 'none')
  }

  /** Words say what is otherwise than it should be; an empty value leaves a parameter out, `@` asks for an empty one. */
  #credentials([user, password, ...words]: readonly string[], method: string, target: string): string {
    const said = new Map<string, string>([
      ['username', user!], ['realm', this.#challenge.get('realm') ?? ''], ['nonce', this.#challenge.get('nonce') ?? ''],
      ['uri', target], ['nc', '00000001'], ['cnonce', 'abc'], ['qop', 'auth'],
    ])
    const opaque = this.#challenge.get('opaque')
    if (opaque !== undefined) said.set('opaque', opaque)
    const after = new Map<string, string>()
    for (const word of words) {
      const [, late, name, value] = /^(!?)([^=]*)=(.*)$/.exec(word)!
      ;(late === '' ? said : after).set(name!, value!)
    }
    const of = (name: string): string => said.get(name) ?? ''
    const a1 = md5(`${user!}:${of('realm')}:${password!}`)
    const middle = of('qop') === '' ? '' : `${of('nc')}:${of('cnonce')}:${of('qop')}:`
    said.set('response', md5(`${a1}:${of('nonce')}:${middle}${md5(`${method}:${of('uri')}`)}`))
    const all = [...new Map([...said, ...after])].filter(([, value]) => value !== '')
    return `Digest ${all.map(([name, value]) => `${name}="${value === '@' ? '' : value}"`).join(', ')}`
  }
}

const md5 = (text: string): string => createHash('md5').update(text, 'latin1').digest('hex')

const parameters = (text: string): Map<string, string> =>
  new Map([...text.matchAll(/(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^,\s]*))/g)].map(([, name, quoted, token]) => [name!, quoted ?? token!]))
