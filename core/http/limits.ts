// What a request head may measure and which dialect it may speak: directives of the server it arrives at.

export interface Limits {
  /** LimitRequestLine, bytes; one more passes. */
  readonly line: number
  /** LimitRequestFields; 0 is unlimited. */
  readonly fields: number
  /** LimitRequestFieldSize, bytes of a header line; one more passes. */
  readonly fieldSize: number
  /** Blank lines that may stand before the request line. */
  readonly blankLines: number
  /** HttpProtocolOptions Strict or Unsafe. */
  readonly strict: boolean
  /** HttpProtocolOptions Allow0.9 or Require1.0. */
  readonly allow09: boolean
  /** HttpProtocolOptions RegisteredMethods or LenientMethods. */
  readonly registeredMethodsOnly: boolean
}

/** Apache's defaults. */
export const DEFAULT_LIMITS: Limits = {
  line: 8190, fields: 100, fieldSize: 8190, blankLines: 10, strict: true, allow09: true, registeredMethodsOnly: false,
}
