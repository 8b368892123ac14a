/**
 * Reads what is left of a body that nobody wants (Apache's ap_discard_request_body): what is wrong with it counts all
 * the same, and the next request begins behind it.
 */
import { HANDOVER, OK, type Answer, type Status } from '../hook/hook.ts'
import { BodyFault } from './body_reader.ts'
import type { RequestRec } from './request_rec.ts'

/**
 * At once as far as it has come. Event's listener does not wait for the rest: what it has taken from the input by then
 * could not be handed over any more. There it answers HANDOVER, and the request begins anew elsewhere.
 * @throws BodyError, or rejects with one
 */
export function discardBody(r: RequestRec): Answer<Status> {
  const { input, engine } = r.connection
  const body = r.body!
  if (!engine.mayBlock && r.head !== engine.head) return HANDOVER
  if (!r.head.expectContinue || r.continued) {
    for (let before = -1; before !== input.start && !body.done;) {
      before = input.start
      body.next(input)
    }
    if (body.fault !== undefined) throw new BodyFault(body.fault)
  }
  if (body.done) return OK
  return engine.mayBlock ? restOfBody(r) : HANDOVER
}

async function restOfBody(r: RequestRec): Promise<Status> {
  while (await r.read() !== null) { /* thrown away */ }
  return OK
}
