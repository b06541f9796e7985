// Polygons of any number of corners in space, cut into triangles.
import type { Point2 } from '../solid/kit/solid.js'

/** Corners that are tried as the tip of a fan. */
const mostFans = 32
/** Twice the area over the square of the longest side, below which three corners lie on a line. */
const leastShape = 1e-7

/**
 * Cuts a polygon into triangles, as places of its corners. A fan from a corner that sees all others does for most, then ears are cut. One that crosses
 * itself or has no area becomes a fan all the same, so that its edges still meet those of its neighbours.
 * @param points x, y and z of the corners in order
 */
export function cutPolygon(points: readonly number[]): number[] {
  const count = points.length / 3
  if (count === 3) return [0, 1, 2]
  const at = (i: number, axis: number) => points[(i % count) * 3 + axis] as number
  // Newell's normal, as long as twice the polygon's area; the corners are seen along its largest component.
  const normal = [0, 1, 2].map((axis) => {
    const [u, v] = [(axis + 1) % 3, (axis + 2) % 3]
    let sum = 0
    for (let i = 0; i < count; ++i) sum += (at(i, u) - at(i + 1, u)) * (at(i, v) + at(i + 1, v))
    return sum
  })
  const area = Math.max(...normal.map(Math.abs))
  const axis = normal.findIndex((component) => Math.abs(component) === area)
  const sign = Math.sign(normal[axis] as number) || 1
  const flat = Array.from({ length: count }, (_, i): Point2 => [at(i, (axis + 1) % 3), sign * at(i, (axis + 2) % 3)])
  for (let first = 0; first < Math.min(count, mostFans); ++first) if (isFan(flat, first, 1e-9 * area)) return fan(first, count)
  return new Ears(flat).cut() ?? fan(0, count)
}

