export * from './outline.js'
export * from './shapes.js'
export * from './solid.js'
