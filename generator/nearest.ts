/*
 * The known word that a mistyped one most likely stands for. Pure.
 */
import { closest } from '../core/base/edit_distance.ts'

/** The closest of `known`, or undefined when none is close: a third of the word may differ, at least 2 characters. */
export const nearest = (word: string, known: Iterable<string>): string | undefined =>
  closest(word, known, Math.max(2, Math.floor(word.length / 3)) + 1)
