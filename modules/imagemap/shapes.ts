/* Points and the areas of a map. */

export type Point = readonly [x: number, y: number]

/** More corners are not looked at. */
export const MOST_CORNERS = 100

/** Two corners that are opposite each other. */
export function inRectangle([x, y]: Point, [a, b]: readonly Point[]): boolean {
  return a !== undefined && b !== undefined && x >= Math.min(a[0], b[0]) && x <= Math.max(a[0], b[0]) &&
    y >= Math.min(a[1], b[1]) && y <= Math.max(a[1], b[1])
}

/** The middle and a point of the edge. */
export const inCircle = (point: Point, [middle, edge]: readonly Point[]): boolean =>
  middle !== undefined && edge !== undefined && distance2(middle, point) <= distance2(middle, edge)

/** Square of the distance. */
export const distance2 = (a: Point, b: Point): number => (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2

/** The edge belongs to it. */
export function inPolygon([x, y]: Point, corners: readonly Point[]): boolean {
  let inside = false
  for (let i = 0; i < corners.length; i++) {
    const [x1, y1] = corners[i]!
    const [x2, y2] = corners[(i + 1) % corners.length]!
    const side = (y - y1) * (x2 - x1) - (x - x1) * (y2 - y1)
    if (y1 >= y !== y2 >= y && (y2 >= y1 ? side >= 0 : side <= 0)) inside = !inside
    const isBetween = Math.min(x1, x2) <= x && x <= Math.max(x1, x2) && Math.min(y1, y2) <= y && y <= Math.max(y1, y2)
    if (side === 0 && isBetween) return true
  }
  return inside
}
