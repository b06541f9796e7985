// Rotations and frames. World and camera are left-handed, as Unity has them: x right, y up, z forward, metres; meshes are right-handed and packing
// mirrors their x. Quaternions are [x, y, z, w]; a positive pitch (about x) turns forward to down, a positive yaw (about y) forward to right, a positive
// roll (about z) right to up.

export type Vector = readonly [x: number, y: number, z: number]
export type Quaternion = readonly [x: number, y: number, z: number, w: number]
/** Three rows. */
export type Matrix = readonly [Vector, Vector, Vector]

const radians = Math.PI / 180

/** The product that turns by `second` first, then by `first`. */
export function multiply([ax, ay, az, aw]: Quaternion, [bx, by, bz, bw]: Quaternion): Quaternion {
  return [
    aw * bx + ax * bw + ay * bz - az * by,
    aw * by - ax * bz + ay * bw + az * bx,
    aw * bz + ax * by - ay * bx + az * bw,
    aw * bw - ax * bx - ay * by - az * bz,
  ]
}

export function inverse([x, y, z, w]: Quaternion): Quaternion {
  return [-x, -y, -z, w]
}

/** A turn about one axis of the frame. */
export function turn(axis: 'x' | 'y' | 'z', degrees: number): Quaternion {
  const [sin, cos] = [Math.sin((degrees * radians) / 2), Math.cos((degrees * radians) / 2)]
  return [axis === 'x' ? sin : 0, axis === 'y' ? sin : 0, axis === 'z' ? sin : 0, cos]
}

export function matrixOf([x, y, z, w]: Quaternion): Matrix {
  return [
    [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
    [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
    [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
  ]
}

export function rotate(q: Quaternion, [x, y, z]: Vector): Vector {
  const [a, b, c] = matrixOf(q)
  return [a[0] * x + a[1] * y + a[2] * z, b[0] * x + b[1] * y + b[2] * z, c[0] * x + c[1] * y + c[2] * z]
}

export function sum([ax, ay, az]: Vector, [bx, by, bz]: Vector): Vector {
  return [ax + bx, ay + by, az + bz]
}

export function difference([ax, ay, az]: Vector, [bx, by, bz]: Vector): Vector {
  return [ax - bx, ay - by, az - bz]
}

/** The turn without roll that points forward along a direction, of any length: a yaw after a pitch. */
export function lookAlong([x, y, z]: Vector): Quaternion {
  const yaw = Math.atan2(x, z) / radians
  const pitch = Math.atan2(-y, Math.hypot(x, z)) / radians
  return multiply(turn('y', yaw), turn('x', pitch))
}

/**
 * Euler angles as Unity gives them, degrees in [0, 360): about z first, then x, then y, the axes of the frame. Where x is a quarter turn, which leaves one
 * angle of y and z free, z is 0.
 */
export function eulerAngles(q: Quaternion): Vector {
  const [a, b, c] = matrixOf(q)
  const sin = Math.min(1, Math.max(-1, -b[2]))
  const isFree = Math.abs(sin) > 1 - 1e-12
  const y = isFree ? Math.atan2(-c[0], a[0]) : Math.atan2(a[2], c[2])
  const z = isFree ? 0 : Math.atan2(b[0], b[1])
  const positive = (angle: number) => {
    const degrees = (((angle / radians) % 360) + 360) % 360
    return degrees === 360 ? 0 : degrees
  }
  return [positive(Math.asin(sin)), positive(y), positive(z)]
}
