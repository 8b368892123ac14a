/** What ServerSignature adds to pages that the server makes (Apache's ap_psignature). */
import type { Request } from '../hook/types.ts'
import { signature } from '../http/error_body.ts'
import { dirCore } from './core_settings.ts'
import type { RequestRec } from './request_rec.ts'
import { selfName, selfPort } from './self_url.ts'

/** HTML, with a rule above it; empty when it is off. */
export function signatureOf(r: RequestRec): string {
  const { serverSignature } = r.dir(dirCore)
  if (serverSignature === 'off') return ''
  return signature(serverSignature === 'email' ? 'EMail' : 'On', r.connection.engine.serverTokens, selfName(r), selfPort(r),
    r.served.settings.serverAdmin)
}

/** The same without the rule, for modules. */
// Every request of this server is one.
export const pageSignature = (r: Request): string => signatureOf(r as RequestRec).replace(/^<hr>\n/, '')