/** Twice the area, positive where the three run counter-clockwise. */
function side([ax, ay]: Point2, [bx, by]: Point2, [cx, cy]: Point2): number {
  return (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
}

function longestSide([ax, ay]: Point2, [bx, by]: Point2, [cx, cy]: Point2): number {
  return Math.max(Math.hypot(bx - ax, by - ay), Math.hypot(cx - bx, cy - by), Math.hypot(ax - cx, ay - cy))
}

/** Whether a corner sees all others: none of its triangles is without an area, for that would go, and leave a gap in the edges. */
function isFan(flat: readonly Point2[], first: number, least: number): boolean {
  const count = flat.length
  const corner = (i: number) => flat[(first + i) % count] as Point2
  for (let i = 1; i < count - 1; ++i) if (!(side(corner(0), corner(i), corner(i + 1)) > least)) return false
  return true
}

function fan(first: number, count: number): number[] {
  return Array.from({ length: count - 2 }, (_, i) => [first, (first + i + 1) % count, (first + i + 2) % count]).flat()
}

/** In place of a corner's turn when it is cut off. */
const gone = -1

/** An ear that may be cut: its tip, its shape when it was found, and which of its tip's ears it was. */
type Found = readonly [shape: number, tip: number, turn: number]

/**
 * Clipping of ears, the best shaped first. What can be in an ear's way is a corner that is not convex: those lie in the cells of a grid, and an ear that
 * one is in the way of waits until all others are cut.
 */
class Ears {
  private readonly before: Int32Array
  private readonly after: Int32Array
  /** How often the ear at each corner has changed. */
  private readonly turns: Int32Array
  private readonly heap: Found[] = []
  private readonly grid: Grid
  private blocked: number[] = []

  constructor(private readonly flat: readonly Point2[]) {
    const count = flat.length
    this.before = Int32Array.from(flat, (_, i) => (i + count - 1) % count)
    this.after = Int32Array.from(flat, (_, i) => (i + 1) % count)
    this.turns = new Int32Array(count)
    this.grid = new Grid(
      flat,
      flat.flatMap((_, i) => (this.shape(i) > leastShape ? [] : [i])),
    )
  }

  /** The triangles; null where no ear is left before the end, as in a polygon that crosses itself. */
  cut(): number[] | null {
    for (let i = 0; i < this.flat.length; ++i) this.offer(i)
    const triangles: number[] = []
    for (let left = this.flat.length; left > 2; --left) {
      const tip = this.next() ?? this.retry()
      if (tip === null) return null
      const [from, to] = [this.before[tip] as number, this.after[tip] as number]
      triangles.push(from, tip, to)
      this.after[from] = to
      this.before[to] = from
      this.turns[tip] = gone
      this.grid.remove(tip)
      for (const end of [from, to]) {
        this.turns[end]!++
        if (this.shape(end) > leastShape) this.grid.remove(end)
        this.offer(end)
      }
    }
    return triangles
  }

  /** The best of the ears that waited. */
  private retry(): number | null {
    const waited = this.blocked
    this.blocked = []
    for (const tip of waited) this.offer(tip)
    return this.next()
  }

  private corners(tip: number): [Point2, Point2, Point2] {
    const { flat, before, after } = this
    return [flat[before[tip] as number], flat[tip], flat[after[tip] as number]] as [Point2, Point2, Point2]
  }

  private shape(tip: number): number {
    const corners = this.corners(tip)
    return side(...corners) / longestSide(...corners) ** 2
  }

  private offer(tip: number): void {
    if (this.turns[tip] === gone) return
    const shape = this.shape(tip)
    if (shape > leastShape) push(this.heap, [shape, tip, this.turns[tip] as number])
  }

  /** The best ear that nothing is in the way of; those that something was in the way of are looked at again when there is no other. */
  private next(): number | null {
    for (let found = pop(this.heap); found; found = pop(this.heap)) {
      const [, tip, turn] = found
      if (turn !== this.turns[tip]) continue
      if (!this.isInWay(tip)) return tip
      this.blocked.push(tip)
    }
    return null
  }

  /** A corner within an ear or on its rim, where cutting would leave a strip without area. */
  private isInWay(tip: number): boolean {
    const [a, b, c] = this.corners(tip)
    const longest = longestSide(a, b, c)
    const slack = 1e-9 * longest ** 2
    return this.grid.some([a, b, c], 1e-6 * longest, (p) => {
      if (isSame(p, a) || isSame(p, b) || isSame(p, c)) return false
      return side(a, b, p) >= -slack && side(b, c, p) >= -slack && side(c, a, p) >= -slack
    })
  }
}

const isSame = (a: Point2, b: Point2) => a[0] === b[0] && a[1] === b[1]

/** Points in the cells of a grid, about one in each. */
class Grid {
  private readonly low: Point2
  private readonly extent: Point2
  private readonly cells: number[][]
  private readonly columns: number

  constructor(
    private readonly points: readonly Point2[],
    held: readonly number[],
  ) {
    const range = (axis: 0 | 1) => {
      let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
      for (const point of points) {
        low = Math.min(low, point[axis])
        high = Math.max(high, point[axis])
      }
      return [low, high - low] as const
    }
    const [[x, width], [y, height]] = [range(0), range(1)]
    this.columns = Math.max(1, Math.ceil(Math.sqrt(held.length)))
    this.low = [x, y]
    this.extent = [width, height]
    this.cells = Array.from({ length: this.columns ** 2 }, () => [])
    for (const index of held) this.cellOf(index).push(index)
  }

  /** Whether `test` is true of a point in the box about some corners, or as near to it. */
  some(corners: readonly Point2[], near: number, test: (point: Point2) => boolean): boolean {
    const span = (axis: 0 | 1) => {
      const values = corners.map((corner) => corner[axis])
      return [this.place(Math.min(...values) - near, axis), this.place(Math.max(...values) + near, axis)] as const
    }
    const [[left, right], [top, bottom]] = [span(0), span(1)]
    for (let row = top; row <= bottom; ++row)
      for (let column = left; column <= right; ++column)
        for (const index of this.cells[row * this.columns + column] as number[])
          if (test(this.points[index] as Point2)) return true
    return false
  }

  remove(index: number): void {
    const cell = this.cellOf(index)
    const at = cell.indexOf(index)
    if (at >= 0) cell.splice(at, 1)
  }

  private place(value: number, axis: 0 | 1): number {
    const extent = this.extent[axis]
    const place = extent > 0 ? Math.floor(((value - this.low[axis]) / extent) * this.columns) : 0
    return Math.min(this.columns - 1, Math.max(0, place))
  }

  private cellOf(index: number): number[] {
    const point = this.points[index] as Point2
    return this.cells[this.place(point[1], 1) * this.columns + this.place(point[0], 0)] as number[]
  }
}

/** Whether one ear is cut before another: the better shaped, else the first. */
const isBefore = (a: Found, b: Found) => a[0] > b[0] || (a[0] === b[0] && a[1] < b[1])

/** Adds to a heap. */
function push(heap: Found[], found: Found): void {
  let at = heap.push(found) - 1
  for (let up = (at - 1) >> 1; at > 0 && isBefore(found, heap[up] as Found); up = (at - 1) >> 1) {
    heap[at] = heap[up] as Found
    at = up
  }
  heap[at] = found
}

/** Takes the first of a heap. */
function pop(heap: Found[]): Found | undefined {
  const [first, last] = [heap[0], heap.pop()]
  if (heap.length === 0 || last === undefined) return first
  let at = 0
  for (let down = 1; down < heap.length; down = 2 * at + 1) {
    if (down + 1 < heap.length && isBefore(heap[down + 1] as Found, heap[down] as Found)) ++down
    if (!isBefore(heap[down] as Found, last)) break
    heap[at] = heap[down] as Found
    at = down
  }
  heap[at] = last
  return first
}
