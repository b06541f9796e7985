// What the bodies of vehicles and machines are made of.
import type { Solid } from '../kit/index.js'

export const paint = (solid: Solid): Solid => solid.of('body', 'paint')
export const steel = (solid: Solid): Solid => solid.of('metalwork', 'metal')
