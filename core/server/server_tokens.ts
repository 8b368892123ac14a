/** How the server names itself: ServerTokens (RFC 9110 section 10.2.4). */
import { VERSION } from '../base/version.ts'
import type { globalCore } from './core_settings.ts'

const PRODUCT = 'Switchyard'

export function serverTokens(tokens: (typeof globalCore.defaults)['serverTokens']): string {
  const [major = '0', minor = '0'] = VERSION.split('.')
  switch (tokens) {
    case 'Prod': return PRODUCT
    case 'Major': return `${PRODUCT}/${major}`
    case 'Minor': return `${PRODUCT}/${major}.${minor}`
    case 'Min': return `${PRODUCT}/${VERSION}`
    default: return `${PRODUCT}/${VERSION} (Unix)`
  }
}
