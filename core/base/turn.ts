/**
 * Work that is put off to the end of a turn of the event loop, so that many
 * requests share it: writing log lines, for one. Whoever runs a loop of its
 * own calls `endTurn`; where nobody does, the end of Node's turn serves.
 */
type Work = () => void

let waiting: Work[] = []
let fallback: NodeJS.Immediate | undefined

/** Runs `work` once, at the end of this turn. */
export function atTurnEnd(work: Work): void {
  waiting.push(work)
  fallback ??= setImmediate(endTurn)
}

/** Runs what waits. Work that is added meanwhile belongs to the next turn. */
export function endTurn(): void {
  if (fallback === undefined) return
  clearImmediate(fallback)
  fallback = undefined
  const due = waiting
  waiting = []
  for (const work of due) work()
}
