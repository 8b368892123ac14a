/**
 * What modules of sessions agree upon: mod_session has them, stores keep them (mod_session_cookie), coders change how they
 * are written (mod_session_crypto), and whoever wants one asks `loadSession`. All of it answers at once: a session is
 * written when the head of the response is made.
 */
import type { Request } from '../hook/types.ts'

/** The one of a request and of all that it leads to. Names of entries compare without regard to case. */
export interface Session {
  readonly entries: Map<string, string>
  /** When it ends, in us since the epoch; 0: it does not. */
  expiry: number
  /** SessionMaxAge as it holds where it was loaded last, in seconds. */
  maxAge: number
  /** Something was changed: it is to be written. */
  dirty: boolean
  written: boolean
  /** As a store has it, until it is decoded. */
  encoded: string | undefined
}

export interface SessionStore {
  /** @returns undefined if nothing is configured here */
  load(r: Request): Session | undefined
  /**
   * @param r whose configuration counts
   * @param answer whose response it goes with @returns false if nothing is configured here
   */
  save(r: Request, session: Session, text: string, answer: Request): boolean
}

export interface SessionCoder {
  /** @throws SessionError */
  encode(r: Request, text: string): string
  /** @throws SessionError */
  decode(r: Request, text: string): string
}

/** A session cannot be read or written; why has been logged. */
export class SessionError extends Error {}

const stores = new Map<string, SessionStore>()
const coders = new Map<string, SessionCoder>()
let load: (r: Request) => Session | undefined = () => undefined

// A later registration of the same name counts.
export const registerSessionStore = (name: string, store: SessionStore): void => void stores.set(name, store)
export const registerSessionCoder = (name: string, coder: SessionCoder): void => void coders.set(name, coder)
export const registerSessions = (by: typeof load): void => void (load = by)

export const sessionStores = (): Iterable<SessionStore> => stores.values()
export const sessionCoders = (): readonly SessionCoder[] => [...coders.values()]

/** The session of a request; undefined where there is none (Session Off, or no module for it). Changes set `dirty`. */
export const loadSession = (r: Request): Session | undefined => load(r)
