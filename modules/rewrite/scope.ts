/* What a text with references is expanded in: one request, going through one list of rules. */
import { type Request, type RegexMatch } from 'httpd'
import type { RewriteMap } from './maps.ts'

/** Groups of a match, or of an expression's. */
export type Groups = readonly (string | undefined)[] | undefined

export interface Scope {
  readonly request: Request
  readonly maps: ReadonlyMap<string, RewriteMap>
  /** `$0` to `$9`: of the rule. */
  ruleGroups: RegexMatch | undefined
  /** `%0` to `%9`: of the last condition that matched. */
  conditionGroups: Groups
  /** A request header was asked for, and there: the answer may depend on it. */
  dependsOn(header: string): void
  /** Apache's trace. Ask `traces` before a text is made. */
  readonly traces: boolean
  trace(level: TraceLevel, text: string, general?: true): void
}

export type TraceLevel = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8
